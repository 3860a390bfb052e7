import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from model_core.contract.errors import Cancelled, ModelError, OutputError, UsageError
from model_core.contract.events import Recorder, Report
from model_core.network import weights
from model_core.network.augmentation import Augmentation
from model_core.network.feeding import Cover, Patch, Patches
from model_core.network.fitting import FitSettings, fit
from model_core.network.inference import Predictor
from model_core.network.losses import Tversky
from model_core.network.normalisation import BatchNormalization
from model_core.network.unet import build_unet
from model_core.network.validating import validate

from .conftest import make_scene

pytestmark = pytest.mark.backend

QUICK = FitSettings(training_epochs=2, learning_rate=1e-2)
THREE = replace(QUICK, training_epochs=3)


def data(scene, batch_size=3):
    image, codes = scene
    windows = [Patch(0, row, col) for row in (0, 32) for col in (0, 32, 64)]
    return Patches([image], [codes], lambda epoch: windows, 32, batch_size, seed=1), Cover([image], [codes], 64, 2)


def small(n_bands=3):
    """`fit` takes any network; one of two layers is ready to train in a tenth of the time."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, None, n_bands))
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    x = keras.layers.ReLU()(BatchNormalization(momentum=0.8)(x))
    return keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))


def weights_of(model):
    return [w.copy() for w in model.get_weights()]


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_tiny_network_learns_and_keeps_its_best_epoch(scene, tmp_path):
    model, report = small(), Recorder()
    patches, cover = data(scene)
    fitted = fit(model, patches, cover, replace(QUICK, training_epochs=25, monitor="val_f1"), tmp_path / "s", report)
    curve = fitted.history["val_f1"]
    assert len(curve) == 25 and max(curve) > 0.8
    assert fitted.best_epoch == int(np.argmax(curve)) + 1
    assert fitted.best["val_f1"] == max(curve)
    now = validate(model, cover, Tversky())
    assert now["val_f1"] == pytest.approx(max(curve), abs=1e-6)
    assert set(fitted.history) == {"loss", "learning_rate", "val_loss", "val_precision", "val_recall", "val_f1", "val_iou"}
    told = [(e["step"], e["value"]) for e in report.events if e["event"] == "metric" and e["name"] == "val_f1"]
    assert told == list(enumerate(curve, start=1))
    fractions = [e["fraction"] for e in report.events if e["event"] == "progress"]
    assert len(fractions) == 50 and fractions == sorted(fractions) and fractions[-1] == 1


def test_without_validation_the_training_loss_decides(scene, tmp_path):
    fitted = fit(small(), data(scene)[0], None, replace(QUICK, monitor="val_f1"), tmp_path / "s", Report())
    assert set(fitted.history) == {"loss", "learning_rate"}
    assert fitted.best_epoch == int(np.argmin(fitted.history["loss"])) + 1


class StopAfter(Report):
    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def emit(self, kind, **values):
        self.steps -= kind == "progress"

    def cancelled(self):
        return self.steps <= 0


def test_cancelling_drops_the_running_epoch_and_resuming_ends_as_if_unbroken(scene, tmp_path):
    settings = replace(THREE, augmentation=Augmentation(rotation_deg=30, gain=0.2), seed=4)
    through = small()
    expected = fit(through, *data(scene), settings, tmp_path / "through", Report())
    with pytest.raises(Cancelled):
        fit(small(), *data(scene), settings, tmp_path / "s", StopAfter(3))  # in the second of three epochs
    assert [p.name for p in sorted((tmp_path / "s").glob("epoch_*"))] == ["epoch_0001"]
    resumed = small()
    resumed.set_weights([w + 1 for w in resumed.get_weights()])  # all must come from the saved state
    found = fit(resumed, *data(scene), settings, tmp_path / "s", Report(), resume=True)
    assert found == expected
    assert equal(weights_of(resumed), weights_of(through))


def test_the_mean_of_the_weights_is_kept_where_it_is_asked_for_and_survives_a_stop(scene, tmp_path):
    settings = replace(THREE, mean_weights=0.5)
    through, plain = small(), small()
    expected = fit(through, *data(scene), settings, tmp_path / "through", Report())
    assert expected.best_epoch == 3
    fit(plain, *data(scene), THREE, tmp_path / "plain", Report())
    assert not equal(weights_of(plain)[:1], weights_of(through)[:1])
    with pytest.raises(Cancelled):
        fit(small(), *data(scene), settings, tmp_path / "s", StopAfter(3))
    resumed, again = small(), small()
    assert fit(resumed, *data(scene), settings, tmp_path / "s", Report(), resume=True) == expected
    fit(again, *data(scene), settings, tmp_path / "s", Report(), resume=True)  # there is nothing left to train
    assert equal(weights_of(resumed), weights_of(through)) and equal(weights_of(again), weights_of(through))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished training of three epochs: its folder, what it returned and its weights."""
    folder, model = tmp_path_factory.mktemp("training") / "finished", small()
    return folder, fit(model, *data(make_scene(0)), THREE, folder, Report()), weights_of(model)


