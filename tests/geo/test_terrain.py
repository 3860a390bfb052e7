import math

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.warp import Resampling, reproject
from scipy import ndimage

from model_core.contract.errors import InputError
from model_core.geo.terrain import COLUMNS, slope_and_aspect, terrain_columns

CRS = "EPSG:32645"
LEFT, TOP, SIZE = 320_000.0, 3_115_000.0, 10.0


def write(path, elevation, transform=None, crs=CRS, nodata=None, count=1):
    elevation = np.asarray(elevation, np.float32)
    with rasterio.open(path, "w", driver="GTiff", height=elevation.shape[0], width=elevation.shape[1], count=count,
                       dtype="float32", crs=crs, nodata=nodata,
                       transform=transform or Affine(SIZE, 0, LEFT, 0, -SIZE, TOP)) as out:
        for band in range(count):
            out.write(elevation, band + 1)
    return path


def plane(slope_deg, aspect_deg, shape=(60, 80)):
    """Elevations of an inclined plane that falls towards a direction."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    east, north = (cols + 0.5) * SIZE, -(rows + 0.5) * SIZE
    towards = math.radians(aspect_deg)
    return 3000 - math.tan(math.radians(slope_deg)) * (east * math.sin(towards) + north * math.cos(towards))


def box(col, row, width, height):
    """A rectangle in pixels of the elevation model."""
    x, y = LEFT + SIZE * col, TOP - SIZE * row
    return shapely.box(x, y - SIZE * height, x + SIZE * width, y)


def described(path, *shapes, crs=CRS, **options):
    frame = gpd.GeoDataFrame(geometry=list(shapes), crs=CRS).to_crs(crs)
    return terrain_columns(frame, path, **options)


@pytest.mark.parametrize(("slope", "aspect"), [(30, 90), (12.5, 0), (45, 225), (3, 300), (60, 179)])
def test_a_plane_has_its_slope_and_aspect_exactly(tmp_path, slope, aspect):
    found = described(write(tmp_path / "dem.tif", plane(slope, aspect)), box(10, 10, 20, 8)).iloc[0]
    assert found["slope_deg"] == pytest.approx(slope, abs=2e-3)
    assert found["aspect_deg"] == pytest.approx(aspect, abs=0.02)


def test_crown_toe_and_length_of_a_landslide_down_a_plane(tmp_path):
    elevation = plane(30, 90)
    found = described(write(tmp_path / "dem.tif", elevation), box(10, 20, 30, 4)).iloc[0]
    assert found["crown_m"] == pytest.approx(elevation[20, 10], abs=1e-3)
    assert found["toe_m"] == pytest.approx(elevation[20, 39], abs=1e-3)
    assert found["length_m"] == pytest.approx(290)  # between the centres of the first and the last pixel
    assert found["height_m"] == pytest.approx(290 * math.tan(math.radians(30)), abs=1e-3)
    assert found["h_l"] == pytest.approx(math.tan(math.radians(30)), abs=1e-5)


def test_slope_and_aspect_are_horns_which_gdaldem_takes_too(tmp_path):
    # Horn (1981), the default of gdaldem, as convolutions.
    elevation = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal((40, 50)), 3) * 500
    across = ndimage.correlate(elevation, np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / (8 * SIZE))
    along = ndimage.correlate(elevation, np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]) / (8 * SIZE))
    slope, east, north = slope_and_aspect(elevation, SIZE, SIZE)
    np.testing.assert_allclose(slope, np.degrees(np.arctan(np.hypot(across, along)))[1:-1, 1:-1], rtol=1e-10)
    downhill = np.degrees(np.arctan2(-across, -along))[1:-1, 1:-1]
    np.testing.assert_allclose(np.cos(np.radians(downhill) - np.arctan2(east, north)), 1, atol=1e-12)


def test_one_wrong_pixel_makes_no_crown(tmp_path):
    elevation = plane(20, 180)
    right = described(write(tmp_path / "dem.tif", elevation), box(10, 10, 12, 20)).iloc[0]
    elevation[15, 15] = 9000
    spiked = described(write(tmp_path / "spike.tif", elevation), box(10, 10, 12, 20)).iloc[0]
    assert spiked["crown_m"] == pytest.approx(right["crown_m"], abs=1e-3)
    assert spiked["toe_m"] == right["toe_m"]


def test_level_ground_has_no_aspect_and_no_ratio(tmp_path):
    found = described(write(tmp_path / "dem.tif", np.full((30, 30), 100.0)), box(5, 5, 1, 1)).iloc[0]
    assert found["slope_deg"] == 0 and math.isnan(found["aspect_deg"]) and math.isnan(found["h_l"])
    assert (found["height_m"], found["length_m"]) == (0, 0)


def test_aspects_around_north_do_not_average_to_south(tmp_path):
    valley = np.concatenate([plane(30, 350, (60, 20)), plane(30, 10, (60, 20))], axis=1)
    found = described(write(tmp_path / "dem.tif", valley), box(5, 10, 9, 20), box(26, 10, 9, 20))
    assert found["aspect_deg"].tolist() == pytest.approx([350, 10], abs=0.05)
    both = described(tmp_path / "dem.tif", shapely.union_all([box(5, 10, 9, 20), box(26, 10, 9, 20)])).iloc[0]
    assert min(both["aspect_deg"], 360 - both["aspect_deg"]) < 0.1


@pytest.mark.parametrize("where", [(-3, 10), (75, 10), (10, -2), (10, 55), (500, 500), (30, 30)])
def test_where_elevations_are_missing_nothing_stands(tmp_path, where):
    elevation = plane(30, 90)
    elevation[33, 33] = -9999
    path = write(tmp_path / "dem.tif", elevation, nodata=-9999)
    found = described(path, box(*where, 6, 6), box(50, 10, 6, 6), min_slope_deg=50)
    assert found.iloc[0].isna().all()
    assert found.iloc[1].notna().all()


def test_at_the_edge_of_the_model_the_inner_pixels_tell_the_slope(tmp_path):
    found = described(write(tmp_path / "dem.tif", plane(30, 90)), box(0, 0, 6, 6), box(0, 0, 1, 1))
    assert found["slope_deg"].iloc[0] == pytest.approx(30, abs=1e-3)
    assert math.isnan(found["slope_deg"].iloc[1]) and found["crown_m"].iloc[1] > 0


def test_flat_polygons_are_marked_and_stay(tmp_path):
    path = write(tmp_path / "dem.tif", np.concatenate([plane(3.2, 90), plane(30, 90)]))
    shapes = box(10, 10, 8, 8), box(10, 80, 8, 8)
    assert described(path, *shapes, min_slope_deg=5)["review"].tolist() == ["flat: 3 deg", None]
    assert described(path, *shapes)["review"].isna().all()


def test_a_polygon_below_a_pixel_takes_the_pixel_it_touches(tmp_path):
    found = described(write(tmp_path / "dem.tif", plane(30, 90)), box(10.6, 10.6, 0.3, 0.3)).iloc[0]
    assert found["slope_deg"] == pytest.approx(30, abs=1e-3) and found["length_m"] == 0


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32644"])
def test_any_coordinate_system_gives_nearly_the_same(tmp_path, crs):
    elevation = plane(25, 140, (200, 200)).astype(np.float32)
    there = write(tmp_path / "dem.tif", elevation)
    with rasterio.open(there) as source:
        transform, width, height = rasterio.warp.calculate_default_transform(
            CRS, crs, source.width, source.height, *source.bounds)
    moved = np.full((height, width), -9999, np.float32)
    reproject(elevation, moved, src_transform=Affine(SIZE, 0, LEFT, 0, -SIZE, TOP), src_crs=CRS, dst_crs=crs,
              dst_transform=transform, dst_nodata=-9999, resampling=Resampling.cubic)
    other = write(tmp_path / "moved.tif", moved, transform, crs, nodata=-9999)
    shape = box(80, 80, 30, 20)
    one, two = described(there, shape).iloc[0], described(other, shape, crs="EPSG:4326").iloc[0]
    assert two["slope_deg"] == pytest.approx(one["slope_deg"], abs=0.3)
    # UTM zone 44 lies far away here, where its north is turned by some degrees.
    assert two["aspect_deg"] == pytest.approx(one["aspect_deg"], abs=5)
    assert two["length_m"] == pytest.approx(one["length_m"], rel=0.05)
    assert two["crown_m"] == pytest.approx(one["crown_m"], abs=8)


def test_no_polygon_gives_the_columns(tmp_path):
    assert list(described(write(tmp_path / "dem.tif", plane(1, 1))).columns) == list(COLUMNS)


@pytest.mark.parametrize(("options", "said"), [({"count": 3}, "has 3 bands"), ({"crs": None}, "no coordinate system"),
                                               ({"transform": Affine(7, 7, LEFT, 7, -7, TOP)}, "not north up")])
def test_what_is_no_elevation_model_is_refused(tmp_path, options, said):
    path = write(tmp_path / "dem.tif", plane(1, 1), **options)
    with pytest.raises(InputError, match=said) as error:
        described(path, box(1, 1, 2, 2))
    assert error.value.hint
