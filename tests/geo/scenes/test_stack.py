"""Mosaics, masks and windows of scenes that already lie on the grid."""

import dataclasses

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.enums import ColorInterp

from model_core.contract.bands import BANDS
from model_core.contract.errors import InputError
from model_core.geo.grid import Grid, choose_grid
from model_core.geo.scenes import SceneStack, describe

UTM = "EPSG:32645"
RGB = ("red", "green", "blue")
NAME = "4546103_2015-11-09_RE3_3A_301234"


def shifted(make_raster, path, array, rows=0, cols=0, **profile):
    """Writes an image whose upper left corner is moved on the 5 m grid."""
    transform = rasterio.Affine(5, 0, 300000 + 5 * cols, 0, -5, 3105000 - 5 * rows)
    return make_raster(path, array, transform=transform, **profile)


def read_all(scenes, bands, grid=None, unusable=None):
    grid = grid or choose_grid(scenes)
    with SceneStack(scenes, grid, bands, unusable) as stack:
        return stack.read(slice(0, grid.height), slice(0, grid.width))


def test_pixels_on_the_grid_come_out_bit_identical(tmp_path, make_raster, counts):
    array = counts(3)
    scene = describe(make_raster(tmp_path / "a.tif", array), RGB)
    values, valid = read_all([scene], RGB)
    assert valid.all() and values.dtype == np.float32
    np.testing.assert_array_equal(values, array.transpose(1, 2, 0))


def test_bands_come_in_the_order_asked_for_with_their_own_gain(tmp_path, make_raster, counts, rapideye_xml):
    array = counts()
    path = make_raster(tmp_path / f"{NAME}.tif", array)
    path.with_name(f"{NAME}_metadata.xml").write_text(rapideye_xml())
    scene = describe(path)
    with SceneStack([scene], choose_grid([scene]), ["nir", "Red Edge", "blue"]) as stack:
        assert (stack.quantity, stack.bands) == ("toa_reflectance", ("nir", "red_edge", "blue"))
        values, _ = stack.read(slice(3, 9), slice(10, 17))
    for i, band in enumerate((4, 3, 0)):
        expected = array[band, 3:9, 10:17].astype("float32") * np.float32(scene.gains[band])
        np.testing.assert_array_equal(values[..., i], expected)


def test_a_window_may_reach_over_all_edges(tmp_path, make_raster, counts):
    array = counts(1)
    scene = describe(make_raster(tmp_path / "a.tif", array), ["red"])
    with SceneStack([scene], choose_grid([scene]), ["red"]) as stack:
        values, valid = stack.read(slice(-5, 50), slice(-7, 70))
        assert values.shape == (55, 77, 1)
        np.testing.assert_array_equal(values[5:45, 7:67, 0], array[0])
        assert valid.sum() == array[0].size and valid[5:45, 7:67].all() and (values[~valid] == 0).all()
        far, nothing = stack.read(slice(500, 510), slice(-90, -70))
        assert far.shape == (10, 20, 1) and not nothing.any()


@pytest.mark.parametrize("offset_m", [0.03, -0.03])
def test_a_position_off_by_less_than_it_is_known_does_not_resample(tmp_path, make_raster, counts, offset_m):
    array = counts(1)
    transform = rasterio.Affine(5, 0, 300000 + offset_m, 0, -5, 3105000 - offset_m)
    scene = describe(make_raster(tmp_path / "a.tif", array, transform=transform), ["red"])
    values, valid = read_all([scene], ["red"], Grid(UTM, rasterio.Affine(5, 0, 299990, 0, -5, 3105010), 70, 50))
    assert valid.sum() == array.size
    np.testing.assert_array_equal(values[2:42, 2:62, 0], array[0])


def test_fill_beyond_float32_is_only_fill(tmp_path, make_raster):
    array = np.full((1, 4, 4), 0.25)
    array[0, 0, 0] = lowest = np.finfo("float64").min
    scene = describe(make_raster(tmp_path / "a.tif", array, nodata=lowest), ["red"])
    with np.errstate(all="raise"):
        values, valid = read_all([scene], ["red"])
    assert valid.sum() == 15 and values.sum() == 15 * 0.25


