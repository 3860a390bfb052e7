import json
from types import SimpleNamespace

import geopandas as gpd
import h5py
import numpy as np
import pytest
import shapely
from affine import Affine

from model_core.contract.card import read_card
from model_core.contract.errors import Cancelled, InputError
from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.geo.grid import Grid
from model_core.stages import fine_tune
from model_core.stages.shared.course import _write_out_of_fold

from .conftest import QUICK, do

TUNE = {name: value for name, value in QUICK.items() if name != "filters"} | {"training_epochs": 1}


def tuned(folder, series, model, **values):
    """Fine-tunes into a new folder; returns it with the result."""
    out = folder / f"tuned-{len(list(folder.iterdir()))}"
    return out, do("fine-tune", series=series, model=str(model), out=str(out), **{**TUNE, **values})[0]


@pytest.fixture(scope="module")
def whole(series, model, tmp_path_factory):
    """A model of which all parts were trained further, with other blocks: (folder, result)."""
    return tuned(tmp_path_factory.mktemp("whole"), series, model, fold=1)


def layers(folder):
    """Weights and statistics by the name of their layer."""
    found = {}
    with h5py.File(next(folder.glob("*.weights.h5"))) as file:
        for group in file["layers"].values():
            if "vars" in group and "name" in group["vars"].attrs:
                found[group["vars"].attrs["name"]] = [group["vars"][key][()] for key in sorted(group["vars"])]
    return found


def changed(one, other):
    after = layers(other)
    return {name for name, values in layers(one).items()
            if any(a.tobytes() != b.tobytes() for a, b in zip(values, after[name], strict=True))}


def test_of_out_of_fold_polygons_those_on_ground_of_the_base_model_are_marked(tmp_path):
    grid = Grid("EPSG:32645", Affine(5, 0, 320_000, 0, -5, 3_109_000), 60, 40)
    classes = np.zeros(grid.shape, np.uint8)
    classes[5:15, 5:15] = classes[5:15, 40:50] = 1
    ground = SimpleNamespace(grid=grid, scenes=SimpleNamespace(days_text=""), days=(None,), sources=None)
    params = SimpleNamespace(min_area_m2=200.0)
    west = gpd.GeoDataFrame(geometry=[shapely.box(320_000, 3_108_800, 320_150, 3_109_000)], crs=grid.crs)
    for name, learned, marked in (("a", west.to_crs("EPSG:4326"), [True, False]), ("b", None, [False, False])):
        _write_out_of_fold(tmp_path, name, ground, classes.astype(np.float32), classes, {0: 0.5}, params, "m", None,
                           learned)
        found = gpd.read_file(tmp_path / f"{name}_polygons.gpkg")
        assert found.loc[found.centroid.x.argsort(), "in_training"].tolist() == marked


@pytest.mark.parametrize(("part", "frozen"), [("head", ("encoder", "decoder")), ("decoder", ("encoder",))])
def test_only_the_chosen_part_changes(series, model, tmp_path, part, frozen):
    names = changed(model, tuned(tmp_path, series, model, layers=part)[0])
    assert "head" in names
    assert (part == "decoder") == any(name.startswith("decoder") for name in names)
    # Bit by bit, the moving statistics of the frozen layers included.
    assert not [name for name in names if name.startswith(frozen)]
    assert {f"{start}_1_norm_1" for start in frozen} <= set(layers(model))


def test_all_parts_change_by_default(whole, model):
    names = changed(model, whole[0])
    assert {name.split("_")[0] for name in names} == {"encoder", "decoder", "head"}


def test_the_card_names_its_base_and_covers_what_both_learned_from(epochs, write_series, model, tmp_path):
    folder, _ = tuned(tmp_path, write_series([epochs[1]]), model)
    card, base = read_card(folder), read_card(model)
    assert card.training["base_model"] == "quick"
    assert card.training["epochs"] == ["2015"]
    assert (card.start, card.end) == (base.start, base.end) == ("2014-11-30", "2015-11-09")
    assert (card.bands, card.filters, card.quantity) == (base.bands, base.filters, base.quantity)
    assert card.sha256 != base.sha256


def test_the_row_before_is_the_accuracy_of_the_base_model(series, model, tmp_path):
    _, result = tuned(tmp_path, series, model, layers="head")
    rows = result.summary["accuracy on test ground"]
    assert [(row["model"], row["date"]) for row in rows] == [
        ("before", "2014"), ("before", "2015"), ("after", "2014"), ("after", "2015")]
    # Same blocks, same threshold: what the training of the base model told of its own test ground.
    told = json.loads((model / "accuracy.json").read_text())["accuracy"]
    assert [{**row, "model": "before"} for row in told] == rows[:2]


