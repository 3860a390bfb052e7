"""The whole course with a network that learns for a moment."""

import dataclasses
import json

import numpy as np
import pytest

from model_core.contract.bands import BANDS
from model_core.contract.card import read_card
from model_core.contract.errors import UsageError
from model_core.contract.events import Recorder
from model_core.stages.shared.models import load_network
from weights.training import judge, runs
from weights.training.ground import blocks_of
from weights.training.patches import KODAGU, TAIWAN
from weights.training.recipe import Recipe

from .conftest import DEVICE, cut, invented_ground

QUICK = Recipe(filters=4, training_epochs=1, windows=16, batch_size=8)


@pytest.fixture(scope="module")
def data(taiwan, tmp_path_factory):
    """A folder as that of the real data."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "landslide4sense").mkdir()
    kodagu = cut(*invented_ground((256, 256), 3), KODAGU)
    parts = (taiwan, kodagu)
    np.savez(folder / "landslide4sense" / "rgb_pairs.npz",
             image=np.concatenate([part.images for part in parts]), mask=np.concatenate([part.masks for part in parts]),
             region=np.repeat([TAIWAN, KODAGU], [len(part.ids) for part in parts]),
             official_id=np.concatenate([part.ids for part in parts]))
    np.savez(folder / "landslide4sense" / "five_band_pairs.npz", bands=np.array(BANDS), region=np.array([TAIWAN, "unknown"]),
             image=np.repeat(taiwan.images[:2, ..., :1].astype(np.float32), 5, axis=-1), mask=taiwan.masks[:2])
    return folder


@pytest.fixture(scope="module")
def made(data, tmp_path_factory):
    """Folder and line of a finished run."""
    folder = tmp_path_factory.mktemp("build")
    return folder, runs.run(QUICK, "tiny", folder, data, Recorder(), DEVICE, real_scene=False)


def test_the_card_says_what_the_model_is_and_what_it_learned_from(made):
    folder, line = made
    card = read_card(folder / "tiny")
    assert card.may_lack == card.unlearned == ("red_edge", "nir")
    assert card.learned_bands == ("blue", "green", "red")
    assert card.training["data_licence"] == "MIT" and "Ghorbanzadeh" in card.training["citation"]
    assert card.threshold == line["threshold"] and "validation blocks" in card.threshold_rule
    assert card.metrics["f1"] == next(row["F1"] for row in line["blocks"] if row["ground"] == "Taiwan test")
    assert card.pixel_size_range_m[0] < 5 < 10 < card.pixel_size_range_m[1]


def test_the_file_holds_half_precision_and_is_blind_for_what_it_never_saw(made):
    folder, _ = made
    card = read_card(folder / "tiny")
    assert card.weights_bytes < card.parameters * 4
    model = load_network(card, folder / "tiny")
    kernel = model.get_layer("encoder_1_conv_1").kernel.numpy()
    assert not kernel[:, :, 3:].any() and kernel[:, :, :3].any()
    np.testing.assert_array_equal(kernel, kernel.astype(np.float16))


def test_half_precision_draws_the_same_map(made, taiwan):
    from model_core.network import weights

    folder, _ = made
    card, block = read_card(folder / "tiny"), blocks_of(taiwan)[2]
    model = load_network(card, folder / "tiny")
    (half,) = judge.map_blocks(model, [block])
    weights.load(model, next((folder / "tiny" / "state").glob("best_*")))
    (full,) = judge.map_blocks(model, [block])
    assert 0 < np.nanmax(np.abs(half - full)) < 0.005
    assert np.nanmean((half >= card.threshold) != (full >= card.threshold)) < 0.002


def test_a_run_goes_on_where_it_stopped_and_gives_the_same(made, data):
    folder, line = made
    report = Recorder()
    again = runs.run(QUICK, "tiny", folder, data, report, DEVICE, real_scene=False)
    assert not [event for event in report.events if event.get("name") == "val_f1"], "nothing is trained again"
    assert again["blocks"] == line["blocks"]


def test_a_run_of_another_recipe_keeps_its_name(made, data):
    folder, _ = made
    with pytest.raises(UsageError, match="another colours"):
        runs.run(dataclasses.replace(QUICK, colours=0.5), "tiny", folder, data, Recorder(), DEVICE, real_scene=False)


def test_the_table_has_a_row_a_run_and_says_what_differs(made):
    folder, _ = made
    lines = runs.read_runs(folder)
    rows = runs.table(lines).splitlines()
    assert len(rows) == 2 + len(lines) and rows[0].count("|") == rows[2].count("|")
    assert "filters 4, training_epochs 1, windows 16, batch_size 8" in rows[2]
    assert json.loads((folder / "runs.jsonl").read_text().splitlines()[0])["recipe"]["filters"] == 4


def test_a_network_that_never_saw_five_bands_minds_no_more_than_three(made):
    five, three = made[1]["five bands"]
    assert (five["bands"], three["bands"]) == (5, 3)
    assert {**five, "bands": 3} == three