def test_the_first_valid_pixel_wins_in_a_mosaic(tmp_path, make_raster):
    left, right = np.full((1, 20, 20), 100, "uint16"), np.full((1, 20, 20), 200, "uint16")
    left[0, 5, 15] = 0
    scenes = [describe(make_raster(tmp_path / "left.tif", left), ["red"]),
              describe(shifted(make_raster, tmp_path / "right.tif", right, cols=10), ["red"])]
    values, valid = read_all(scenes, ["red"])
    assert values.shape == (20, 30, 1) and valid.all()
    assert (values[:, 20:] == 200).all() and values[5, 15] == 200
    assert (values[:, :20] == 100).sum() == 20 * 20 - 1
    reverse, _ = read_all(scenes[::-1], ["red"])
    assert (reverse[:, 10:] == 200).all()


def test_each_tile_becomes_reflectance_by_its_own_sun_before_they_are_joined(tmp_path, make_raster, rapideye_xml):
    scenes = []
    for name, elevation, columns in (("1_2015-11-09_RE3_3A_1", 30.0, 0), ("2_2015-11-09_RE3_3A_2", 60.0, 20)):
        path = shifted(make_raster, tmp_path / f"{name}.tif", np.full((5, 20, 20), 5000, "uint16"), cols=columns)
        path.with_name(f"{name}_metadata.xml").write_text(rapideye_xml(file=path.name, elevation=elevation))
        scenes.append(describe(path))
    values, valid = read_all(scenes, ["red"])
    assert valid.all()
    # The same counts under a lower sun are a brighter ground: 1 / sin(30) against 1 / sin(60).
    assert values[0, 0, 0] / values[0, 30, 0] == pytest.approx(np.sin(np.radians(60)) / np.sin(np.radians(30)))


def test_the_image_that_each_pixel_came_from_is_told(tmp_path, make_raster):
    left, right = np.full((1, 20, 20), 100, "uint16"), np.full((1, 20, 20), 200, "uint16")
    left[0, 5, 15] = left[0, 6, 3] = 0
    scenes = [describe(make_raster(tmp_path / "left.tif", left), ["red"]),
              describe(shifted(make_raster, tmp_path / "right.tif", right, cols=10), ["red"])]
    with SceneStack(scenes, choose_grid(scenes), ["red"]) as stack:
        values, valid, sources = stack.read_sources(slice(0, 20), slice(0, 30))
    assert sources.dtype == np.uint8 and stack.scenes == tuple(scenes)
    assert (sources[valid] == (values[valid][:, 0] == 200)).all()
    assert (sources == 255).tolist() == (~valid).tolist() and sources[6, 3] == 255


def test_a_mosaic_of_more_images_than_can_be_numbered_is_refused(tmp_path, make_raster, counts):
    scene = describe(make_raster(tmp_path / "a.tif", counts(1)), ["red"])
    with pytest.raises(InputError, match="256 images"):
        SceneStack([scene] * 256, choose_grid([scene]), ["red"])


def test_tiles_may_have_their_bands_in_different_order(tmp_path, make_raster):
    one, two = (np.full((2, 4, 4), [[[first]], [[second]]], "uint16") for first, second in ((1, 2), (20, 10)))
    a = describe(make_raster(tmp_path / "a.tif", one), ["red", "nir"])
    b = describe(shifted(make_raster, tmp_path / "b.tif", two, cols=4), ["nir", "red"])
    values, _ = read_all([a, b], ["red", "nir"])
    assert values[0, :, 0].tolist() == [1] * 4 + [10] * 4
    assert values[0, :, 1].tolist() == [2] * 4 + [20] * 4


def test_tiles_with_different_bands_are_refused_by_name(tmp_path, make_raster, counts):
    a = describe(make_raster(tmp_path / "east.tif", counts(3)), RGB)
    b = describe(make_raster(tmp_path / "west.tif", counts(3)), ["red", "green", "nir"])
    with pytest.raises(InputError, match=r"east\.tif and west\.tif.*bands differ.*nir") as caught:
        SceneStack([a, b], choose_grid([a]), ["red"])
    assert caught.value.code == "scene.bands-differ"


