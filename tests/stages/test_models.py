import shutil

import pytest

from model_core.contract.errors import InputError, ModelError

from .conftest import do


def test_models_below_a_folder_are_listed(model):
    result, _ = do("models", folder=str(model.parent))
    assert [row["name"] for row in result.summary["models"]] == ["quick"]


def test_a_card_is_shown_in_full(model):
    result, _ = do("models", model=str(model))
    assert result.summary["bands"] == "blue green red red_edge nir"
    assert "488,905 parameters" in result.summary["network"]


def test_a_model_without_card_is_named_and_the_others_are_listed(model, tmp_path):
    shutil.copytree(model, tmp_path / "good")
    (tmp_path / "bad").mkdir()
    shutil.copy(model / "quick.weights.h5", tmp_path / "bad" / "lost.weights.h5")
    result, report = do("models", folder=str(tmp_path))
    assert len(result.summary["models"]) == 1
    assert any("lost" in event["message"] for event in report.events if event["event"] == "log")


def test_an_unknown_model_and_folder_are_refused(tmp_path):
    with pytest.raises(ModelError, match="no model"):
        do("models", model="nobody")
    with pytest.raises(InputError):
        do("models", folder=str(tmp_path / "nowhere"))