def test_a_finished_training_resumes_to_its_result(scene, finished):
    folder, expected, best = finished
    again = small()
    assert fit(again, *data(scene), THREE, folder, Report(), resume=True) == expected
    assert equal(weights_of(again), best)


def test_more_epochs_can_be_added(scene, finished, tmp_path):
    folder, expected, best = finished
    fit(small(), *data(scene), replace(THREE, training_epochs=2), tmp_path / "s", Report())
    longer = small()
    assert fit(longer, *data(scene), THREE, tmp_path / "s", Report(), resume=True) == expected
    assert equal(weights_of(longer), best)


def test_other_settings_cannot_be_resumed(scene, finished):
    with pytest.raises(UsageError, match="learning_rate"):
        fit(small(), *data(scene), replace(THREE, learning_rate=1e-4), finished[0], Report(), resume=True)


def test_a_training_is_not_overwritten(scene, finished):
    with pytest.raises(OutputError, match="already holds"):
        fit(small(), *data(scene), THREE, finished[0], Report())


def test_two_epochs_and_their_best_weights_are_kept(finished):
    folder, fitted, _ = finished
    assert fitted.best_epoch == int(np.argmin(fitted.history["val_loss"])) + 1
    names = sorted(p.name for p in folder.iterdir())
    assert [n for n in names if n.startswith("epoch")] == ["epoch_0002", "epoch_0003"]
    best = {f"best_{1 + int(np.argmin(fitted.history['val_loss'][:done])):04d}.weights.h5" for done in (2, 3)}
    assert set(names) == {"epoch_0002", "epoch_0003"} | best


@pytest.mark.parametrize("damage", ["training.weights.h5", "state.json"])
def test_a_damaged_last_epoch_falls_back_to_the_one_before(scene, finished, tmp_path, damage):
    whole, expected, best = finished
    folder = shutil.copytree(whole, tmp_path / "s")
    path = folder / "epoch_0003" / damage
    path.write_bytes(path.read_bytes()[:100])
    resumed, report = small(), Recorder()
    assert fit(resumed, *data(scene), THREE, folder, report, resume=True) == expected
    assert equal(weights_of(resumed), best)
    assert any("epoch_0003" in e.get("message", "") for e in report.events if e["event"] == "log")


def test_a_training_of_which_nothing_can_be_read_is_refused(scene, finished, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / "s")
    for path in folder.glob("epoch_*/state.json"):
        path.write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        fit(small(), *data(scene), THREE, folder, Report(), resume=True)


