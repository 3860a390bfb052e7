import dataclasses
import io
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image
from rasterio.transform import from_origin
from rasterio.warp import transform

from model_core.arrays.codes import IGNORE
from model_core.arrays.confusion import FN, FP, TN, TP
from model_core.contract.events import Recorder
from model_core.contract.series import Epoch, Series, write_series
from model_core.geo.burn import burn_ids
from model_core.geo.grid import Grid
from model_core.report.maps import CLASS_COLOURS, ORANGE, YELLOW, rgb
from model_core.stages.shared.reporting.confusion_maps import class_view
from model_core.stages.shared.reporting.densities import sampled
from model_core.stages.shared.reporting.images import Photo, painted, stretches
from model_core.stages.shared.reporting.pictures import pictures
from model_core.stages.shared.studying.folder import StudyFolder

from .conftest import do

SIDE_PX, LEFT, TOP = 96, 320000.0, 3115000.0
GRID = Grid("EPSG:32645", from_origin(LEFT, TOP, 5, 5), SIDE_PX, SIDE_PX)
REMARK = "Simulated: no real place."
ALL = ["figure_1", "figure_4", "figure_5", "figure_6"]


def box(col, row, width, height):
    """A rectangle in pixels of the grid."""
    return shapely.box(LEFT + 5 * col, TOP - 5 * (row + height), LEFT + 5 * (col + width), TOP - 5 * row)


def image(path, bands=("blue", "green", "red"), cloud=0, crs="EPSG:32645"):
    """A noisy image; the first rows are nodata."""
    values = np.random.default_rng(1).integers(200, 2000, (len(bands), SIDE_PX, SIDE_PX)).astype("uint16")
    values[:, :cloud] = 0
    place = GRID.transform
    if crs != GRID.crs:  # upright pixels there that show the same ground
        (left, right), (top, bottom) = transform(GRID.crs, crs, [LEFT, LEFT + 5 * SIDE_PX], [TOP, TOP - 5 * SIDE_PX])
        place = from_origin(left, top, (right - left) / SIDE_PX, (top - bottom) / SIDE_PX)
    with rasterio.open(path, "w", driver="GTiff", width=SIDE_PX, height=SIDE_PX, count=len(bands), dtype="uint16", nodata=0, crs=crs, transform=place) as out:
        out.write(values)
        out.descriptions = bands
    return str(path)


def layer(path, *shapes):
    frame = gpd.GeoDataFrame({"id": range(len(shapes))}, geometry=list(shapes), crs="EPSG:32645")
    frame.to_file(path, geometry_type="Polygon")
    return str(path)


