"""What an analyst meets with models that cannot be used; none of them gets to run any code."""

import hashlib
import json
import shutil

import h5py
import pytest

from model_core.contract.errors import ModelError


@pytest.fixture
def other_model(model, tmp_path):
    """A copy of the model with a changed card, or other bytes as weights; returns its folder."""
    def write(change=lambda card: None, weights=None, checksum=True):
        folder = tmp_path / "model"
        shutil.copytree(model, folder)
        card = json.loads((folder / "quick.json").read_text())
        if weights is not None:
            (folder / "quick.weights.h5").write_bytes(weights)
            if checksum:
                card["properties"]["mtl:sha256"] = hashlib.sha256(weights).hexdigest()
        (folder / "quick.json").write_text(json.dumps(change(card) or card))
        return folder

    return write


def test_weights_that_are_not_the_cards(refused, other_model, after):
    folder = other_model(weights=b"other numbers", checksum=False)
    assert "the checksum differs" in refused(ModelError, "predict", "--model", folder, "--scene", after)[0]


@pytest.mark.parametrize(("missing", "said"), [
    ("quick.weights.h5", "holds no weights"), ("quick.json", "There is no model card quick.json beside the weights."),
])
def test_half_a_model(refused, other_model, after, missing, said):
    folder = other_model()
    (folder / missing).unlink()
    assert said in refused(ModelError, "predict", "--model", folder, "--scene", after)[0]


def test_a_card_whose_weights_are_missing(refused, other_model, after):
    folder = other_model()
    (folder / "quick.weights.h5").unlink()
    message, hint = refused(ModelError, "predict", "--model", folder / "quick.json", "--scene", after)
    assert "quick.weights.h5 cannot be read" in message and "same folder" in hint


@pytest.mark.parametrize(("change", "said"), [
    (lambda card: [card], "is no model card of this tool"),
    (lambda card: {"type": "Feature", "properties": {"mlm:name": "other"}}, "it has no entry 'mlm:input'"),
    (lambda card: card["properties"].pop("mtl:threshold") and None, "it has no entry 'mtl:threshold'"),
    (lambda card: card["properties"].update({"mtl:threshold": "high"}), "its threshold does not lie between 0 and 1"),
    (lambda card: card["properties"].update({"mtl:pixel_size_range_m": None}), "or it is damaged"),
    (lambda card: card["properties"]["mtl:scaling"].update(rule="magic"), "its scaling rule 'magic' is unknown"),
    (lambda card: card["properties"]["mtl:scaling"].update(rule="fixed", spread=[0.0] * 5), "its scaling does not fit"),
    (lambda card: card["properties"]["mlm:input"][0]["bands"].pop() and None, "its scaling does not fit its bands"),
    (lambda card: card["properties"]["mlm:hyperparameters"].update(filters="8"), "its network is unknown"),
    (lambda card: card.update(geometry="everywhere"), "or it is damaged"),
])
def test_a_card_that_cannot_be_used(refused, other_model, after, change, said):
    folder = other_model(change)
    message, _ = refused(ModelError, "predict", "--model", folder, "--scene", after)
    assert said in message and "quick.json" in message


def test_a_card_of_another_network(refused, other_model, after):
    folder = other_model(lambda card: card["properties"]["mlm:hyperparameters"].update(filters=16))
    message, _ = refused(ModelError, "predict", "--model", folder, "--scene", after)
    assert message == ("The weights quick.weights.h5 are for 5 bands and 8 filters, the network here has 5 bands and "
                       "16 filters.")


def old_keras_model(tmp_path):
    """Like the models of old: a whole one, whose configuration can name any code."""
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Lambda", "config": {"function": "gASVDg=="}})
        file.create_group("model_weights")
    return path


EDGE_CASES = {
    "lfs_pointer.hdf5": (lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS"),
    "empty.h5": (lambda _: b"", "is empty"),
    "lambda.h5": (lambda tmp_path: old_keras_model(tmp_path).read_bytes(), "nothing of it was run"),
}


@pytest.mark.parametrize("name", EDGE_CASES)
def test_what_looks_like_weights_and_is_not(refused, other_model, tmp_path, after, name):
    content, said = EDGE_CASES[name]
    path = tmp_path / name
    path.write_bytes(content(tmp_path))
    check_refused_as_model(refused, other_model, after, path, said)


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "said"), [
    ("lfs_pointer_M_ALL_006.hdf5", "Git LFS"), ("empty_unet.h5", "is empty"),
    ("keras204_lambda_model6.h5", "nothing of it was run"),
])
def test_what_people_have_lying_around_is_not_taken_for_weights(refused, other_model, shared_data, after, name, said):
    check_refused_as_model(refused, other_model, after, shared_data / "edge_cases" / name, said)


def check_refused_as_model(refused, other_model, after, path, said):
    """By its own name, and under the name of weights whose card knows its checksum."""
    message, _ = refused(ModelError, "predict", "--model", path, "--scene", after)
    assert message == f"{path.name} is not a model of this tool."
    folder = other_model(weights=path.read_bytes())
    assert said in refused(ModelError, "predict", "--model", folder, "--scene", after)[0]


def test_a_repository_fetched_without_its_large_files(refused, other_model, after):
    folder = other_model(weights=b"version https://git-lfs.github.com/spec/v1\n", checksum=False)
    message, hint = refused(ModelError, "predict", "--model", folder, "--scene", after)
    assert "only a pointer of Git LFS" in message and "git lfs pull" in hint


def test_a_model_that_is_not_there(refused, study, after, series):
    for name, said in (("absent", "There is no model absent."), (study, "holds no weights"),
                       (after, "is not a model of this tool"), (series, "it has no entry 'properties'")):
        assert said in refused(ModelError, "predict", "--model", name, "--scene", after)[0]
