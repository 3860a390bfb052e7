"""What a series file says beyond images and labels: mosaics of several days, roles, elevations."""

import datetime
import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from affine import Affine
from rasterio.features import rasterize
from scipy import ndimage

from model_core.contract.card import read_card
from model_core.contract.errors import UsageError
from model_core.contract.job import make_job
from model_core.contract.series import read_series
from model_core.stages.shared.fingerprints import fingerprint

from .conftest import QUICK, do
from .test_train import same_weights

BANDS = ("blue", "green", "red", "red_edge", "nir")
QUICKER = {**{name: value for name, value in QUICK.items() if name != "filters"}, "training_epochs": 1, "guard_px": 8,
           "min_landslides": 1}
DAYS = datetime.date(2015, 11, 1), datetime.date(2015, 11, 20)


def warnings_of(report):
    return [event["message"] for event in report.events if event.get("level") == "warning"]


@pytest.fixture(scope="module")
def tiles(after, tmp_path_factory):
    """The image of 2015 without metadata, as two overlapping tiles of different days; the second has a hole."""
    folder = tmp_path_factory.mktemp("tiles")
    with rasterio.open(after) as source:
        values, profile = source.read(), source.profile
    paths = []
    for name, columns in ((f"west_{DAYS[0]}", slice(0, 150)), (f"east_{DAYS[1]}", slice(110, 256))):
        part = values[:, :, columns].copy()
        if columns.start == 0:
            part[:, 60:90, 60:90] = 0
        path = folder / f"{name}.tif"
        options = {**profile, "driver": "GTiff", "width": part.shape[2], "nodata": 0,
                   "transform": profile["transform"] @ Affine.translation(columns.start, 0)}
        with rasterio.open(path, "w", **options) as out:
            out.write(part)
            out.descriptions = BANDS
        paths.append(str(path))
    return paths


@pytest.fixture(scope="module")
def dem(after, tmp_path_factory):
    """Level ground in the west, a slope of 45 degrees down to the east from the middle on; it ends before the image."""
    with rasterio.open(after) as source:
        transform, crs = source.transform, source.crs
    path = tmp_path_factory.mktemp("dem") / "dem.tif"
    columns = np.arange(120) * 10.0
    elevation = np.tile(5000 - np.maximum(columns - 680, 0), (140, 1)).astype(np.float32)
    with rasterio.open(path, "w", driver="GTiff", width=120, height=140, count=1, dtype="float32", crs=crs,
                       transform=transform @ Affine.translation(-8, -8) @ Affine.scale(2)) as out:
        out.write(elevation, 1)
    return str(path)


@pytest.fixture(scope="module")
def mosaic(tiles, dem, model, tmp_path_factory):
    """Folder, result and report of a map of that mosaic."""
    folder = tmp_path_factory.mktemp("mosaic")
    values = {"scene": tiles, "date": "2015-11-01/2015-11-15", "model": str(model), "precision": "float32",
              "min_pixels": 1, "min_area_m2": 0, "window_px": 96}
    do("predict", **values, out=str(folder / "first"))
    with rasterio.open(next((folder / "first").glob("*_probability.tif"))) as source:
        threshold = float(np.nanquantile(source.read(1), 0.96))  # the network's own leaves nearly all
    result, report = do("predict", **values, out=str(folder / "map"), threshold=threshold, dem=dem, min_slope_deg=20)
    return folder / "map", result, report


def polygons(folder):
    return pyogrio.read_dataframe(next(folder.glob("*_polygons.gpkg")), layer="predicted")


def test_a_raster_tells_which_image_each_pixel_came_from(mosaic, tiles):
    folder, result, _ = mosaic
    (path,) = folder.glob("*_source.tif")
    assert str(path) in result.outputs.values()
    with rasterio.open(path) as source, rasterio.open(next(folder.glob("*_probability.tif"))) as probability:
        index, tags = source.read(1), source.tags()
        observed = ~np.isnan(probability.read(1))
        assert (source.dtypes[0], source.nodata) == ("uint8", 255)
    assert ((index != 255) == observed).all()
    assert tags["source_0"] == f"{Path(tiles[0]).name}, {DAYS[0]}"
    assert tags["source_1"] == f"{Path(tiles[1]).name}, {DAYS[1]}"
    assert set(index[:, :110][observed[:, :110]]) == {0} and set(index[:, 150:][observed[:, 150:]]) == {1}
    assert set(index[:, 110:150][observed[:, 110:150]]) == {0, 1} or (index[:, 110:150] != 1).all()
    assert (index[60:90, 60:90] == 255).all()


