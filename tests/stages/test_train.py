import csv
import json
import shutil

import geopandas as gpd
import h5py
import numpy as np
import pytest
import rasterio
import shapely

from model_core.contract.card import check_weights, read_card
from model_core.contract.errors import Cancelled, InputError, OutputError, UsageError
from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.stages import train
from model_core.stages.shared.course import _threshold_tags

from .conftest import QUICK, do


def same_weights(one, other):
    """Bit for bit; the files themselves differ in names that Keras counts up within a process."""
    def weights(folder):
        found = {}
        with h5py.File(next(folder.glob("*.weights.h5"))) as file:
            file.visititems(lambda name, item: found.update({name: item[()].tobytes()})
                            if isinstance(item, h5py.Dataset) else None)
        return found

    return weights(one) == weights(other)


def test_training_leaves_model_card_blocks_curves_and_job(model):
    card = read_card(model)
    assert check_weights(card, model) == model / "quick.weights.h5"
    assert card.bands == ("blue", "green", "red", "red_edge", "nir")
    assert card.quantity == "toa_reflectance"
    assert (card.start, card.end) == ("2014-11-30", "2015-11-09")
    assert card.training["landslides"] > 0
    assert 0 < card.threshold < 1
    assert json.loads((model / "job.json").read_text())["params"]["filters"] == 8
    assert len(list(csv.DictReader((model / "history.csv").open()))) == 2
    assert (model / "curves.png").stat().st_size > 10_000
    assert not (model / "state").exists()


def test_the_blocks_layer_holds_all_roles_and_does_not_overlap(model):
    blocks = gpd.read_file(model / "blocks.gpkg", layer="blocks")
    assert set(blocks["role"]) == {"train", "validation", "test", "guard"}
    assert blocks.union_all().area == pytest.approx(blocks.area.sum(), rel=1e-9)


def test_the_card_knows_the_ground_that_it_learned_from(model):
    known = shapely.geometry.shape(read_card(model).training_ground)
    ground = gpd.GeoSeries([known], crs="EPSG:4326").to_crs("EPSG:32645")
    blocks = gpd.read_file(model / "blocks.gpkg", layer="blocks")
    test = blocks[blocks["role"] == "test"].union_all()
    seen = blocks[blocks["role"].isin(["train", "validation"])].union_all()
    assert ground.union_all().intersection(test).area < 0.001 * test.area
    assert ground.union_all().intersection(seen).area > 0.99 * seen.area


def test_the_same_job_gives_the_same_weights(series, model, tmp_path):
    do("train", series=series, out=str(tmp_path / "quick"), **QUICK)
    assert same_weights(tmp_path / "quick", model)


def test_another_seed_gives_other_weights(series, model, tmp_path):
    do("train", series=series, out=str(tmp_path / "quick"), **{**QUICK, "seed": 1})
    assert not same_weights(tmp_path / "quick", model)


def test_a_stopped_training_goes_on_to_the_same_weights(series, model, tmp_path):
    class StopAfterFirst(Recorder):
        def cancelled(self):
            return any(e["event"] == "metric" and e["step"] == 1 for e in self.events)

    values = {"series": series, "out": str(tmp_path / "quick"), **QUICK}
    with pytest.raises(Cancelled, match="kept"):
        train.run(make_job("train", values).params, StopAfterFirst())
    assert not (tmp_path / "quick").exists()
    with pytest.raises(OutputError) as refused:
        do("train", **values)
    assert refused.value.code == "output.unfinished"
    do("train", **values, resume=True)
    assert same_weights(tmp_path / "quick", model)


def test_a_training_whose_polygons_have_changed_is_not_resumed(study, tmp_path):
    class StopAfterFirst(Recorder):
        def cancelled(self):
            return any(e["event"] == "metric" and e["step"] == 1 for e in self.events)

    own = shutil.copytree(study, tmp_path / "sample")
    values = {"series": str(own / "series.json"), "out": str(tmp_path / "quick"), **QUICK}
    with pytest.raises(Cancelled, match="kept"):
        train.run(make_job("train", values).params, StopAfterFirst())
    labels = gpd.read_file(own / "landslides.gpkg")
    labels.iloc[2:].to_file(own / "landslides.gpkg", layer="landslides")
    with pytest.raises(UsageError) as refused:
        do("train", **values, resume=True)
    assert refused.value.code == "run.other-inputs"
    assert (tmp_path / "quick.partial").exists()  # nothing that was learned is lost
    labels.to_file(own / "landslides.gpkg", layer="landslides")
    do("train", **values, resume=True)