def test_patience_ends_the_training(scene, tmp_path):
    settings = replace(QUICK, training_epochs=30, learning_rate=1e-7, monitor="val_f1", patience=2)
    fitted = fit(small(), *data(scene), settings, tmp_path / "s", Report())
    assert fitted.stopped_early
    assert len(fitted.history["loss"]) == fitted.best_epoch + 2
    again = fit(small(), *data(scene), settings, tmp_path / "s", Report(), resume=True)
    assert again == fitted


def test_a_cosine_goes_down_to_a_hundredth(scene, tmp_path):
    settings = replace(QUICK, training_epochs=4, schedule="cosine")
    rates = fit(small(), *data(scene), settings, tmp_path / "s", Report()).history["learning_rate"]
    share = [0.5 * (1 + np.cos(np.pi * k / 4)) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(rates, [1e-2 * (0.99 * s + 0.01) for s in share], rtol=1e-5)


def test_standing_still_lowers_the_learning_rate_and_resume_remembers_the_wait(scene, tmp_path):
    settings = replace(QUICK, training_epochs=23, learning_rate=1e-4, schedule="plateau", monitor="val_f1")
    nothing = Cover([scene[0]], [np.zeros_like(scene[1])], 64, 2)  # F1 is 0 for ever
    patches = data(scene, batch_size=6)[0]
    with pytest.raises(Cancelled):
        fit(small(), patches, nothing, settings, tmp_path / "s", StopAfter(15))
    fitted = fit(small(), patches, nothing, settings, tmp_path / "s", Report(), resume=True)
    rates = fitted.history["learning_rate"]
    assert rates[:21] == pytest.approx([1e-4] * 21) and rates[21:] == pytest.approx([1e-5] * 2)


def test_a_loss_that_is_no_number_is_explained(scene, tmp_path):
    image, codes = scene
    image[:] = np.nan
    with pytest.raises(ModelError, match="no number any more in training epoch 1") as caught:
        fit(small(), *data((image, codes)), QUICK, tmp_path / "s", Report())
    assert "lower learning rate" in caught.value.hint


def test_patches_of_other_bands_are_refused_before_training(scene, tmp_path):
    with pytest.raises(ModelError, match="reads 5 bands"):
        fit(small(n_bands=5), *data(scene), QUICK, tmp_path / "s", Report())


def run_job(folder, *kill):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.network.training_job", str(folder), *map(str, kill)]
    return subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The folder of a training of a real U-Net that ran through."""
    folder = tmp_path_factory.mktemp("training") / "unbroken"
    assert run_job(folder).wait(300) == 0
    return folder


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill a process like a power cut")
def test_a_training_that_was_killed_resumes_bit_for_bit(tmp_path, unbroken):
    assert run_job(tmp_path, 4, 2).wait(300) == -signal.SIGKILL
    assert sorted(p.name for p in tmp_path.glob("epoch_*")) == ["epoch_0002", "epoch_0003"]
    assert run_job(tmp_path).wait(300) == 0
    ours, theirs = (arrays(folder / "epoch_0006/training.weights.h5") for folder in (tmp_path, unbroken))
    assert len(ours) == 118 + 166  # weights; Adam's two moments of the 82 trainable ones, its step and its rate
    assert ours == theirs
    assert (tmp_path / "epoch_0006/state.json").read_text() == (unbroken / "epoch_0006/state.json").read_text()


def test_half_precision_predicts_the_same_landslides(scene, unbroken):
    model = build_unet(3, 8)
    weights.load(model, max(unbroken.glob("best_*")))
    image, codes = scene
    scores = {}
    for policy in ("float32", "mixed_bfloat16"):
        found = Predictor(model, policy).predict(image[np.newaxis])[0] >= 0.5
        scores[policy] = 2 * (found & (codes == 1)).sum() / (found.sum() + (codes == 1).sum())
    assert scores["float32"] > 0.7
    assert abs(scores["float32"] - scores["mixed_bfloat16"]) < 0.005


def arrays(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda n, item: found.update({n: item[()].tobytes()}) if isinstance(item, h5py.Dataset) else None)
    return found