def test_each_polygon_has_the_date_of_the_image_that_most_of_it_came_from(mosaic):
    folder, _, _ = mosaic
    frame = polygons(folder)
    with rasterio.open(next(folder.glob("*_source.tif"))) as source:
        index, transform = source.read(1), source.transform
    several = 0
    for _, row in frame.iterrows():
        inside = rasterize([row.geometry], index.shape, transform=transform) == 1
        counts = np.bincount(index[inside], minlength=2)
        if counts[0] != counts[1]:
            assert row["date"].date() == DAYS[int(counts.argmax())]
        if counts.all():
            several += 1
            assert (row["date_from"].date(), row["date_to"].date()) == DAYS
        else:
            assert row[["date_from", "date_to"]].isna().all()
    assert len(frame) > 2 and several and several < len(frame)


@pytest.fixture(scope="module")
def mosaic_study(tiles, study, model, tmp_path_factory):
    """Folder of a study of one date, that mosaic, on which everything is drawn."""
    folder = tmp_path_factory.mktemp("mosaic-study")
    epoch = {"name": "2015", "scenes": tiles, "date": "2015-11-01/2015-11-30", "landslides": str(study / "landslides.gpkg")}
    (folder / "series.json").write_text(json.dumps({"epochs": [epoch]}))
    do("study", series=str(folder / "series.json"), model=str(model), folds=0, precision="float32", out=str(folder / "out"))
    return folder / "out"


def test_what_was_drawn_on_a_mosaic_has_the_date_of_the_image_below_it(mosaic_study, tiles):
    with rasterio.open(mosaic_study / "zero-shot" / "2015" / "2015_source.tif") as source:
        index, transform = source.read(1), source.transform
    for layer in ("manual", "inventory"):
        frame = pyogrio.read_dataframe(mosaic_study / "study.gpkg", layer=layer)
        assert list(frame.columns[:5]) == ["date", "year", "epoch", "date_from", "date_to"]
        assert "date_from" in pyogrio.read_info(mosaic_study / "study.gpkg", layer=layer)["layer_metadata"]["DESCRIPTION"]
        seen = set()
        for _, row in frame[frame["origin"] == "traced"].iterrows() if layer == "inventory" else frame.iterrows():
            own = index[rasterize([row.geometry], index.shape, transform=transform) == 1]
            counts = np.bincount(own[own != 255], minlength=2)
            if counts[0] != counts[1]:
                assert row["date"].date() == DAYS[int(counts.argmax())]
                assert row[["date_from", "date_to"]].notna().all() == counts.all()
                seen.add(row["date"].date())
            elif not counts.any():  # in the hole: nothing is known but the days of the date
                assert row["date"].date() == datetime.date(2015, 11, 10)
        assert seen == set(DAYS)


def test_what_is_odd_about_a_mosaic_is_told(mosaic):
    told = warnings_of(mosaic[2])
    assert any("east_2015-11-20.tif: its date (2015-11-20) lies outside" in text for text in told)
    assert sum("not known to be radiance or reflectance" in text for text in told) == 2


def test_each_polygon_is_told_the_ground_below_it_and_none_is_removed(mosaic, after):
    folder, _, _ = mosaic
    frame = polygons(folder)
    with rasterio.open(after) as source:
        left = source.transform.c
    west = frame.bounds["maxx"] < left + 600
    steep = frame[(frame["slope_deg"] > 44.9)]
    assert (frame.loc[west, "slope_deg"] == 0).all() and west.any() and len(steep)
    assert (frame.loc[west, "review"] == "flat: 0 deg").all() and steep["review"].isna().all()
    assert steep["aspect_deg"].to_numpy() == pytest.approx(90)
    uncovered = frame["crown_m"].isna()
    assert uncovered.any() and frame.loc[uncovered, ["slope_deg", "length_m", "h_l", "review"]].isna().all(axis=None)
    with rasterio.open(next(folder.glob("*_binary.tif"))) as source:
        assert len(frame) == ndimage.label(source.read(1) == 1, np.ones((3, 3)))[1]
    assert "slope_deg" not in polygons(folder.with_name("first")).columns


