from datetime import date

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

from model_core.contract.errors import InputError, UsageError
from model_core.geo.scenes import describe
from model_core.geo.scenes.plain import date_in_name

RGB = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]


def test_names_that_are_given_are_used_in_file_order(tmp_path, make_raster, counts):
    info = describe(make_raster(tmp_path / "a.tif", counts(4)), bands=["Red", "g", "near infrared", "swir 1"])
    assert (info.bands, info.indexes) == (("red", "green", "nir", "swir_1"), (1, 2, 3, 4))
    assert (info.sensor, info.quantity, info.gains, info.offsets) == ("unknown", "counts", (1.0,) * 4, (0.0,) * 4)


def test_a_dash_leaves_a_band_out(tmp_path, make_raster, counts):
    info = describe(make_raster(tmp_path / "a.tif", counts(4)), bands=["-", "green", "red", ""])
    assert (info.bands, info.indexes) == (("green", "red"), (2, 3))


@pytest.mark.parametrize("n", [2, 4])
def test_a_wrong_number_of_names_says_how_many_bands_there_are(tmp_path, make_raster, counts, n):
    with pytest.raises(InputError, match=f"has 3 bands, but {n} names") as caught:
        describe(make_raster(tmp_path / "a.tif", counts(3)), bands=["blue", "green", "red", "nir"][:n])
    assert caught.value.code == "scene.band-count"


@pytest.mark.parametrize("names", [["red", "red", "blue"], ["-", "-", "-"]])
def test_names_must_be_there_and_differ(tmp_path, make_raster, counts, names):
    with pytest.raises(InputError, match="each name must come once"):
        describe(make_raster(tmp_path / "a.tif", counts(3)), bands=names)


def test_descriptions_of_the_file_serve_as_names(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "a.tif", counts(5), descriptions=["NIR", "Red edge", "Red", "GREEN", "b"])
    assert describe(path).bands == ("nir", "red_edge", "red", "green", "blue")


def test_bands_with_unknown_descriptions_are_left_out_and_noted(tmp_path, make_raster, counts):
    info = describe(make_raster(tmp_path / "a.tif", counts(4), descriptions=["green", "SWIR", "red", ""]))
    assert (info.bands, info.indexes) == (("green", "red"), (1, 3))
    assert any("SWIR, band 4" in note for note in info.notes)


def test_names_against_the_descriptions_are_used_but_noted(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "a.tif", counts(3), descriptions=["blue", "green", "red"])
    info = describe(path, bands=["red", "green", "blue"])
    assert info.bands == ("red", "green", "blue")
    assert any("contradict the file itself" in note for note in info.notes)
    assert not any("contradict" in note for note in describe(path, bands=["blue", "green", "red"]).notes)


def test_colours_serve_as_names_of_three_bands(tmp_path, make_raster, counts):
    info = describe(make_raster(tmp_path / "a.tif", counts(3, dtype="uint8"), colours=RGB))
    assert info.bands == ("red", "green", "blue")
    assert any("taken from its colours" in note for note in info.notes)


def test_colours_serve_beside_transparency(tmp_path, make_raster, counts):
    info = describe(make_raster(tmp_path / "a.tif", counts(4), colours=[*RGB, ColorInterp.alpha]))
    assert (info.bands, info.masked) == (("red", "green", "blue"), True)


def test_a_fourth_band_that_is_named_is_no_transparency(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "a.tif", counts(4), colours=[*RGB, ColorInterp.alpha])
    info = describe(path, bands=["red", "green", "blue", "nir"])
    assert (info.bands[-1], info.masked) == ("nir", False)
    assert describe(path, bands=["red", "green", "blue"]).masked


def test_colours_are_not_trusted_for_four_bands(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "a.tif", counts(4), colours=[*RGB, ColorInterp.undefined])
    with pytest.raises(InputError, match="does not say which bands its 4 bands are") as caught:
        describe(path)
    assert "blue, green, red, nir" in caught.value.hint


@pytest.mark.parametrize(("dtype", "nodata", "fill"), [
    ("uint16", None, 0), ("int16", None, 0), ("int16", -9999, -9999), ("uint8", 255, 255), ("float32", None, None),
    ("float32", -9999.0, -9999), ("float32", np.nan, None)])
def test_fill_is_the_nodata_value_or_zero_in_integer_files(tmp_path, make_raster, dtype, nodata, fill):
    path = make_raster(tmp_path / "a.tif", np.ones((1, 4, 4), dtype), nodata=nodata)
    assert describe(path, bands=["red"]).fill == fill


