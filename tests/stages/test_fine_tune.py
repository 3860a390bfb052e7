import h5py
import numpy as np
import pytest
import shapely

from model_core.contract.card import read_card
from model_core.contract.errors import InputError, UsageError

from .conftest import QUICK, do

TUNE = {name: value for name, value in QUICK.items() if name != "filters"} | {"training_epochs": 1}


def layers(folder):
    """Weights by the name of their layer."""
    found = {}
    with h5py.File(next(folder.glob("*.weights.h5"))) as file:
        for group in file["layers"].values():
            if "vars" in group and "name" in group["vars"].attrs:
                found[group["vars"].attrs["name"]] = [group["vars"][key][()] for key in sorted(group["vars"])]
    return found


def changed(one, other):
    return {name for name, values in layers(one).items()
            if any(not np.array_equal(a, b) for a, b in zip(values, layers(other)[name], strict=True))}


@pytest.mark.parametrize(("part", "frozen"), [("head", ("encoder", "decoder")), ("decoder", ("encoder",))])
def test_only_the_chosen_part_changes(series, model, tmp_path, part, frozen):
    do("fine-tune", series=series, model=str(model), out=str(tmp_path / "tuned"), layers=part, **TUNE)
    names = changed(model, tmp_path / "tuned")
    assert names
    assert not [name for name in names if name.startswith(frozen)]


def test_all_parts_change_by_default_and_the_card_names_its_base(series, model, tmp_path):
    result, _ = do("fine-tune", series=series, model=str(model), out=str(tmp_path / "tuned"), **TUNE)
    assert any(name.startswith("encoder") for name in changed(model, tmp_path / "tuned"))
    card = read_card(tmp_path / "tuned")
    assert card.training["base_model"] == "quick"
    rows = result.summary["accuracy on test ground"]
    assert [row["model"] for row in rows] == ["before", "before", "after", "after"]


def test_the_row_before_is_the_accuracy_of_the_base_model(series, model, tmp_path):
    import json

    base = {row["date"]: row for row in json.loads((model / "accuracy.json").read_text())["accuracy"]}
    result, _ = do("fine-tune", series=series, model=str(model), out=str(tmp_path / "tuned"), **TUNE)
    for row in result.summary["accuracy on test ground"][:2]:
        assert row["F1"] == base[row["date"]]["F1"]


def test_the_new_card_knows_the_ground_of_both_trainings(series, model, tmp_path):
    do("fine-tune", series=series, model=str(model), out=str(tmp_path / "tuned"), fold=1, **TUNE)
    before, after = (shapely.geometry.shape(read_card(folder).training_ground) for folder in (model, tmp_path / "tuned"))
    assert after.intersection(before).area == pytest.approx(before.area, rel=1e-6)
    assert after.area > before.area


def test_statistics_taken_from_the_image_change_the_result(series, model, tmp_path):
    do("fine-tune", series=series, model=str(model), out=str(tmp_path / "plain"), **TUNE)
    do("fine-tune", series=series, model=str(model), out=str(tmp_path / "adapted"), adapt_batch_norm=True, **TUNE)
    assert changed(tmp_path / "plain", tmp_path / "adapted")


def test_an_image_without_a_band_of_the_model_is_refused(epochs, write_series, model, tmp_path):
    epochs[1]["bands"] = ["blue", "green", "red", "red_edge", "-"]
    with pytest.raises((InputError, UsageError), match="nir"):
        do("fine-tune", series=write_series(epochs), model=str(model), out=str(tmp_path / "m"), **TUNE)