def test_tiles_in_different_units_are_refused(tmp_path, make_raster, counts):
    a = describe(make_raster(tmp_path / "a.tif", counts(3)), RGB)
    b = dataclasses.replace(a, quantity="toa_reflectance")
    with pytest.raises(InputError, match="units differ"):
        SceneStack([a, b], choose_grid([a]), RGB)


def test_a_band_that_the_image_lacks_is_named(tmp_path, make_raster, counts):
    scene = describe(make_raster(tmp_path / "a.tif", counts(3)), RGB)
    with pytest.raises(InputError, match=r"a\.tif has no band nir; it has red, green, blue"):
        SceneStack([scene], choose_grid([scene]), ["red", "nir"])


def test_a_scene_away_from_the_grid_is_refused_and_one_of_two_is_noted(tmp_path, make_raster, counts):
    here = describe(make_raster(tmp_path / "here.tif", counts(1)), ["red"])
    away = describe(shifted(make_raster, tmp_path / "away.tif", counts(1), rows=4000), ["red"])
    with pytest.raises(InputError, match=r"away\.tif: no part of it lies in the study area"):
        SceneStack([away], choose_grid([here]), ["red"])
    stack = SceneStack([here, away], choose_grid([here]), ["red"])
    assert stack.notes[-1] == "away.tif lies outside the study area and is not used."


def test_ragged_ends_of_bands_are_invalid(tmp_path, make_raster, counts):
    array = counts(3)
    array[1, :, :4], array[2, :, -3:] = 0, 0
    values, valid = read_all([describe(make_raster(tmp_path / "a.tif", array), RGB)], RGB)
    assert valid[:, 4:-3].all() and not valid[:, :4].any() and not valid[:, -3:].any()
    assert (values[~valid] == 0).all()
    _, red_only = read_all([describe(tmp_path / "a.tif", RGB)], ["red"])
    assert red_only.all()  # only bands that are used decide


def test_a_dark_band_in_an_8_bit_image_is_data(tmp_path, make_raster):
    array = np.full((3, 6, 6), 50, "uint8")
    array[0, 2, 2], array[:, 4, 4] = 0, 0
    _, valid = read_all([describe(make_raster(tmp_path / "a.tif", array), RGB)], RGB)
    assert valid.sum() == 35 and not valid[4, 4]


@pytest.mark.parametrize("how", ["alpha", "mask"])
def test_transparency_and_masks_of_the_file_count(tmp_path, make_raster, counts, how):
    array = counts(4, dtype="uint8")
    array[3] = 255
    array[3, :, :5] = 0
    if how == "alpha":
        colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
        path = make_raster(tmp_path / "a.tif", array, colours=colours)
    else:
        path = make_raster(tmp_path / "a.tif", array[:3])
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as raster:
            raster.write_mask(array[3])
    _, valid = read_all([describe(path, RGB)], RGB)
    assert valid[:, 5:].all() and not valid[:, :5].any()


@pytest.mark.parametrize(("flag", "bands", "lost"), [
    (2, BANDS, True), (64, BANDS, True), (64, BANDS[:3], False), (128, BANDS, False)])
def test_a_50_m_mask_of_rapideye_hides_its_cell_and_the_cells_around(
    tmp_path, make_raster, counts, rapideye_xml, flag, bands, lost
):
    path = make_raster(tmp_path / f"{NAME}.tif", counts(5, 100, 100))
    path.with_name(f"{NAME}_metadata.xml").write_text(rapideye_xml())
    udm = np.zeros((1, 10, 10), "uint8")
    udm[0, 4, 6] = flag
    make_raster(tmp_path / f"{NAME}_udm.tif", udm, transform=rasterio.Affine(50, 0, 300000, 0, -50, 3105000))
    _, valid = read_all([describe(path)], bands)
    expected = np.ones((100, 100), bool)
    expected[30:60, 50:80] = not lost
    np.testing.assert_array_equal(valid, expected)
    scene = describe(path)
    with SceneStack([scene], choose_grid([scene]), bands) as stack:  # the buffer reaches into windows beside the cell
        np.testing.assert_array_equal(stack.read(slice(25, 45), slice(72, 90))[1], expected[25:45, 72:90])


