"""What an analyst meets with input that cannot be used: a sentence, what to do, an exit code, and nothing left behind."""

import shutil

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine

from model_core.contract.errors import InputError, UsageError
from model_core.geo import scenes

from .conftest import QUICK_WORDS

BANDS = ("blue", "green", "red", "red_edge", "nir")


@pytest.fixture(scope="session")
def pixels(after):
    """(B, H, W) of that image, and where it lies."""
    with rasterio.open(after) as source:
        return source.read(), source.transform, source.crs


@pytest.fixture
def image(tmp_path, pixels):
    """Writes an image that differs from the good one in what is given, and returns its path."""
    def write(name="image.tif", data=None, bands=BANDS, **changes):
        good, transform, crs = pixels
        data = good if data is None else data
        options = {"transform": transform, "crs": crs, **changes}
        path = tmp_path / name
        with rasterio.open(path, "w", driver="GTiff", count=len(data), height=data.shape[1], width=data.shape[2],
                           dtype=data.dtype, **options) as target:
            target.write(data)
            target.descriptions = bands if bands else (None,) * len(data)
        return path

    return write


@pytest.fixture
def layer(tmp_path, study):
    """Writes the landslides, changed by a function, and returns the path."""
    def write(name, change):
        path = tmp_path / name
        change(gpd.read_file(study / "landslides.gpkg")).to_file(path)
        return path

    return write


def moved(frame):
    return frame.set_geometry(frame.translate(100_000, 0))


# -- images --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("given", "said"), [
    ([], "does not say which bands its 5 bands are"),
    (["--bands", "blue,green,red,nir"], "has 5 bands, but 4 names were given"),
    (["--bands", "blue,green,red,red,nir"], "each name must come once"),
    (["--bands", "blue,green,red,swir,nir", "--model-bands", "red_edge"], "has no band red_edge; it has blue, green"),
    (["--bands", "-,-,-,-,-"], "are named not at all"),
])
def test_wrong_band_names(refused, image, slides, given, said):
    message, _ = refused(InputError, "train", "--scene", image(bands=None), "--landslides", slides, *given)
    assert said in message


def test_an_image_without_a_band_of_the_model(refused, image, model, pixels):
    four = image(data=pixels[0][[0, 1, 2, 4]], bands=("blue", "green", "red", "nir"))
    message, hint = refused(InputError, "predict", "--scene", four, "--model", model)
    assert message == "image.tif has no band red_edge; it has blue, green, red, nir."
    assert "another model" in hint


def test_an_image_without_crs(refused, image, model):
    message, hint = refused(InputError, "predict", "--scene", image(crs=None), "--model", model)
    assert "has no coordinate system" in message and "Assign Projection" in hint


