import json
import shutil

import pytest

from model_core.contract.card import read_card
from model_core.contract.errors import InputError, ModelError
from model_core.stages import models

from .conftest import do


@pytest.fixture(autouse=True)
def no_bundled_models(monkeypatch, tmp_path_factory):
    """The list is then the same whatever the package brings along."""
    monkeypatch.setattr(models, "bundled_folder", lambda: tmp_path_factory.getbasetemp() / "no-models")


def test_models_below_a_folder_are_listed(model):
    result, _ = do("models", folder=str(model.parent))
    (row,) = result.summary["models"]
    card = read_card(model)
    assert (row["name"], row["bands"], row["filters"]) == ("quick", "blue green red red_edge nir", 8)
    assert (row["trained on"], row["threshold"]) == ("2014-11-30 to 2015-11-09", card.threshold)
    assert row["test F1"] == card.metrics["f1"]
    assert row["path"] == str(model / "quick.weights.h5")


def test_bundled_models_are_listed_without_asking(model, monkeypatch):
    monkeypatch.setattr(models, "bundled_folder", lambda: model)
    assert [row["name"] for row in do("models")[0].summary["models"]] == ["quick"]


def test_a_card_is_shown_in_full(model):
    result, _ = do("models", model=str(model))
    card, shown = read_card(model), result.summary
    assert shown["bands"] == "blue green red red_edge nir"
    assert shown["network"] == "U-Net, 8 filters, 488,905 parameters, patches of 64 px"
    assert "toa_reflectance" in shown["values"] and "scene-robust" in shown["values"]
    assert shown["metrics"] == card.metrics
    assert shown["checksum"] == card.sha256
    assert {row["what"] for row in shown["training"]} == set(card.training)
    assert result.outputs == {"weights": str(model / "quick.weights.h5")}


def test_models_that_cannot_be_used_are_named_and_the_others_listed(model, tmp_path):
    shutil.copytree(model, tmp_path / "good")
    for name, card in (("lost", None), ("torn", "{"), ("foreign", json.dumps({"type": "Feature"}))):
        (tmp_path / name).mkdir()
        shutil.copy(model / "quick.weights.h5", tmp_path / name / f"{name}.weights.h5")
        if card is not None:
            (tmp_path / name / f"{name}.json").write_text(card)
    result, report = do("models", folder=str(tmp_path))
    assert [row["name"] for row in result.summary["models"]] == ["quick"]
    told = [event["message"] for event in report.events if event.get("level") == "warning"]
    assert [any(name in text for text in told) for name in ("lost", "torn", "foreign")] == [True] * 3


def test_a_folder_without_models_says_what_to_do(tmp_path):
    assert "mtl train" in do("models", folder=str(tmp_path))[0].summary["models"]


def test_an_unknown_model_and_folder_are_refused(tmp_path):
    with pytest.raises(ModelError, match="no model"):
        do("models", model="nobody")
    with pytest.raises(InputError):
        do("models", folder=str(tmp_path / "nowhere"))