def test_a_udm2_mask_hides_cloud_and_keeps_haze(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "20221105_045800_61_2440_3B_AnalyticMS.tif", counts(4))
    udm2 = np.zeros((8, 40, 60), "uint8")
    udm2[3, 5, 5], udm2[5, 20, 30] = 1, 1
    make_raster(tmp_path / "20221105_045800_61_2440_3B_udm2.tif", udm2)
    _, valid = read_all([describe(path)], ["red"])
    expected = np.ones((40, 60), bool)
    expected[19:22, 29:32] = False
    np.testing.assert_array_equal(valid, expected)


def test_a_udm2_mask_with_other_bands_is_refused(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "20221105_045800_61_2440_3B_AnalyticMS.tif", counts(4))
    make_raster(tmp_path / "20221105_045800_61_2440_3B_udm2.tif", np.zeros((1, 40, 60), "uint8"))
    with pytest.raises(InputError, match=r"udm2\.tif has 1 bands"):
        read_all([describe(path)], ["red"])


def test_polygons_of_clouds_are_burnt_whatever_their_crs(tmp_path, make_raster, counts):
    scene = describe(make_raster(tmp_path / "a.tif", counts(1)), ["red"])
    cloud = geopandas.GeoSeries([shapely.box(300051, 3104801, 300099, 3104899), None, shapely.Polygon()], crs=UTM)
    expected = np.ones((40, 60), bool)
    expected[20:40, 10:20] = False
    for form in (cloud, cloud.to_crs(4326), geopandas.GeoDataFrame(geometry=cloud)):
        values, valid = read_all([scene], ["red"], unusable=form)
        np.testing.assert_array_equal(valid, expected)
        assert (values[~valid] == 0).all()
    with SceneStack([scene], choose_grid([scene]), ["red"], cloud) as stack:
        assert stack.read(slice(0, 10), slice(0, 60))[1].all()
        np.testing.assert_array_equal(stack.read(slice(15, 30), slice(5, 15))[1], expected[15:30, 5:15])


def test_polygons_of_clouds_can_be_a_layer_of_a_file(tmp_path, make_raster, counts):
    scene = describe(make_raster(tmp_path / "a.tif", counts(1)), ["red"])
    cloud = geopandas.GeoDataFrame(geometry=[shapely.box(300051, 3104801, 300099, 3104899)], crs=UTM)
    cloud.to_file(tmp_path / "masks.gpkg", layer="clouds 2015")
    _, valid = read_all([scene], ["red"], unusable=f"{tmp_path / 'masks.gpkg'}|layername=clouds 2015")
    assert (~valid).sum() == 200


def test_no_polygons_of_clouds_hide_nothing(tmp_path, make_raster, counts):
    scene = describe(make_raster(tmp_path / "a.tif", counts(1)), ["red"])
    for shapes in ([], [None]):
        assert read_all([scene], ["red"], unusable=geopandas.GeoSeries(shapes, crs=4326))[1].all()


def test_polygons_without_crs_are_refused(tmp_path, make_raster, counts):
    scene = describe(make_raster(tmp_path / "a.tif", counts(1)), ["red"])
    with pytest.raises(InputError, match="no coordinate system"):
        SceneStack([scene], choose_grid([scene]), ["red"], geopandas.GeoSeries([shapely.box(0, 0, 1, 1)]))