def test_an_image_that_breaks_off(refused, after, model, slides, tmp_path):
    broken = tmp_path / "image.tif"
    broken.write_bytes(after.read_bytes()[: after.stat().st_size // 2])
    given = ["--bands", ",".join(BANDS)]
    for words in (["predict", "--model", model], ["train", "--landslides", slides, *QUICK_WORDS]):
        message, hint = refused(InputError, words[0], "--scene", broken, *given, *words[1:])
        assert message == f"{broken} is damaged or incomplete: a part of it cannot be read."
        assert hint == "Copy or download the file again."


@pytest.mark.parametrize(("content", "said"), [
    (b"", "is an empty file"), (b"II*\0", "cannot be read as a raster"), (b"some text", "cannot be read as a raster"),
    (b"version https://git-lfs.github.com/spec/v1\n", "is only a pointer of Git LFS"),
])
def test_what_is_no_image(refused, tmp_path, model, content, said):
    (tmp_path / "image.tif").write_bytes(content)
    assert said in refused(InputError, "predict", "--scene", tmp_path / "image.tif", "--model", model)[0]


def test_an_absent_image_and_a_folder(refused, study, model):
    assert "does not exist" in refused(InputError, "predict", "--scene", "absent.tif", "--model", model)[0]
    assert "is a folder" in refused(InputError, "predict", "--scene", study, "--model", model)[0]


def test_an_image_that_vanishes_after_the_first_look(refused, image, model, tmp_path_factory, monkeypatch):
    path = tmp_path_factory.mktemp("stick") / "image.tif"
    shutil.copy(image(), path)

    def look_then_lose(*args):
        info = scenes.describe(*args)
        path.unlink()
        return info

    monkeypatch.setattr("model_core.stages.shared.scenes.describe", look_then_lose)
    assert refused(InputError, "predict", "--scene", path, "--model", model)[0] == f"{path} does not exist."


def test_a_flat_band(refused, image, model, slides, pixels):
    flat = pixels[0].copy()
    flat[3] = 500
    path = image(data=flat)
    for words in (["predict", "--model", model], ["train", "--landslides", slides, *QUICK_WORDS]):
        message, _ = refused(InputError, words[0], "--scene", path, *words[1:])
        assert message == "image.tif: the band red_edge has almost one value everywhere."


def test_an_image_of_nothing_but_fill(refused, image, model, pixels):
    message, _ = refused(InputError, "predict", "--scene", image(data=pixels[0] * 0), "--model", model)
    assert message == "image.tif: no pixel is observed in the study area."


def test_two_images_of_a_date_with_different_bands(refused, image, after, slides, pixels):
    four = image(data=pixels[0][[0, 1, 2, 4]], bands=("blue", "green", "red", "nir"))
    message, _ = refused(InputError, "train", "--scene", four, after, "--landslides", slides)
    assert "cannot be joined: their bands differ" in message


@pytest.mark.parametrize(("words", "said"), [
    (["--crs", "EPSG:99999999"], "EPSG:99999999 is not a known coordinate system."),
    (["--crs", "EPSG:4326"], "does not measure metres"),
    (["--date", "9 November"], "'9 November' is not a date."),
    (["--date", "2015-13-45"], "'2015-13-45' is not a date."),
    (["--threshold", "1.5"], "Threshold (threshold) cannot be 1.5."),
    (["--overlap-px", "500", "--window-px", "512"], "too much for windows of 512 px"),
])
def test_impossible_settings(refused, after, model, words, said):
    assert said in refused(UsageError, "predict", "--scene", after, "--model", model, *words)[0]


# -- unusual images that must work ---------------------------------------------------------------------------------

def rotated(data, transform):
    return {"transform": transform @ Affine.rotation(20)}


def oblong(data, transform):
    return {"data": data[:, :, ::2], "transform": transform @ Affine.scale(2, 1)}


def south_up(data, transform):
    return {"data": data[:, ::-1], "transform": transform @ Affine.translation(0, data.shape[1]) @ Affine.scale(1, -1)}


def with_nan(data, transform):
    data = np.where(data == 0, np.nan, data).astype(np.float32)
    data[:, 100:150, 100:200] = np.nan
    data[2, 200, 200] = np.inf
    return {"data": data}


def negative(data, transform):
    return {"data": (data.astype(np.int32) - 3000).astype(np.int16), "nodata": -3000}


@pytest.mark.parametrize("change", [rotated, oblong, south_up, with_nan, negative])
def test_an_unusual_image_is_mapped(mtl, image, model, pixels, tmp_path, change):
    data, transform, _ = pixels
    fill_row = -6 if change is south_up else 5  # the swath's slanting edge
    path = image(**change(data, transform))
    code, _, err = mtl("predict", "--scene", path, "--model", model, "--precision", "float32")
    assert code == 0, err
    with rasterio.open(tmp_path / "out" / "image_probability.tif") as source:
        probability, to_pixel = source.read(1), ~source.transform
        assert source.transform.b == source.transform.d == 0 and source.transform.a == -source.transform.e > 0
    with rasterio.open(path) as source:
        assert np.nanmin(probability) >= 0 and np.nanmax(probability) <= 1
        # What lies in the image is mapped, and fill is not.
        for row, col, observed in ((128, 60 if change is oblong else 220, True), (fill_row, 2, False)):
            x, y = to_pixel @ (source.transform @ (col + 0.5, row % source.height + 0.5))
            assert np.isfinite(probability[int(y), int(x)]) == observed
    if change is with_nan:
        assert np.isnan(probability[110:140, 110:190]).all() and np.isnan(probability[200, 200])


# -- vectors -------------------------------------------------------------------------------------------------------

def test_landslides_without_crs(refused, after, layer, tmp_path):
    path = layer("slides.shp", lambda frame: frame)
    (tmp_path / "slides.prj").unlink()
    message, hint = refused(InputError, "train", "--scene", after, "--landslides", path, *QUICK_WORDS)
    assert "(landslides) has no coordinate reference system" in message and "Set Layer CRS" in hint


def test_landslides_that_are_lines(refused, after, layer):
    path = layer("slides.gpkg", lambda frame: frame.set_geometry(frame.boundary))
    message, hint = refused(InputError, "train", "--scene", after, "--landslides", path, *QUICK_WORDS)
    assert message == f"{path} (landslides) holds lines, but no polygons."
    assert "Lines to Polygons" in hint


def test_an_empty_inventory(refused, after, layer):
    path = layer("slides.gpkg", lambda frame: frame.iloc[:0])
    assert "holds no landslide polygon" in refused(InputError, "train", "--scene", after, "--landslides", path, *QUICK_WORDS)[0]


@pytest.mark.parametrize("role", ["landslides", "searched"])
def test_labels_outside_the_image(refused, after, layer, slides, role):
    away = layer("away.gpkg", moved)
    words = {"--landslides": slides, f"--{role}": away}
    message, hint = refused(InputError, "train", "--scene", after, *(w for pair in words.items() for w in pair), *QUICK_WORDS)
    assert message == "None of the landslides lies on observed, searched ground of its image."
    assert "show the same place" in hint


def test_one_date_whose_landslides_lie_elsewhere_is_a_warning(mtl, layer, epochs, write_series):
    epochs[0]["landslides"] = str(layer("away.gpkg", moved))
    _, out, _ = mtl("train", "--series", write_series(epochs), *QUICK_WORDS, "--min-landslides", "1000")
    assert "Note: 2014: none of its landslides lies on observed, searched ground of its image." in out


def test_an_area_of_interest_elsewhere_and_an_empty_one(refused, after, layer, model):
    away = layer("away.gpkg", moved)
    empty = layer("empty.gpkg", lambda frame: frame.iloc[:0])
    words = ["predict", "--scene", after, "--model", model, "--area"]
    assert "lies outside all images" in refused(InputError, *words, away)[0]
    assert "holds no polygon" in refused(InputError, *words, empty)[0]


def test_a_layer_that_is_not_there(refused, after, model, slides):
    words = ["predict", "--scene", after, "--model", model, "--unusable"]
    assert refused(InputError, *words, f"{slides}|layername=2016")[1] == "Its layers are: landslides."
    assert "There is no file" in refused(InputError, *words, "absent.gpkg")[0]
    assert "cannot be read as a vector layer" in refused(InputError, *words, after)[0]


def test_too_few_landslides(refused, series):
    message, hint = refused(InputError, "train", "--series", series, *QUICK_WORDS, "--min-landslides", "1000")
    assert "landslides" in message and "block" in hint


# -- series --------------------------------------------------------------------------------------------------------

def test_dates_of_different_places(refused, epochs, write_series, image, pixels, model):
    epochs[0] = {"name": "2014", "scenes": [str(image(transform=Affine.translation(0, 900_000) @ pixels[1]))]}
    message, hint = refused(InputError, "predict", "--series", write_series(epochs), "--model", model)
    assert message == "The images of 2014 show other ground than those of the other dates."
    assert "a series for each place" in hint


def test_dates_whose_files_would_have_one_name(refused, epochs, write_series, model):
    epochs[0]["name"], epochs[1]["name"] = "Nov 2015", "nov_2015"
    message, _ = refused(InputError, "predict", "--series", write_series(epochs), "--model", model)
    assert message == "The epochs Nov 2015 and nov_2015 of the series would get the same file names."


def test_a_series_that_is_none(refused, after, model, tmp_path):
    assert "it is no JSON." in refused(InputError, "predict", "--series", after, "--model", model)[0]
    assert "cannot be opened" in refused(InputError, "predict", "--series", tmp_path / "no.json", "--model", model)[0]


def test_a_series_with_an_absent_image(refused, epochs, write_series, model):
    epochs[1]["scenes"].append("absent.tif")
    assert "absent.tif does not exist" in refused(InputError, "predict", "--series", write_series(epochs), "--model",
                                                  model)[0]
