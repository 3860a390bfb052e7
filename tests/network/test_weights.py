import h5py
import keras
import numpy as np
import pytest

from model_core.contract.card import sha256
from model_core.contract.errors import ModelError
from model_core.network import weights
from model_core.network.unet import build_unet

pytestmark = pytest.mark.backend


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


def test_saved_weights_come_back_exactly(tmp_path):
    model, other = build_unet(3, 2), build_unet(3, 2)
    path = tmp_path / "a.weights.h5"
    digest = weights.save(model, path)
    assert digest == sha256(path)
    weights.load(other, path, digest)
    assert same(model, other)
    assert [p.name for p in tmp_path.iterdir()] == ["a.weights.h5"]


def test_the_same_weights_give_the_same_file(tmp_path):
    first, second = build_unet(3, 2), build_unet(3, 2)
    second.set_weights(first.get_weights())
    assert weights.save(first, tmp_path / "a.weights.h5") == weights.save(second, tmp_path / "b.weights.h5")


def test_the_optimiser_is_left_out(tmp_path):
    model = build_unet(3, 4)
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    weights.save(model, tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "a.weights.h5") as file:
        assert not any("optimizer" in name for name in file)
        stored = []
        file.visititems(lambda name, item: stored.append(item.size) if isinstance(item, h5py.Dataset) else None)
    assert sum(stored) == model.count_params()
    assert model.optimizer is not None  # still ready to train


def test_half_a_file_keeps_the_network(tmp_path):
    model, other = build_unet(3, 8), build_unet(3, 8)
    weights.save(model, tmp_path / "full.weights.h5")
    weights.save(model, tmp_path / "half.weights.h5", half=True)
    ratio = (tmp_path / "half.weights.h5").stat().st_size / (tmp_path / "full.weights.h5").stat().st_size
    assert ratio < 0.6
    weights.load(other, tmp_path / "half.weights.h5")
    for found, expected in zip(other.get_weights(), model.get_weights(), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_a_crash_leaves_the_old_weights(tmp_path, monkeypatch):
    model, path = build_unet(3, 2), tmp_path / "a.weights.h5"
    digest = weights.save(model, path)
    monkeypatch.setattr(keras.Model, "save_weights", lambda self, path: (path.write_bytes(b"half a fi"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        weights.save(model, path)
    assert sha256(path) == digest
    assert [p.name for p in tmp_path.iterdir()] == ["a.weights.h5"]


def test_another_file_under_the_same_name_is_noticed(tmp_path):
    path = tmp_path / "a.weights.h5"
    digest = weights.save(build_unet(3, 2), path)
    weights.save(build_unet(3, 2), path)
    with pytest.raises(ModelError, match="checksum"):
        weights.load(build_unet(3, 2), path, digest)


@pytest.mark.parametrize(("n_bands", "filters", "up_convolutions", "words"), [
    (5, 2, "scaled", "for 3 bands and 2 filters, the network here has 5 bands and 2 filters"),
    (3, 4, "scaled", "2 filters, the network here has 3 bands and 4 filters"),
    (3, 2, "paper", "up-convolutions"),
])
def test_weights_of_another_network_are_refused_and_change_nothing(tmp_path, n_bands, filters, up_convolutions, words):
    weights.save(build_unet(3, 2), tmp_path / "a.weights.h5")
    model = build_unet(n_bands, filters, up_convolutions)
    before = model.get_weights()
    with pytest.raises(ModelError, match=words):
        weights.load(model, tmp_path / "a.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_weights_of_another_kind_of_network_are_refused(tmp_path):
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    other.save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ModelError, match="another kind"):
        weights.load(build_unet(3, 2), tmp_path / "a.weights.h5")


@pytest.mark.parametrize(("content", "words"), [
    (b"", "is empty"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 250991304\n", "Git LFS pointer"),
    (b"GIF89a", "damaged or no HDF5"),
])
def test_files_that_are_no_weights_are_refused(tmp_path, content, words):
    path = tmp_path / "a.weights.h5"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words):
        weights.load(build_unet(3, 2), path)


def test_a_cut_off_file_is_refused(tmp_path):
    path = tmp_path / "a.weights.h5"
    weights.save(build_unet(3, 2), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match="damaged"):
        weights.load(build_unet(3, 2), path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match="nowhere"):
        weights.load(build_unet(3, 2), tmp_path / "nowhere.weights.h5")


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "words"), [
    ("lfs_pointer_M_ALL_006.hdf5", "Git LFS pointer"),
    ("empty_unet.h5", "is empty"),
    ("keras204_lambda_model6.h5", "nothing of it was run"),
])
def test_files_met_in_the_wild_are_refused_unrun(shared_data, name, words, monkeypatch):
    for loader in ("load_weights", "from_config"):
        monkeypatch.setattr(keras.Model, loader, lambda *_, **__: pytest.fail("the file was loaded"))
    with pytest.raises(ModelError, match=words):
        weights.load(build_unet(3, 2), shared_data / "edge_cases" / name)
