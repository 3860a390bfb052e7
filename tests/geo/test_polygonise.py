import datetime

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.features import rasterize
from scipy import ndimage
from skimage import measure as judge

from model_core.contract.errors import InputError
from model_core.geo import polygonise as module
from model_core.geo.areas import area_m2
from model_core.geo.polygonise import polygonise

TRANSFORM = Affine(5, 0, 320000, 0, -5, 3110000)
CRS = "EPSG:32645"
COLUMNS = ["id", "area_m2", "perimeter_m", "prob_mean", "prob_min", "date", "model_id", "in_training", "n_pixels"]


def write(path, values, nodata, transform=TRANSFORM):
    with rasterio.open(path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
                       dtype=values.dtype, nodata=nodata, transform=transform, crs=CRS) as out:
        out.write(values, 1)
    return path


def outlined(folder, binary, probability=None, **options):
    """Polygonises arrays; returns the summary and what pyogrio reads back."""
    if probability is None:
        probability = np.where(binary == 255, np.nan, binary * 0.9).astype(np.float32)
    rasters = write(folder / "b.tif", binary, 255), write(folder / "p.tif", probability, np.nan)
    out = folder / "out.gpkg"
    summary = polygonise(*rasters, out, **options)
    return summary, pyogrio.read_dataframe(out, layer="predicted")


@pytest.fixture
def noisy_map():
    """(binary, probability) of 300 x 240 px with many objects, holes, corner contacts and a strip without data."""
    field = ndimage.gaussian_filter(np.random.default_rng(3).standard_normal((300, 240)), 2.5)
    probability = (1 / (1 + np.exp(-(field - np.quantile(field, 0.85)) / field.std() * 3))).astype(np.float32)
    binary = (probability > 0.5).astype(np.uint8)
    binary[:20], probability[:20] = 255, np.nan
    binary[40:44, 40:44] = np.eye(4, dtype=np.uint8)
    binary[100:115, 100:115] = 1
    binary[105:110, 105:110] = 0
    return binary, probability