def test_the_new_card_knows_the_ground_of_both_trainings(whole, model):
    before, after = (shapely.geometry.shape(read_card(folder).training_ground) for folder in (model, whole[0]))
    blocks = gpd.read_file(whole[0] / "blocks.gpkg", layer="blocks").to_crs("EPSG:4326")
    own = blocks[blocks["role"].isin(["train", "validation"])].union_all()
    union = before.union(own)
    assert own.difference(before).area > 0.1 * before.area  # the second training saw more
    assert after.symmetric_difference(union).area < 0.02 * union.area
    assert after.intersection(before).area == pytest.approx(before.area, rel=1e-6)


def test_test_ground_that_the_base_model_learned_from_is_not_called_a_test(series, whole, model, tmp_path):
    seen = read_card(whole[0])  # with other blocks than its base
    assert seen.measured.startswith("agreement, not accuracy: the base model had learned from")
    folder, _ = tuned(tmp_path, series, model, layers="head")  # with the same
    assert read_card(folder).measured.startswith("pooled over all pixels of the test ground")


def test_a_stopped_fine_tuning_goes_on_to_the_same_weights(series, model, tmp_path):
    class StopAfterFirst(Recorder):
        def cancelled(self):
            return any(event["event"] == "metric" and event["step"] == 1 for event in self.events)

    values = {**TUNE, "training_epochs": 2, "layers": "decoder"}
    straight, result = tuned(tmp_path, series, model, **values)
    job = make_job("fine-tune", {"series": series, "model": str(model), "out": str(tmp_path / "again"), **values})
    with pytest.raises(Cancelled, match="kept"):
        fine_tune.run(job.params, StopAfterFirst())
    again = do("fine-tune", **{"series": series, "model": str(model), "out": str(tmp_path / "again"), **values},
               resume=True)[0]
    assert not changed(straight, tmp_path / "again")
    assert again.summary["accuracy on test ground"] == result.summary["accuracy on test ground"]


def test_statistics_taken_from_the_image_change_frozen_layers_too(series, model, tmp_path):
    folder, _ = tuned(tmp_path, series, model, layers="head", adapt_batch_norm=True)
    names = changed(model, folder)
    assert "encoder_1_norm_1" in names
    assert not [name for name in names if "_conv_" in name]


def test_an_image_without_a_band_of_the_model_is_refused_before_the_network_starts(
    epochs, write_series, model, tmp_path, monkeypatch
):
    monkeypatch.setattr(fine_tune, "start_device", lambda *_: pytest.fail("the network was started"))
    epochs[1]["bands"] = ["blue", "green", "red", "red_edge", "-"]
    with pytest.raises(InputError) as refused:
        tuned(tmp_path, write_series(epochs), model)
    assert refused.value.code == "scene.band-missing"
    assert [path.name for path in tmp_path.iterdir()] == ["series.json"]


def test_all_ground_can_train_and_then_nothing_is_called_accuracy(series, model, tmp_path):
    out, result = tuned(tmp_path, series, model, split="whole", training_epochs=2)
    card = read_card(out)
    assert result.summary["accuracy on test ground"] == []
    assert {row["role"] for row in result.summary["split"] if row["ground [km²]"]} == {"train"}
    assert card.metrics["f1"] is None
    assert card.measured.startswith("not judged")
    assert card.threshold_rule == "best F1 on training ground"
    assert set(gpd.read_file(out / "blocks.gpkg")["role"]) == {"train"}
    assert (out / "curves.png").stat().st_size > 1000


def test_a_few_landslides_are_enough_where_all_ground_trains(epochs, write_series, model, tmp_path):
    epoch = dict(epochs[-1])
    drawn = gpd.read_file(epoch["landslides"])
    few = drawn.assign(size=drawn.area).nlargest(5, "size")
    few.to_file(tmp_path / "few.gpkg")
    around = shapely.union_all(few.buffer(60).to_numpy())
    near = gpd.GeoDataFrame(geometry=[around], crs=few.crs)
    near.to_file(tmp_path / "near.gpkg")
    series = write_series([{**epoch, "landslides": str(tmp_path / "few.gpkg"), "searched": str(tmp_path / "near.gpkg")}])
    with pytest.raises(InputError, match="whole"):
        tuned(tmp_path, series, model)
    assert tuned(tmp_path, series, model, split="whole")[1].summary["kept training epoch"] == 1
