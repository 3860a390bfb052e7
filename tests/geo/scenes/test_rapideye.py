import json
from datetime import date

import numpy as np
import pytest

from model_core.arrays.radiometry import RAPIDEYE_EAI, reflectance_gain
from model_core.contract.bands import BANDS
from model_core.contract.errors import InputError
from model_core.geo.scenes import describe

NAME = "4546103_2015-11-09_RE3_3A_301234"
DAY = date(2015, 11, 9)


@pytest.fixture
def scene(tmp_path, make_raster, counts):
    return make_raster(tmp_path / f"{NAME}.tif", counts())


def expected_gains(bands, elevation=44.8, factor=0.01):
    return tuple(reflectance_gain(factor, RAPIDEYE_EAI[band], elevation, DAY) for band in bands)


def test_a_tile_with_metadata_is_reflectance_by_name(scene, rapideye_xml):
    scene.with_name(f"{NAME}_metadata.xml").write_text(rapideye_xml())
    info = describe(scene)
    assert (info.sensor, info.quantity) == ("RapidEye", "toa_reflectance")
    assert (info.bands, info.indexes) == (BANDS, (1, 2, 3, 4, 5))
    assert info.gains == pytest.approx(expected_gains(BANDS))
    assert (info.date, info.fill, info.product_accuracy_m) == (DAY, 0, 3.0)


def test_metadata_are_read_whatever_their_namespace(scene, rapideye_xml):
    scene.with_name(f"{NAME}_metadata.xml").write_text(rapideye_xml(ns="http://schemas.hma.example/ohr"))
    assert describe(scene).quantity == "toa_reflectance"


def test_the_scale_factor_of_each_band_number_counts(scene, rapideye_xml):
    scene.with_name(f"{NAME}_metadata.xml").write_text(rapideye_xml(factors=(0.01, 0.02, 0.01, 0.01, 0.03)))
    ratio = np.array(describe(scene).gains) / expected_gains(BANDS)
    assert ratio == pytest.approx([1, 2, 1, 1, 3])


def test_names_that_contradict_the_sensor_are_used_but_noted(scene, rapideye_xml):
    scene.with_name(f"{NAME}_metadata.xml").write_text(rapideye_xml())
    swapped = ("red", "green", "blue", "red_edge", "nir")
    info = describe(scene, bands=swapped)
    assert info.bands == swapped
    assert info.gains == pytest.approx(expected_gains(swapped))  # the irradiance goes with the name
    assert any("contradict" in note for note in info.notes)
    info = describe(scene, bands=["Blue", "Green", "Red", "RedEdge", "NIR"])
    assert not any("contradict" in note for note in info.notes)


def test_a_band_that_rapideye_lacks_is_refused(scene, rapideye_xml):
    scene.with_name(f"{NAME}_metadata.xml").write_text(rapideye_xml())
    with pytest.raises(InputError, match="no band swir") as caught:
        describe(scene, bands=["blue", "green", "red", "swir", "nir"])
    assert "red_edge" in caught.value.hint


def test_a_renamed_tile_is_known_by_the_metadata_beside_it(tmp_path, make_raster, counts, rapideye_xml):
    path = make_raster(tmp_path / "नेपाल 2015.tif", counts())
    path.with_name("नेपाल 2015_metadata.xml").write_text(rapideye_xml())
    assert (describe(path).sensor, describe(path).date) == ("RapidEye", DAY)


def test_foreign_xml_beside_a_plain_image_is_no_harm(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "image.tif", counts(3))
    for text in ("<broken", "<metadata><idinfo/></metadata>"):
        path.with_suffix(".xml").write_text(text)
        assert describe(path, bands=["red", "green", "blue"]).sensor == "unknown"


@pytest.mark.parametrize("properties", [
    {"acquired": "2015-11-09T05:41:02Z", "sun_elevation": 44.8},
    {"acquired": "2015-11-09T05:41:02Z", "sun": {"altitude": 44.8, "azimuth": 170.0}},
])
def test_json_of_the_api_serves_as_metadata(tmp_path, make_raster, counts, properties):
    path = make_raster(tmp_path / "4546103_2015-11-09_RE3_3A_Analytic.tif", counts())
    (tmp_path / "4546103_2015-11-09_RE3_3A_metadata.json").write_text(json.dumps({"properties": properties}))
    assert describe(path).gains == pytest.approx(expected_gains(BANDS))


def test_without_metadata_the_counts_stay_counts(scene):
    info = describe(scene)
    assert (info.quantity, info.gains, info.date, info.bands) == ("counts", (1.0,) * 5, DAY, BANDS)
    assert any("not turned into reflectance" in note for note in info.notes)


@pytest.mark.parametrize(("name", "corrected"), [(NAME, "true"), ("4546103_2015-11-09_RE3_3A_Analytic_SR", "false")])
def test_surface_reflectance_keeps_its_own_scale(tmp_path, make_raster, counts, rapideye_xml, name, corrected):
    path = make_raster(tmp_path / f"{name}.tif", counts())
    path.with_name(f"{name}_metadata.xml").write_text(rapideye_xml(corrected=corrected))
    assert (describe(path).quantity, describe(path).gains) == ("surface_reflectance", (1e-4,) * 5)


def test_a_poor_position_and_a_missing_mask_are_noted(scene, rapideye_xml, make_raster):
    scene.with_name(f"{NAME}_metadata.xml").write_text(rapideye_xml(accuracy=22.6))
    notes = describe(scene).notes
    assert any("22.6 m" in note and "4.5 pixels" in note for note in notes)
    assert any("_udm.tif" in note for note in notes)
    make_raster(scene.with_name(f"{NAME}_udm.tif"), np.zeros((1, 4, 6), "uint8"))
    info = describe(scene)
    assert (info.mask_path, info.mask_kind) == (scene.with_name(f"{NAME}_udm.tif"), "udm")
    assert not any("_udm.tif" in note for note in info.notes)


@pytest.mark.parametrize(("change", "message"), [
    (lambda text: text[:200], "cannot be read"),
    (lambda text: text.replace("44.8", "high"), "must be a number"),
    (lambda text: text.replace("44.8", "-3"), "sun elevation"),
])
def test_broken_metadata_are_refused(scene, rapideye_xml, change, message):
    scene.with_name(f"{NAME}_metadata.xml").write_text(change(rapideye_xml()))
    with pytest.raises(InputError, match=message):
        describe(scene)


def test_a_file_already_turned_into_floats_is_not_converted_again(tmp_path, make_raster, rapideye_xml):
    path = make_raster(tmp_path / f"{NAME}.tif", np.full((5, 4, 4), 0.1, "float32"))
    path.with_name(f"{NAME}_metadata.xml").write_text(rapideye_xml())
    info = describe(path, bands=BANDS)
    assert (info.sensor, info.gains) == ("unknown", (1.0,) * 5)


@pytest.mark.realdata
def test_the_genuine_tile(shared_data):
    info = describe(shared_data / "rapideye" / "1357514_2012-07-21_RE5_3A_152735.tif")
    assert (info.sensor, info.quantity, info.bands) == ("RapidEye", "toa_reflectance", BANDS)
    assert (info.date, info.crs, info.fill) == (date(2012, 7, 21), "EPSG:32613", 0)
    assert info.product_accuracy_m == pytest.approx(22.585, abs=1e-3)
    assert 5000 * np.array(info.gains) == pytest.approx([.086224, .092438, .110394, .123483, .153200], abs=5e-7)
    assert info.mask_path is None