def test_a_least_slope_without_elevations_is_refused(series, model, tmp_path):
    with pytest.raises(UsageError, match="no elevation model"):
        do("predict", series=series, model=str(model), out=str(tmp_path / "x"), min_slope_deg=5)


def out_of_fold(series, model, out):
    result, _ = do("fine-tune", series=series, model=str(model), out=str(out), folds=3, **QUICKER)
    return result


def test_no_model_learns_from_a_date_that_only_judges_but_its_map_is_made(epochs, model, dem, tmp_path):
    before, after = epochs
    found = {}
    for name, rows in (("alone", [after]), ("judged", [{**before, "role": "judge"}, after]),
                       ("learned", [before, after])):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"epochs": rows, "dem": dem}))
        found[name] = out_of_fold(str(path), model, tmp_path / name)
    for fold in ("fold-1", "fold-2", "fold-3"):
        assert same_weights(tmp_path / "judged" / fold, tmp_path / "alone" / fold)
        assert not same_weights(tmp_path / "judged" / fold, tmp_path / "learned" / fold)
    result = found["judged"]
    assert [row["date"] for row in result.summary["out-of-fold accuracy, whole area"]] == ["2015", "2014"]
    frame = pyogrio.read_dataframe(result.outputs["out_of_fold_2014"], layer="predicted")
    assert "slope_deg" in frame.columns
    # Every observed pixel is mapped, by one of the three models.
    with rasterio.open(tmp_path / "judged" / "out_of_fold_2014_probability.tif") as judged, \
            rasterio.open(tmp_path / "learned" / "out_of_fold_2014_probability.tif") as learned:
        assert (np.isnan(judged.read(1)) == np.isnan(learned.read(1))).all()


def test_a_role_changes_what_training_is_made_from_and_elevations_what_polygons_are(epochs, dem, tmp_path, model):
    def prints(rows, **top):
        path = tmp_path / "series.json"
        path.write_text(json.dumps({"epochs": rows, **top}))
        given = {"series": str(path), "out": "x"}
        return {"train": fingerprint(make_job("train", given)),
                "folds": fingerprint(make_job("train", {**given, "folds": 3})),
                "predict": fingerprint(make_job("predict", {**given, "model": str(model)}))}

    plain = prints(epochs)
    same = prints([epochs[0], {**epochs[1], "role": "train"}])
    assert same == plain
    judge = prints([epochs[0], {**epochs[1], "role": "judge"}])
    assert [name for name in plain if plain[name] != judge[name]] == ["train", "folds"]
    raised = prints(epochs, dem=dem)
    assert [name for name in plain if plain[name] != raised[name]] == ["folds", "predict"]


def test_the_card_of_a_model_of_unknown_values_says_so_and_so_does_its_map(after, slides, tmp_path):
    with rasterio.open(after) as source:
        values, profile = source.read(), {**source.profile, "driver": "GTiff", "dtype": "uint8", "nodata": 0}
    image = tmp_path / "mosaic.tif"
    with rasterio.open(image, "w", **profile) as out:
        out.write(np.clip(values / 40, 0, 255).astype(np.uint8))
        out.descriptions = BANDS
    made = tmp_path / "model"
    _, report = do("train", scene=[str(image)], landslides=str(slides), out=str(made), filters=8, **QUICKER)
    assert any("8-bit values are not radiance or reflectance" in text for text in warnings_of(report))
    (said,) = read_card(made).warnings
    assert "mosaic" in said and "may not be comparable" in said
    _, report = do("predict", scene=[str(image)], model=str(made), out=str(tmp_path / "map"), precision="float32")
    assert any(said in text for text in warnings_of(report))


def test_the_series_of_the_sample_knows_its_elevations(tmp_path):
    do("sample", out=str(tmp_path / "sample"), kind="years", small=True)
    assert read_series(tmp_path / "sample" / "series.json").dem == str(tmp_path / "sample" / "dem.tif")
