import subprocess
import sys

import keras
import numpy as np
import pytest

from model_core.contract.errors import InputError, ResourceError, UsageError
from model_core.network import backend

CPU_WITH = {flag: frozenset({"avx2", flag}) for flag in ("avx512_bf16", "amx_bf16")}
CPU_WITHOUT = frozenset({"avx2"})


def test_reading_the_room_loads_no_framework():
    code = "import sys, model_core.network.backend; print({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.backend
def test_the_device_tells_what_it_is():
    device = backend.setup(device="cpu", precision="float32")
    assert (device.kind, device.precision, device.policy) == ("cpu", "float32", "float32")
    assert device.backend == keras.config.backend()
    assert device.name and device.backend_version and device.threads >= 1
    assert device.reason.endswith(".")


@pytest.mark.backend
@pytest.mark.parametrize(("precision", "policy"), [("float32", "float32"), ("bfloat16", "mixed_bfloat16")])
def test_precision_is_the_default_of_layers_built_afterwards(precision, policy):
    assert backend.setup(device="cpu", precision=precision).policy == policy
    layer = keras.layers.Dense(1)
    assert layer.compute_dtype == precision
    assert layer.variable_dtype == "float32"


@pytest.mark.backend
def test_a_seed_makes_the_first_weights_repeatable():
    kernels = []
    for _ in range(2):
        backend.setup(device="cpu", precision="float32", seed=7)
        layer = keras.layers.Dense(5)
        layer.build((None, 4))
        kernels.append(keras.ops.convert_to_numpy(layer.kernel))
    np.testing.assert_array_equal(*kernels)


@pytest.mark.parametrize(("gpu", "framework", "flags", "expected", "word"), [
    (None, "tensorflow", CPU_WITH["avx512_bf16"], "bfloat16", "avx512_bf16"),
    (None, "tensorflow", CPU_WITH["amx_bf16"], "bfloat16", "amx_bf16"),
    (None, "tensorflow", CPU_WITHOUT, "float32", "does not compute bfloat16"),
    (None, "tensorflow", None, "float32", "unknown"),
    (None, "jax", CPU_WITH["avx512_bf16"], "float32", "JAX"),
    (backend._Gpu("A", 8.0), "tensorflow", None, "bfloat16", "GPU A"),
    (backend._Gpu("T", 7.5), "torch", None, "float16", "7.5"),
    (backend._Gpu("X", None), "jax", None, "float32", "GPU X"),
])
def test_automatic_precision_follows_the_hardware_and_says_why(gpu, framework, flags, expected, word):
    precision, reason = backend._precision("auto", gpu, framework, flags)
    assert precision == expected
    assert word in reason


def test_a_wish_for_a_precision_is_obeyed():
    assert backend._precision("float32", None, "tensorflow", CPU_WITH["amx_bf16"])[0] == "float32"
    with pytest.raises(UsageError, match="float16"):
        backend._precision("float16", None, "tensorflow", CPU_WITHOUT)


@pytest.mark.backend
def test_a_gpu_that_is_not_there_is_refused_with_advice(monkeypatch):
    monkeypatch.setitem(backend._FRAMEWORKS, keras.config.backend(), lambda *_: [])
    with pytest.raises(ResourceError, match="no GPU") as caught:
        backend.setup(device="gpu")
    assert "cpu" in caught.value.hint


def test_a_framework_that_is_not_installed_is_named(monkeypatch):
    with pytest.raises(ResourceError, match="no_such_framework"):
        backend._import("no_such_framework")


def test_an_unknown_framework_is_refused(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "abacus")
    with pytest.raises(UsageError, match="abacus"):
        backend.setup()


def test_threads_cannot_be_chosen_after_the_first_computation():
    keras.ops.ones(3)
    with pytest.raises(UsageError, match="Device and threads"):
        backend.setup(device="cpu", precision="float32", threads=97)


def test_tensorflow_out_of_memory_becomes_advice():
    errors = pytest.importorskip("tensorflow").errors  # provoked in earnest it waits for ten seconds
    with pytest.raises(ResourceError) as caught, backend.memory_guard():
        raise errors.ResourceExhaustedError(None, None, "failed to allocate memory")
    assert "smaller" in caught.value.hint


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating")])
def test_other_ways_to_run_out_of_memory_become_advice(error):
    with pytest.raises(ResourceError), backend.memory_guard():
        raise error


@pytest.mark.parametrize("error", [ValueError("a shape"), InputError("a.b", "A file.")])
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)) as caught, backend.memory_guard():
        raise error
    assert caught.value is error