def cut(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def test_a_truncated_image_is_named(tmp_path, make_raster):
    array = np.random.default_rng(0).integers(1, 60000, (1, 600, 600)).astype("uint16")
    path = make_raster(tmp_path / "half.tif", array, tiled=True, blockxsize=256, blockysize=256, compress="deflate")
    cut(path)
    scene = describe(path, ["red"])
    with SceneStack([scene], choose_grid([scene]), ["red"]) as stack:
        stack.read(slice(0, 100), slice(0, 600))
        with pytest.raises(InputError, match=r"half\.tif is damaged"):
            stack.read(slice(500, 600), slice(0, 600))


def test_a_truncated_mask_is_named(tmp_path, make_raster, counts, rapideye_xml):
    path = make_raster(tmp_path / f"{NAME}.tif", counts(5, 300, 300))
    udm = np.random.default_rng(0).integers(0, 2, (1, 300, 300)).astype("uint8")
    mask = make_raster(tmp_path / f"{NAME}_udm.tif", udm)
    scene = describe(path)
    cut(mask)
    with pytest.raises(InputError, match=r"_udm\.tif is damaged"):
        read_all([scene], ["red"])


def test_an_error_elsewhere_is_not_blamed_on_the_image(tmp_path, make_raster, counts):
    scene = describe(make_raster(tmp_path / "a.tif", counts(1)), ["red"])
    with pytest.raises(rasterio.errors.RasterioIOError), SceneStack([scene], choose_grid([scene]), ["red"]):
        rasterio.open(tmp_path / "other.tif")


def test_reading_leaves_the_folder_as_it_was(tmp_path, make_raster, counts):
    scene = describe(make_raster(tmp_path / "a.tif", counts(1)), ["red"])
    before = (tmp_path / "a.tif").read_bytes()
    read_all([scene], ["red"], Grid(UTM, rasterio.Affine(7, 0, 300000, 0, -7, 3105000), 20, 20))
    assert [f.name for f in tmp_path.iterdir()] == ["a.tif"] and (tmp_path / "a.tif").read_bytes() == before


@pytest.mark.realdata
def test_the_genuine_rapideye_tile_is_not_resampled(shared_data):
    path = shared_data / "rapideye" / "1357514_2012-07-21_RE5_3A_152735.tif"
    scene = describe(path)
    grid = choose_grid([scene])
    values, valid = read_all([scene], BANDS, grid)
    with rasterio.open(path) as raster:
        counts = raster.read().transpose(1, 2, 0)
        assert (grid.transform, grid.shape) == (raster.transform, raster.shape)
    np.testing.assert_array_equal(values, counts.astype("float32") * np.array(scene.gains, "float32"))
    assert valid.all()


@pytest.mark.realdata
def test_the_genuine_planetscope_mask_hides_cloud_and_fill(shared_data):
    path = shared_data / "planetscope" / "20170831_172754_101c_3B_AnalyticMS.tif"
    scene = describe(path)
    own = Grid(scene.crs, scene.transform, scene.width, scene.height)
    values, valid = read_all([scene], ["red", "nir"], own)
    with rasterio.open(path) as raster, rasterio.open(scene.mask_path) as mask:
        counts, flags = raster.read([3, 4]).transpose(1, 2, 0), mask.read(1)
    assert not valid[flags != 0].any() and not valid[(counts == 0).any(axis=-1)].any()
    assert 0.55 < valid.mean() < 0.62  # 0.620 are unflagged, less one pixel around what is flagged
    reflectance = counts * np.array([2.14155262585e-05, 3.22221688359e-05], "float32")
    np.testing.assert_array_equal(values[valid], reflectance[valid])
    assert 0.05 < np.median(values[valid][:, 0]) < 0.15


def test_a_band_that_may_be_lacking_is_0_and_leaves_the_others_as_they_are(tmp_path, make_raster, counts):
    array = counts(3)
    scene = describe(make_raster(tmp_path / "a.tif", array), RGB)
    wanted = ["nir", *RGB, "red_edge"]
    with SceneStack([scene], choose_grid([scene]), wanted, may_lack=["red_edge", "nir"]) as stack:
        assert (stack.bands, stack.lacking) == (tuple(wanted), ("nir", "red_edge"))
        values, valid = stack.read(slice(0, 40), slice(0, 50))
        assert valid.all() and values.shape[-1] == 5
    assert not values[..., [0, 4]].any()
    np.testing.assert_array_equal(values[..., 1:4], array.transpose(1, 2, 0)[:40, :50])
    with pytest.raises(InputError, match="no band nir"):
        SceneStack([scene], choose_grid([scene]), wanted, may_lack=["red_edge"])
