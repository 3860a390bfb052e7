from datetime import date

import numpy as np
import pytest
from rasterio.enums import ColorInterp

from model_core.contract.bands import BANDS
from model_core.contract.errors import InputError
from model_core.geo.scenes import describe

ID = "20221105_045800_61_2440"


def test_four_bands_take_the_coefficient_of_their_number(tmp_path, make_raster, counts, planet_xml):
    path = make_raster(tmp_path / f"{ID}_3B_AnalyticMS.tif", counts(4), nodata=0)
    path.with_name(f"{ID}_3B_AnalyticMS_metadata.xml").write_text(planet_xml(4))
    info = describe(path)
    assert (info.sensor, info.quantity) == ("PlanetScope", "toa_reflectance")
    assert info.bands == ("blue", "green", "red", "nir")
    assert info.gains == pytest.approx((1e-5, 2e-5, 3e-5, 4e-5))
    assert info.date == date(2022, 11, 5)


def test_eight_bands_give_those_of_rapideye(tmp_path, make_raster, counts, planet_xml):
    path = make_raster(tmp_path / f"{ID}_3B_AnalyticMS_8b.tif", counts(8))
    path.with_name(f"{ID}_3B_AnalyticMS_8b_metadata.xml").write_text(planet_xml(8))
    info = describe(path)
    assert (info.bands, info.indexes) == (BANDS, (2, 4, 6, 7, 8))
    assert info.gains == pytest.approx((2e-5, 4e-5, 6e-5, 7e-5, 8e-5))


def test_all_eight_bands_can_be_named(tmp_path, make_raster, counts, planet_xml):
    path = make_raster(tmp_path / f"{ID}_3B_AnalyticMS_8b.tif", counts(8))
    path.with_name(f"{ID}_3B_AnalyticMS_8b_metadata.xml").write_text(planet_xml(8))
    names = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "red_edge", "nir")
    info = describe(path, bands=names)
    assert info.bands == names and not any("contradict" in note for note in info.notes)


def test_three_analytic_bands_begin_with_red(tmp_path, make_raster, counts, planet_xml):
    path = make_raster(tmp_path / f"{ID}_3B_Analytic.tif", counts(3))
    path.with_name(f"{ID}_3B_Analytic_metadata.xml").write_text(planet_xml(3))
    assert (describe(path).bands, describe(path).gains[0]) == (("red", "green", "blue"), pytest.approx(1e-5))


@pytest.mark.parametrize("name", [f"{ID}_3B_AnalyticMS_SR_8b_harmonized_clip", f"{ID}_3B_AnalyticMS_SR",
                                  "2403193_4854319_2022-11-05_0f4b_BGRN_SR"])
def test_surface_reflectance_has_one_scale(tmp_path, make_raster, counts, planet_xml, name):
    path = make_raster(tmp_path / f"{name}.tif", counts(8 if "8b" in name else 4))
    path.with_name(f"{ID}_3B_AnalyticMS_8b_metadata_clip.xml").write_text(planet_xml(8))
    info = describe(path)
    assert (info.quantity, set(info.gains), info.date) == ("surface_reflectance", {1e-4}, date(2022, 11, 5))


def test_of_two_documents_that_with_the_same_bands_is_taken(tmp_path, make_raster, counts, planet_xml):
    (tmp_path / f"{ID}_3B_AnalyticMS_metadata.xml").write_text(planet_xml(4, "other.tif"))
    (tmp_path / f"{ID}_3B_AnalyticMS_8b_metadata.xml").write_text(planet_xml(8, "another.tif"))
    eight = describe(make_raster(tmp_path / f"{ID}_3B_AnalyticMS_8b_clip.tif", counts(8)))
    four = describe(make_raster(tmp_path / f"{ID}_3B_AnalyticMS_clip.tif", counts(4)))
    assert (eight.gains[-1], four.gains[-1]) == pytest.approx((8e-5, 4e-5))


def test_the_newer_mask_is_preferred(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / f"{ID}_3B_AnalyticMS.tif", counts(4))
    assert any("mask" in note for note in describe(path).notes)
    udm = make_raster(tmp_path / f"{ID}_3B_AnalyticMS_DN_udm.tif", np.zeros((1, 40, 60), "uint8"))
    assert (describe(path).mask_path, describe(path).mask_kind) == (udm, "udm")
    udm2 = make_raster(tmp_path / f"{ID}_3B_udm2.tif", np.zeros((8, 40, 60), "uint8"))
    assert (describe(path).mask_path, describe(path).mask_kind) == (udm2, "udm2")


def test_a_missing_coefficient_is_refused(tmp_path, make_raster, counts, planet_xml):
    path = make_raster(tmp_path / f"{ID}_3B_AnalyticMS.tif", counts(4))
    path.with_name(f"{ID}_3B_AnalyticMS_metadata.xml").write_text(planet_xml(4))
    with pytest.raises(InputError, match="no reflectance coefficient for a band red_edge"):
        describe(path, bands=["blue", "green", "red", "red_edge"])


def test_without_metadata_the_counts_stay_counts(tmp_path, make_raster, counts):
    info = describe(make_raster(tmp_path / f"{ID}_3B_AnalyticMS.tif", counts(4)))
    assert (info.quantity, info.gains, info.date) == ("counts", (1.0,) * 4, date(2022, 11, 5))
    assert any("not turned into reflectance" in note for note in info.notes)


def test_wrong_colours_in_the_file_do_not_matter(tmp_path, make_raster, counts):
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.undefined]
    path = make_raster(tmp_path / f"{ID}_3B_AnalyticMS.tif", counts(4), colours=colours)
    assert describe(path).bands == ("blue", "green", "red", "nir")


@pytest.mark.realdata
def test_the_genuine_scene(shared_data):
    info = describe(shared_data / "planetscope" / "20170831_172754_101c_3B_AnalyticMS.tif")
    assert (info.sensor, info.quantity, info.date) == ("PlanetScope", "toa_reflectance", date(2017, 8, 31))
    assert dict(zip(info.bands, info.gains, strict=True)) == {
        "blue": 1.81512636125e-05, "green": 1.92266681265e-05, "red": 2.14155262585e-05, "nir": 3.22221688359e-05}
    assert (info.mask_path.name, info.mask_kind) == ("20170831_172754_101c_3B_AnalyticMS_DN_udm.tif", "udm")
    assert (info.crs, info.fill) == ("EPSG:32615", 0)


@pytest.mark.realdata
def test_the_genuine_visual_product_is_only_colours(shared_data):
    info = describe(shared_data / "planetscope" / "20170831_172754_101c_3b_Visual.tif")
    assert (info.sensor, info.quantity, info.bands) == ("unknown", "counts", ("red", "green", "blue"))
    assert (info.date, info.mask_path) == (date(2017, 8, 31), None)