def test_folds_of_the_papers_own_split_are_refused(series):
    with pytest.raises(UsageError, match="no folds"):
        make_job("train", {"series": series, "out": "x", "split": "paper", "folds": 3})


def test_out_of_fold_maps_judge_every_searched_pixel_once(series, tmp_path):
    result, _ = do("train", series=series, out=str(tmp_path / "folds"), folds=3,
                   **{**QUICK, "training_epochs": 1, "min_landslides": 1})
    rows = {row["date"]: row for row in result.summary["out-of-fold accuracy, whole area"]}
    searched = gpd.read_file(tmp_path / "folds" / "blocks.gpkg").area.sum() / 1e6
    assert rows["2015"]["ground [km²]"] == pytest.approx(searched, rel=1e-6)
    assert len(list((tmp_path / "folds").glob("fold-*/*.weights.h5"))) == 3
    assert (tmp_path / "folds" / "out_of_fold_2015_polygons.gpkg").exists()
    with rasterio.open(tmp_path / "folds" / "out_of_fold_2015_probability.tif") as source:
        probability, tags = source.read(1), source.tags()
    with rasterio.open(tmp_path / "folds" / "out_of_fold_2015_binary.tif") as source:
        binary = source.read(1)
    used = {read_card(tmp_path / "folds" / f"fold-{number}").threshold for number in (1, 2, 3)}
    assert tags["threshold"] == "by block" and tags["thresholds"].count("block") == 3
    said = [float(word.split(": ")[1]) for word in tags["thresholds"].split(", ")]
    assert sorted(set(said)) == pytest.approx(sorted(used), rel=1e-5)
    assert probability[binary == 1].min() >= min(used) and probability[binary == 0].max() < max(used)


def test_a_threshold_that_all_blocks_share_is_one_number():
    assert _threshold_tags({0: 0.5, 1: 0.5}) == {"threshold": "0.5"}
    assert _threshold_tags({1: 0.5, 0: 0.25}) == {"threshold": "by block", "thresholds": "block 0: 0.25, block 1: 0.5"}


def test_the_papers_own_split_is_said_to_be_too_good(series, tmp_path):
    _, report = do("train", series=series, out=str(tmp_path / "paper"),
                   **{**QUICK, "training_epochs": 1, "split": "paper", "min_landslides": 1})
    notes = [e["message"] for e in report.events if e.get("level") == "warning"]
    assert any("too good" in note for note in notes)


def test_training_without_any_landslide_is_refused(epochs, write_series, tmp_path):
    with pytest.raises(InputError) as refused:
        do("train", series=write_series([epochs[0]]), out=str(tmp_path / "m"), **QUICK)
    assert refused.value.code == "labels.none-on-image"
    assert not list(tmp_path.glob("m*"))


def test_too_few_landslides_are_refused_before_training(series, tmp_path):
    with pytest.raises(InputError) as refused:
        do("train", series=series, out=str(tmp_path / "m"), **QUICK, min_landslides=1000)
    assert refused.value.code == "split.too-few"


def test_a_wish_for_a_band_that_no_scene_has_is_refused(series, tmp_path):
    with pytest.raises(InputError, match="swir"):
        do("train", series=series, out=str(tmp_path / "m"), **QUICK, model_bands=["red", "swir"])


def test_a_network_for_three_bands_can_be_trained_from_five(series, tmp_path):
    do("train", series=series, out=str(tmp_path / "m"), **{**QUICK, "training_epochs": 1},
       model_bands=["blue", "green", "red"])
    assert read_card(tmp_path / "m").bands == ("blue", "green", "red")


def test_fixed_scaling_stores_the_statistics_of_the_training_scenes(series, tmp_path):
    do("train", series=series, out=str(tmp_path / "m"), **{**QUICK, "training_epochs": 1}, scaling="fixed")
    scaling = read_card(tmp_path / "m").scaling
    assert scaling.rule == "fixed"
    assert np.all(np.array(scaling.centre) > 0.01) and np.all(np.array(scaling.centre) < 0.5)


def test_a_date_that_cannot_be_read_is_refused(epochs, write_series, tmp_path):
    epochs[1]["date"] = "9 November"
    with pytest.raises(InputError, match="epoch 2015: '9 November' is not a date"):
        do("train", series=write_series(epochs), out=str(tmp_path / "m"), **QUICK)