def binary(path, mapped):
    with rasterio.open(path, "w", driver="GTiff", width=SIDE_PX, height=SIDE_PX, count=1, dtype="uint8", nodata=255, crs="EPSG:32645", transform=GRID.transform) as out:
        out.write((burn_ids(GRID, mapped) > 0).astype("uint8"), 1)
    return str(path)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of two dates: at the first one a landslide in two parts and two in one, at the second none drawn."""
    folder = tmp_path_factory.mktemp("pictures")
    area = layer(folder / "area.gpkg", box(4, 4, 88, 88))
    drawn = layer(folder / "drawn.gpkg", box(10, 10, 30, 8), box(50, 50, 10, 10), box(61, 50, 10, 10), box(10, 70, 8, 8))
    mapped = layer(folder / "mapped.gpkg", box(10, 10, 12, 8), box(25, 10, 15, 8), box(50, 50, 21, 10), box(80, 80, 5, 5))
    none = layer(folder / "none.gpkg")
    epochs = (Epoch("2015", (image(folder / "2015.tif", cloud=20),), landslides=drawn, searched=area, date="2015-11-09"),
              Epoch("2016", (image(folder / "2016.tif"),), landslides=none, searched=area))
    training = Series((Epoch("2014", (image(folder / "2014.tif"),), landslides=layer(folder / "outside.gpkg", box(1, 30, 3, 10))),))
    write_series(training, folder / "training.json")
    (folder / "job.json").write_text(json.dumps({"stage": "study", "params": {"training": str(folder / "training.json")}}))
    steps, rows, maps = {}, [], {}
    for epoch in epochs:
        raster = binary(folder / f"{epoch.name}_binary.tif", gpd.read_file(mapped))
        result, _ = do("evaluate", prediction=raster, polygons=mapped, reference=epoch.landslides, searched=area, out=str(folder / f"accuracy_{epoch.name}"))
        steps[f"accuracy/zero-shot/{epoch.name}"] = {"outputs": result.outputs, "summary": {}}
        rows.append({"date": epoch.name, "map": "zero-shot", "F1": 0.7 if epoch.name == "2015" else None})
        maps["zero-shot", epoch.name] = {"binary": raster, "polygons": mapped}
    for name, layers in (("drawn", [drawn, none]), ("zero-shot", [mapped, mapped])):
        result, _ = do("density", landslides=layers, names=["2015", "2016"], area=area, radius_m=60.0, out=str(folder / f"density_{name}"))
        steps[f"density/{name}"] = {"outputs": result.outputs, "summary": {}}
    return StudyFolder(folder, Series(epochs, area=area, remark=REMARK), maps, rows, {}, steps, "0")


@pytest.fixture(scope="module")
def whole(study):
    report = Recorder()
    return pictures(study, report), report


def decoded(picture):
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))


def share(pixels, colour, off=2):
    return (np.abs(pixels.astype(int) - np.round(255 * np.array(colour))).max(axis=2) <= off).mean()


def warnings(report):
    return [event["message"] for event in report.events if event.get("level") == "warning"]


def with_first_date(study, **changes):
    epochs = (dataclasses.replace(study.series.epochs[0], **changes), *study.series.epochs[1:])
    return dataclasses.replace(study, series=dataclasses.replace(study.series, epochs=epochs))


def test_a_study_has_all_four_maps_of_the_paper(whole):
    found, report = whole
    assert list(found) == ALL and warnings(report) == []
    assert sum(len(picture.png) for picture in found.values()) < 6e6
    for picture in found.values():
        assert decoded(picture).shape[1] == 1400
        assert picture.caption.endswith("North is up.") and picture.title


def test_captions_tell_bands_units_numbers_and_radius(whole):
    found, _ = whole
    assert "bands red, green and blue" in found["figure_1"].caption and "base model learned from" in found["figure_1"].caption
    assert "Striped ground was not observed" in found["figure_1"].caption
    assert "not fine-tuned" in found["figure_4"].caption
    assert "Fragmentation (first panel)" in found["figure_5"].caption and "Amalgamation (last panel)" in found["figure_5"].caption
    for text in ("per km²", "r = 60 m", "drawn: 2015 4, 2016 0", "mapped: 2015 4, 2016 4"):
        assert text in found["figure_6"].caption


def test_landslides_classes_and_outlines_have_their_colours(whole):
    found, _ = whole
    lines = decoded(found["figure_1"])[:-100]
    assert min(share(lines, rgb(colour), off=40) for colour in (YELLOW, ORANGE)) > 2e-4  # thin lines fade at their sides
    errors = decoded(found["figure_4"])
    assert min(share(errors, rgb(CLASS_COLOURS[code])) for code in (TP, FP, FN)) > 1e-3
    # At the date without a drawn landslide everything mapped is a false alarm: 430 pixels and 36 at the other one.
    assert share(errors, rgb(CLASS_COLOURS[FP])) > 5 * share(errors, rgb(CLASS_COLOURS[FN]))


def test_the_same_value_has_the_same_colour_at_every_date():
    rng = np.random.default_rng(0)
    bands, valid = ("red", "green", "blue"), np.ones((20, 20), bool)
    dark, bright = (Photo(rng.uniform(0, top, (20, 20, 3)).astype("float32"), valid, "counts", bands) for top in (1, 3))
    dark.values[0, 0] = bright.values[0, 0] = 0.8
    together = stretches([dark, bright, None])
    here, there = (painted(photo, (20, 20), together) for photo in (dark, bright))
    np.testing.assert_array_equal(here[0, 0], there[0, 0])
    assert there.mean() > 1.5 * here.mean()
    other_unit = stretches([dark, dataclasses.replace(bright, quantity="toa_reflectance")])
    assert (other_unit["counts"][1] < 0.5 * other_unit["toa_reflectance"][1]).all(), "units are not mixed"


def test_reflectance_in_true_colours_keeps_its_balance():
    values = np.random.default_rng(0).uniform(0, 1, (50, 50, 3)) * (0.3, 0.2, 0.1)
    photo = Photo(values.astype("float32"), np.ones((50, 50), bool), "toa_reflectance", ("red", "green", "blue"))
    means = painted(photo, (50, 50), stretches([photo])).mean(axis=(0, 1))
    assert means[0] > 1.1 * means[1] > 1.1 * means[2]
    counts = dataclasses.replace(photo, quantity="counts")
    np.testing.assert_allclose(np.ptp(painted(counts, (50, 50), stretches([counts])).mean(axis=(0, 1))), 0, atol=0.03)


def test_what_the_study_has_not_is_absent(study):
    bare = dataclasses.replace(study, steps={}, accuracy=[])
    report = Recorder()
    assert list(pictures(bare, report)) == ["figure_1"] and warnings(report) == []
    only_drawn = dataclasses.replace(study, steps={"density/drawn": study.steps["density/drawn"]})
    found = pictures(only_drawn, Recorder())
    assert list(found) == ["figure_1", "figure_6"] and "mapped" not in found["figure_6"].caption


def test_one_date_without_inventory_area_or_training_can_be_drawn(study, tmp_path):
    epoch = Epoch("before", (image(tmp_path / "one.tif", bands=("nir",)),))
    alone = dataclasses.replace(study, folder=tmp_path, series=Series((epoch,)), steps={}, accuracy=[], maps={})
    report = Recorder()
    found = pictures(alone, report)
    assert list(found) == ["figure_1"] and warnings(report) == []
    assert "in grey (band nir)" in found["figure_1"].caption and "area of interest" not in found["figure_1"].caption
    pixels = decoded(found["figure_1"]).astype(int)
    assert np.ptp(pixels, axis=2).mean() < 20, "a single band is grey"


def test_images_in_degrees_and_images_that_are_gone_break_nothing(study, tmp_path):
    degrees = with_first_date(study, scenes=(image(tmp_path / "degrees.tif", crs="EPSG:4326"),))
    found = pictures(degrees, Recorder())
    assert list(found) == ALL
    assert np.ptp(decoded(found["figure_5"])[:600].astype(int), axis=2).mean() > 20, "the image is there"
    report = Recorder()
    assert list(pictures(with_first_date(study, scenes=(str(tmp_path / "gone.tif"),)), report)) == ALL
    assert any("no image of 2015" in message for message in warnings(report))


def test_a_damaged_result_leaves_its_picture_out_and_says_so(study, tmp_path):
    broken = {**study.steps, "accuracy/zero-shot/2015": {"outputs": {"confusion": str(tmp_path / "no.tif"), "objects": "no.gpkg"}, "summary": {}}}
    report = Recorder()
    assert list(pictures(dataclasses.replace(study, steps=broken), report)) == ["figure_1", "figure_6"]
    assert sum("left out" in message for message in warnings(report)) == 2


@pytest.mark.parametrize("step", [1, 4, 7])
def test_confusion_is_thinned_by_votes(tmp_path, step):
    rng = np.random.default_rng(3)
    classes = rng.choice([TN, TP, FP, FN, IGNORE], (60, 50), p=[0.6, 0.2, 0.1, 0.05, 0.05]).astype("uint8")
    classes[:20, :20] = IGNORE
    path = tmp_path / "confusion.tif"
    with rasterio.open(path, "w", driver="GTiff", width=50, height=60, count=1, dtype="uint8", nodata=255, crs="EPSG:32645", transform=GRID.transform) as out:
        out.write(classes, 1)
    view = class_view(path, step)
    assert view.shape == (60 // step, 50 // step)
    for row, col in np.ndindex(view.shape):
        block = classes[row * step:(row + 1) * step, col * step:(col + 1) * step]
        counts = {code: int((block == code).sum()) for code in (TP, FP, FN)}
        if (block == IGNORE).sum() > step**2 / 2:
            assert view[row, col] == IGNORE
        elif sum(counts.values()) < step**2 / 4:
            assert view[row, col] == TN
        else:
            assert counts[int(view[row, col])] == max(counts.values())


def test_a_raster_on_other_pixels_is_read_where_the_grid_lies(tmp_path):
    values = np.arange(SIDE_PX**2, dtype="float32").reshape(SIDE_PX, SIDE_PX)
    path = tmp_path / "density.tif"
    with rasterio.open(path, "w", driver="GTiff", width=SIDE_PX, height=SIDE_PX, count=1, dtype="float32", nodata=np.nan, crs="EPSG:32645", transform=GRID.transform) as out:
        out.write(values, 1)
    np.testing.assert_array_equal(sampled(path, GRID), values)
    shifted = sampled(path, GRID.window(slice(-2, 10), slice(5, 9)))
    assert np.isnan(shifted[:2]).all()
    np.testing.assert_array_equal(shifted[2:], values[:10, 5:9])


def test_the_study_folder_is_left_as_it_was(study):
    before = {path: path.stat().st_mtime_ns for path in Path(study.folder).rglob("*")}
    pictures(study, Recorder())
    assert {path: path.stat().st_mtime_ns for path in Path(study.folder).rglob("*")} == before