@pytest.mark.parametrize(("connectivity", "rank"), [(4, 1), (8, 2)])
@pytest.mark.parametrize("at_a_time_px", [9_000, 2**23])  # 37 rows, or all
def test_objects_and_their_statistics_are_those_of_a_labelled_array(
    tmp_path, noisy_map, connectivity, rank, at_a_time_px, monkeypatch
):
    monkeypatch.setattr(module, "_OUTLINED_PX", at_a_time_px)
    monkeypatch.setattr(module, "_READ_ROWS", at_a_time_px // 300)
    binary, probability = noisy_map
    summary, found = outlined(tmp_path, binary, probability, connectivity=connectivity, min_area_m2=0, min_pixels=1)
    labels, n = judge.label(binary == 1, connectivity=rank, return_num=True)
    regions = judge.regionprops_table(labels, probability, properties=["area", "mean_intensity", "min_intensity"])
    assert summary.n == len(found) == n
    ours = found[["n_pixels", "prob_mean", "prob_min"]].to_numpy()
    theirs = np.column_stack([regions["area"], regions["mean_intensity"], regions["min_intensity"]])
    order = [np.lexsort(np.round(table, 5).T[::-1]) for table in (ours, theirs)]
    np.testing.assert_allclose(ours[order[0]], theirs[order[1]], rtol=1e-5)


@pytest.mark.parametrize("at_a_time_px", [9_000, 2**23])
def test_polygons_burn_back_to_the_map(tmp_path, noisy_map, at_a_time_px, monkeypatch):
    monkeypatch.setattr(module, "_OUTLINED_PX", at_a_time_px)
    binary, probability = noisy_map
    _, found = outlined(tmp_path, binary, probability, min_area_m2=0, min_pixels=1)
    burned = rasterize(found.geometry, binary.shape, transform=TRANSFORM)
    assert (burned == (binary == 1)).all()
    assert found.is_valid.all()
    assert found.area.tolist() == (found["n_pixels"] * 25.0).tolist()
    assert found["area_m2"].tolist() == pytest.approx(area_m2(found.geometry, CRS).tolist())


def test_small_objects_are_removed_whole_and_counted(tmp_path):
    binary = np.zeros((30, 30), np.uint8)
    binary[2:4, 2:6] = 1  # 8 px = 200 m²
    binary[10, 2:9] = 1  # 7 px
    binary[20, 20] = 1
    summary, found = outlined(tmp_path, binary)
    assert found["n_pixels"].tolist() == [8]
    assert (summary.n, summary.n_removed) == (1, 2)
    assert summary.area_m2 == pytest.approx(200, rel=1e-3)


def test_the_pixel_bound_holds_where_pixels_are_coarse(tmp_path):
    binary = np.zeros((10, 10), np.uint8)
    binary[2, 2:4] = 1  # 2 px of 100 m²
    out = tmp_path / "out.gpkg"
    coarse = TRANSFORM * Affine.scale(2)
    rasters = (write(tmp_path / "b.tif", binary, 255, coarse),
               write(tmp_path / "p.tif", binary.astype(np.float32), np.nan, coarse))
    assert polygonise(*rasters, out).n == 0
    assert polygonise(*rasters, out, min_pixels=2).n == 1


def test_an_object_outlined_in_parts_has_no_vertex_where_it_was_cut(tmp_path, monkeypatch):
    binary = np.zeros((40, 20), np.uint8)
    binary[3:33, 4:12] = 1
    binary[12, 6:9] = 0
    whole = outlined(tmp_path, binary)[1]
    monkeypatch.setattr(module, "_OUTLINED_PX", 200)  # 10 rows
    parts = outlined(tmp_path, binary)[1]
    assert shapely.equals(parts.geometry[0], whole.geometry[0])
    assert shapely.get_num_coordinates(parts.geometry[0]) == shapely.get_num_coordinates(whole.geometry[0]) == 10


def test_small_objects_near_the_area_bound_are_judged_by_their_own_area(tmp_path):
    # At 60° north a pixel of 10 m of this map covers 25 m² on the ground.
    mercator = Affine(10, 0, 1_000_000, 0, -10, 8_399_737)
    binary = np.zeros((30, 30), np.uint8)
    binary[2:4, 2:7] = binary[10:12, 10:12] = 1
    for name, values, nodata in (("b.tif", binary, 255), ("p.tif", binary.astype(np.float32), np.nan)):
        with rasterio.open(tmp_path / name, "w", driver="GTiff", height=30, width=30, count=1, dtype=values.dtype,
                           nodata=nodata, transform=mercator, crs="EPSG:3857") as out:
            out.write(values, 1)
    out = tmp_path / "out.gpkg"
    found = polygonise(tmp_path / "b.tif", tmp_path / "p.tif", out, min_area_m2=200, min_pixels=1)
    assert (found.n, found.n_removed) == (1, 1)
    assert found.area_m2 == pytest.approx(250, rel=0.01)


def test_holes_stay_and_corners_join(tmp_path):
    binary = np.zeros((30, 30), np.uint8)
    binary[2:12, 2:12] = 1
    binary[5:8, 5:8] = 0
    binary[12:20, 12:20] = 1
    _, found = outlined(tmp_path, binary)
    assert found["n_pixels"].tolist() == [91 + 64]
    _, apart = outlined(tmp_path, binary, connectivity=4)
    assert sorted(apart["n_pixels"]) == [64, 91]
    assert shapely.get_num_interior_rings(shapely.get_parts(np.asarray(apart.geometry))).sum() == 1
    # Outline of the square and of its hole.
    assert apart["perimeter_m"].max() == pytest.approx((40 + 12) * 5, rel=1e-3)


def test_missing_probabilities_do_not_spread(tmp_path):
    binary = np.zeros((12, 24), np.uint8)
    binary[2:10, 2:10] = binary[2:10, 14:22] = 1
    probability = np.full(binary.shape, 0.8, np.float32)
    probability[2, 2:10] = np.nan
    probability[3, 3] = 0.6
    probability[:, 14:22] = np.nan
    _, found = outlined(tmp_path, binary, probability)
    assert found["prob_mean"].tolist() == pytest.approx([(55 * 0.8 + 0.6) / 56, np.nan], nan_ok=True)
    assert found["prob_min"].tolist() == pytest.approx([0.6, np.nan], nan_ok=True)


def test_date_and_model_are_written_as_such(tmp_path):
    binary = np.ones((4, 4), np.uint8)
    _, found = outlined(tmp_path, binary, date=datetime.date(2018, 9, 6), model_id="unet-1")
    assert str(found["date"][0])[:10] == "2018-09-06"
    assert found["model_id"].tolist() == ["unet-1"]
    assert found["id"].tolist() == [1]
    info = pyogrio.read_info(tmp_path / "out.gpkg")
    assert dict(zip(info["fields"], info["ogr_types"], strict=True))["date"] == "OFTDate"


@pytest.mark.parametrize("fill", [0, 255])
def test_nothing_found_is_a_valid_empty_layer_with_all_columns(tmp_path, fill):
    summary, found = outlined(tmp_path, np.full((8, 8), fill, np.uint8), smooth=True)
    info = pyogrio.read_info(tmp_path / "out.gpkg")
    assert (summary.n, len(found), summary.n_removed) == (0, 0, 0)
    assert info["fields"].tolist() == COLUMNS
    assert (info["geometry_type"], info["crs"]) == ("MultiPolygon", CRS)
    kinds = dict(zip(info["fields"], info["ogr_types"], strict=True))
    assert (kinds["date"], kinds["area_m2"], kinds["id"]) == ("OFTDate", "OFTReal", "OFTInteger64")


def test_objects_on_training_ground_are_marked_and_their_neighbours_are_not(tmp_path):
    binary = np.zeros((12, 40), np.uint8)
    binary[2:10, 2:10] = binary[2:10, 12:20] = binary[2:10, 30:38] = 1
    ground = gpd.GeoSeries([shapely.box(320000, 3109000, 320000 + 5 * 12, 3111000),
                            shapely.box(320000 + 5 * 37, 3109000, 320000 + 5 * 50, 3111000)], crs=CRS)
    _, found = outlined(tmp_path, binary, training_ground=ground)
    # The second object ends where the ground does: an edge in common is no ground in common.
    assert found["in_training"].tolist() == [True, False, True]
    _, found = outlined(tmp_path, binary, training_ground=ground.buffer(-0.5).to_crs("EPSG:4326"))
    assert found["in_training"].tolist() == [True, False, True]
    _, found = outlined(tmp_path, binary)
    assert not found["in_training"].any()


def test_smooth_outlines_keep_area_place_and_objects(tmp_path, noisy_map):
    binary, probability = noisy_map
    _, sharp = outlined(tmp_path, binary, probability)
    _, smooth = outlined(tmp_path, binary, probability, smooth=True)
    assert smooth.is_valid.all()
    assert smooth["area_m2"].tolist() == pytest.approx(sharp["area_m2"].tolist(), rel=1e-6)
    assert smooth["prob_mean"].tolist() == sharp["prob_mean"].tolist()
    assert smooth["perimeter_m"].sum() < 0.9 * sharp["perimeter_m"].sum()
    farthest = shapely.hausdorff_distance(np.asarray(smooth.geometry), np.asarray(sharp.geometry))
    assert farthest.max() < 5.0  # one pixel


def test_a_disc_becomes_rounder(tmp_path):
    rows, cols = np.mgrid[:60, :60]
    disc = (np.hypot(rows - 30, cols - 30) < 20).astype(np.uint8)
    _, smooth = outlined(tmp_path, disc, smooth=True)
    round_one = shapely.Point(*(TRANSFORM * (30.5, 30.5))).buffer(100)
    assert shapely.hausdorff_distance(smooth.geometry[0].boundary, round_one.boundary) < 0.6 * 5
    assert smooth["perimeter_m"][0] == pytest.approx(2 * np.pi * 100, rel=0.03)  # the staircase has 27 % more


def test_rasters_of_two_grids_are_refused(tmp_path):
    binary = write(tmp_path / "b.tif", np.ones((8, 8), np.uint8), 255)
    other = write(tmp_path / "p.tif", np.ones((8, 8), np.float32), np.nan, TRANSFORM * Affine.translation(1, 0))
    with pytest.raises(InputError, match="same grid"):
        polygonise(binary, other, tmp_path / "out.gpkg")
    assert not (tmp_path / "out.gpkg").exists()
