"""Dates without labels in the pooled step of a study: mapped by the models of all folds together, never judged."""

import json

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely.geometry import shape

from model_core.contract.card import read_card
from model_core.stages.shared.map_error import ASSESSED
from model_core.stages.shared.size_fits import NOT_ASSESSED

from .conftest import SETTINGS, do

FOLDS = ("fold-1", "fold-2", "fold-3")


@pytest.fixture(scope="module")
def unlabelled(study, model, tmp_path_factory):
    """Folder of a study of a date with landslides and of one on which nobody drew."""
    folder = tmp_path_factory.mktemp("unlabelled")
    data = json.loads((study / "series.json").read_text())
    for epoch in data["epochs"]:
        epoch["scenes"] = [str(study / scene) for scene in epoch["scenes"]]
        epoch |= {name: str(study / epoch[name]) for name in ("landslides", "searched") if name in epoch}
    data["epochs"][0]["role"] = "predict"  # its labels, of which there are some, must not count
    data.pop("dem", None)
    (folder / "series.json").write_text(json.dumps({"epochs": data["epochs"]}))
    do("study", series=str(folder / "series.json"), model=str(model), out=str(folder / "out"), **SETTINGS)
    return folder / "out"


def read(path):
    with rasterio.open(path) as source:
        return source.read(1), source.tags()


def test_the_map_is_the_mean_of_all_models_at_their_mean_threshold(unlabelled, tmp_path):
    series = str(unlabelled.parent / "series.json")
    alone = []
    for fold in FOLDS:
        do("predict", series=series, dates=["2014"], model=str(unlabelled / "pooled" / fold), out=str(tmp_path / fold),
           precision="float32")
        alone.append(read(tmp_path / fold / "2014_probability.tif")[0])
    probability, tags = read(unlabelled / "pooled" / "mean_2014_probability.tif")
    np.testing.assert_allclose(probability, np.mean(alone, axis=0), atol=1.01 / 4096)
    assert np.ptp(alone, axis=0)[~np.isnan(alone[0])].max() > 0.01  # the models differ
    threshold = np.mean([read_card(unlabelled / "pooled" / fold).threshold for fold in FOLDS])
    binary, _ = read(unlabelled / "pooled" / "mean_2014_binary.tif")
    seen = ~np.isnan(probability)
    assert (binary[seen] == (probability[seen] >= threshold)).all() and (binary[~seen] == 255).all()
    assert float(tags["threshold"]) == pytest.approx(threshold, rel=1e-5)
    assert tags["note"] == "mean of the probabilities of 3 models that saw no labels of this date; not judged"


def test_numbers_of_all_dates_come_from_one_kind_of_map_and_no_such_map_is_judged(unlabelled):
    told = json.loads((unlabelled / "study.json").read_text())
    assert not told["failures"], told["failures"]
    assert {(row["map"], row["date"]) for row in told["maps"]} == {
        (kind, date) for kind in ("zero-shot", "pooled") for date in ("2014", "2015")}
    assert {row["date"] for row in told["accuracy"]} == {"2015"}
    summary = json.dumps(told["steps"]["pooled"]["summary"])
    assert "2015" in summary and "2014" not in summary
    compared = json.loads((unlabelled / "years" / "pooled" / "years.json").read_text())
    assert {row["name"] for row in compared["years"]} == {"2014", "2015"}
    counted = json.loads((unlabelled / "statistics" / "statistics.json").read_text())["layers"]
    assert {"2014 pooled", "2015 pooled"} <= {row["name"] for row in counted}
    spread = json.loads((unlabelled / "density" / "pooled" / "density.json").read_text())["densities"]
    assert [row["layer"] for row in spread] == ["2014", "2015"]
    assert (unlabelled / "report" / "report.html").exists()


def test_out_of_fold_polygons_are_marked_where_the_base_model_has_learned(unlabelled, model):
    polygons = gpd.read_file(unlabelled / "pooled" / "out_of_fold_2015_polygons.gpkg")
    learned = gpd.GeoSeries([shape(read_card(model).training_ground)], crs="EPSG:4326").to_crs(polygons.crs).iloc[0]
    assert polygons["in_training"].tolist() == polygons.intersects(learned).tolist()
    assert polygons["in_training"].any()


def test_the_layers_tell_which_maps_are_out_of_fold(unlabelled):
    predicted = gpd.read_file(unlabelled / "study.gpkg", layer="predicted")
    found = predicted.groupby(["map", "epoch"])["out_of_fold"].unique().map(list).to_dict()
    assert found.get(("pooled", "2014"), [False]) == [False] and found.get(("pooled", "2015"), [True]) == [True]
    assert set(gpd.read_file(unlabelled / "study.gpkg", layer="blocks")["epoch"]) == {"2015"}
    numbers = gpd.read_file(unlabelled / "study.gpkg", layer="statistics")
    assert len(numbers) and set(numbers[["TL_interval", "TAL_interval"]].to_numpy().ravel()) <= {ASSESSED, NOT_ASSESSED}
    mapped = gpd.read_file(unlabelled / "pooled" / "mean_2014_polygons.gpkg")
    inventory = gpd.read_file(unlabelled / "study.gpkg", layer="inventory")
    here = inventory[(inventory["epoch"] == "2014") & (inventory["origin"] == "predicted")]
    assert set(here["source"]) <= {"mean_2014_polygons"} and len(here) <= len(mapped)