def test_scale_and_offset_of_the_file_are_applied(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "a.tif", counts(1))
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.offsets = (1e-4,), (-0.1,)
    info = describe(path, bands=["red"])
    assert (info.gains, info.offsets) == ((1e-4,), (-0.1,))
    assert any("scale and offset" in note for note in info.notes)


def test_a_date_that_is_given_wins_and_a_contradiction_is_noted(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "nepal_2015-11-09.tif", counts(1))
    assert describe(path, ["red"]).date == date(2015, 11, 9)
    info = describe(path, ["red"], date="2015-11-10")
    assert info.date == date(2015, 11, 10) and "2015-11-09" in info.notes[-1]
    assert not any("date given" in note for note in describe(path, ["red"], date=date(2015, 11, 9)).notes)
    with pytest.raises(UsageError, match="is not a date"):
        describe(path, ["red"], date="9.11.2015")


@pytest.mark.parametrize(("dtype", "said"), [("uint8", "8-bit values are not radiance or reflectance"),
                                             ("uint16", "not known to be radiance or reflectance"),
                                             ("float32", "not known to be radiance or reflectance")])
def test_an_image_without_metadata_passes_with_a_warning_about_its_values(tmp_path, make_raster, dtype, said):
    info = describe(make_raster(tmp_path / "mosaic.tif", np.full((3, 8, 8), 90, dtype)), ["red", "green", "blue"])
    assert info.quantity == "counts"
    assert any(said in note and "may not be comparable" in note for note in info.notes)


@pytest.mark.parametrize(("stem", "day"), [
    ("atsuma_2018_pre", None), ("S2_20180906", date(2018, 9, 6)), ("a_2018-09-06_b", date(2018, 9, 6)),
    ("2018_09_06", date(2018, 9, 6)), ("20181332", None), ("1201809061", None), ("20180906_20180911", None),
    ("2018-0906", None)])
def test_a_date_is_read_from_a_name_only_where_it_is_plain(stem, day):
    assert date_in_name(stem) == day


def test_an_image_without_crs_is_refused_with_the_way_out(tmp_path, make_raster, counts):
    with pytest.raises(InputError, match="no coordinate system") as caught:
        describe(make_raster(tmp_path / "a.tif", counts(1), crs=None), ["red"])
    assert "Assign Projection" in caught.value.hint


def test_an_image_with_control_points_only_is_refused(tmp_path, make_raster, counts):
    path = tmp_path / "a.tif"
    points = [GroundControlPoint(r, c, 300000 + c, 3105000 - r) for r, c in ((0, 0), (0, 9), (9, 0), (9, 9))]
    with rasterio.open(path, "w", driver="GTiff", count=1, height=10, width=10, dtype="uint8", gcps=points,
                       crs="EPSG:32645"):
        pass
    with pytest.raises(InputError, match="no coordinate system") as caught:
        describe(path, ["red"])
    assert "control points" in caught.value.hint


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_an_image_without_a_place_is_refused(tmp_path, make_raster, counts):
    with pytest.raises(InputError, match="no position"):
        describe(make_raster(tmp_path / "a.tif", counts(1), transform=Affine.identity()), ["red"])


def test_a_crs_that_another_program_wrote_beside_the_file_counts(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "a.tif", counts(1), crs=None)
    wkt = rasterio.CRS.from_epsg(32645).to_wkt()
    (tmp_path / "a.tif.aux.xml").write_text(f"<PAMDataset><SRS>{wkt}</SRS></PAMDataset>")
    with rasterio.Env(GDAL_PAM_ENABLED=False):
        assert describe(path, ["red"]).crs == "EPSG:32645"


def test_describing_touches_nothing(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "a.tif", counts(3), colours=RGB)
    before = {f.name: (f.stat().st_mtime_ns, f.read_bytes()) for f in tmp_path.iterdir()}
    describe(path)
    assert {f.name: (f.stat().st_mtime_ns, f.read_bytes()) for f in tmp_path.iterdir()} == before


def test_bands_of_complex_numbers_are_refused(tmp_path, make_raster):
    with pytest.raises(InputError, match="different types or nodata values"):
        describe(make_raster(tmp_path / "a.tif", np.ones((1, 4, 4), "complex64")), ["red"])


@pytest.mark.realdata
def test_the_genuine_atsuma_scenes(shared_data):
    for name in ("pre", "post"):
        info = describe(shared_data / "atsuma" / f"atsuma_2018_{name}.tif")
        assert (info.bands, info.crs, info.fill, info.date) == (("blue", "green", "red"), "EPSG:4326", 0, None)
        assert info.quantity == "counts"
        assert ["not known to be radiance" in note for note in info.notes] == [True]
