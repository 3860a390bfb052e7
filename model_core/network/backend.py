"""The one file that names deep-learning frameworks: device, number format, threads, quiet, repeatable, memory errors.

Everything else in this room speaks Keras only, so TensorFlow, JAX and PyTorch stay interchangeable.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from ..contract.errors import MtlError, ResourceError, UsageError

# Read when Keras or a framework is imported, so they are set when this room is entered; what the user set stays.
_QUIET: Final = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # JAX would take three quarters of the GPU's memory at once
}
for _name, _value in _QUIET.items():
    os.environ.setdefault(_name, _value)

_POLICIES: Final = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
_BFLOAT16_FLAGS: Final = ("avx512_bf16", "amx_bf16")
_BFLOAT16_GPU: Final = 8.0  # compute capability of NVIDIA Ampere


@dataclass(frozen=True)
class Device:
    """What the network runs on.

    Attributes:
        kind: "cpu" or "gpu".
        name: As its maker calls it.
        precision: "float32", "bfloat16" or "float16": the number format of the computation. Weights stay float32.
        backend: Name of the framework below Keras.
        backend_version: Its version.
        reason: One sentence: why this device and this precision.
        threads: Processor threads that the framework may use.
    """

    kind: str
    name: str
    precision: str
    backend: str
    backend_version: str
    reason: str
    threads: int

    @property
    def policy(self) -> str:
        """Keras' name for the precision, for `build_unet` and `Predictor`."""
        return _POLICIES[self.precision]


@dataclass(frozen=True)
class _Gpu:
    name: str
    capability: float | None  # NVIDIA's compute capability; None = unknown


def setup(
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    seed: int | None = None,
    deterministic: bool = True,
) -> Device:
    """Prepares the framework and makes the precision Keras' default for all layers built from now on.

    Call it before anything is computed: device and threads cannot be changed afterwards in the same process.

    Args:
        device: "auto" (a GPU if there is one), "cpu" or "gpu".
        precision: "auto" (the fastest format that the device computes natively), "float32", "bfloat16" or "float16".
        threads: Processor threads; default all.
        seed: Seeds Python, numpy and the framework, and so the first weights of a network. Default: left alone.
        deterministic: The same job gives the same numbers; can cost speed on a GPU.

    Raises:
        ResourceError: The framework is not installed or there is no GPU although one was asked for.
        UsageError: The threads or the device were asked for too late, float16 was asked for without a GPU, or
            KERAS_BACKEND names no framework.
    """
    framework = os.environ["KERAS_BACKEND"]
    if framework not in _FRAMEWORKS:
        raise UsageError("backend.unknown", f"The network does not run on {framework!r}.",
                         f"Set KERAS_BACKEND to one of: {', '.join(_FRAMEWORKS)}.", backend=framework)
    if device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
        os.environ["KERAS_TORCH_DEVICE"] = "cpu"
    keras, library = _import("keras"), _import(framework)
    try:
        gpus = _FRAMEWORKS[framework](library, device == "cpu", threads, deterministic)
    except RuntimeError as error:
        raise UsageError(
            "backend.too-late", "Device and threads cannot be changed once the network has computed something.",
            "Start a new process for other settings.",
        ) from error
    if device == "gpu" and not gpus:
        raise ResourceError(
            "backend.no-gpu", f"{framework} {library.__version__} finds no GPU that it can use.",
            "Choose the device cpu or auto, or install the engine for your GPU.", backend=framework,
        )
    kind = "gpu" if gpus else "cpu"
    name = gpus[0].name if gpus else _cpu_name()
    chosen, reason = _precision(precision, gpus[0] if gpus else None, framework, _cpu_flags())
    keras.config.set_dtype_policy(_POLICIES[chosen])
    keras.config.set_image_data_format("channels_last")  # a keras.json in the user's home may say otherwise
    if seed is not None:
        reseed(seed)
    return Device(kind, name, chosen, framework, library.__version__, reason, threads or _usable_threads())


def reseed(seed: int) -> None:
    """Seeds Python, numpy and the framework, and so the first weights of the next network."""
    _import("keras").utils.set_random_seed(seed)


@contextmanager
def memory_guard() -> Iterator[None]:
    """Turns the frameworks' ways to run out of memory into one error with advice.

    Raises:
        ResourceError: Memory did not suffice for what was done inside.
    """
    try:
        yield
    except MtlError:
        raise
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        raise ResourceError(
            "backend.out-of-memory", "The memory does not suffice for this network and this much data at a time.",
            "Choose a smaller batch size for training, smaller windows for prediction, or the device cpu.",
        ) from error


@cache
def fused_batch_norm() -> Callable[..., Any] | None:
    """The framework's batch normalisation in one operation for training; None where Keras' own is as fast.

    Returns:
        (inputs, gamma, beta, epsilon) -> (outputs, mean, unbiased variance) of the batch. On a CPU TensorFlow trains
        1.4 times as fast with it, because Keras spells it out and, in half precision, in float32.
    """
    if os.environ["KERAS_BACKEND"] != "tensorflow":
        return None
    import tensorflow as tf

    def fused(inputs: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
        return tf.compat.v1.nn.fused_batch_norm(inputs, gamma, beta, epsilon=epsilon, is_training=True)

    return fused


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ResourceError(
            "backend.missing", f"The library {name} is not installed or does not work on this machine.",
            "Install the engine again, or set KERAS_BACKEND to a framework that is installed.", library=name,
        ) from error


def _tensorflow(tf: Any, cpu_only: bool, threads: int | None, deterministic: bool) -> list[_Gpu]:
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    devices = tf.config.list_physical_devices("GPU")
    if cpu_only:
        tf.config.set_visible_devices([], "GPU")
        return []
    gpus = []
    for gpu in devices:
        tf.config.experimental.set_memory_growth(gpu, True)  # the desktop needs some of it too
        details = tf.config.experimental.get_device_details(gpu)
        major, minor = details.get("compute_capability", (None, 0))
        gpus.append(_Gpu(details.get("device_name", gpu.name), None if major is None else major + minor / 10))
    return gpus


def _jax(jax: Any, cpu_only: bool, threads: int | None, deterministic: bool) -> list[_Gpu]:
    if deterministic:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
    found = [] if cpu_only else [d for d in jax.devices() if d.platform == "gpu"]
    return [_Gpu(d.device_kind, float(getattr(d, "compute_capability", None) or 0) or None) for d in found]


def _torch(torch: Any, cpu_only: bool, threads: int | None, deterministic: bool) -> list[_Gpu]:
    if threads is not None:
        torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    if cpu_only or not torch.cuda.is_available():
        return []
    major, minor = torch.cuda.get_device_capability(0)
    return [_Gpu(torch.cuda.get_device_name(0), major + minor / 10)]


_FRAMEWORKS: Final[dict[str, Callable[[Any, bool, int | None, bool], list[_Gpu]]]] = {
    "tensorflow": _tensorflow,
    "jax": _jax,
    "torch": _torch,
}


def _precision(wanted: str, gpu: _Gpu | None, framework: str, cpu_flags: frozenset[str] | None) -> tuple[str, str]:
    """The number format and the sentence that explains it."""
    if gpu is None and wanted == "float16":
        raise UsageError("backend.float16-cpu", "The precision float16 is for GPUs only.",
                         "Choose auto, bfloat16 or float32.")
    place = f"the GPU {gpu.name}" if gpu else "the processor"
    if wanted != "auto":
        return wanted, f"Computes on {place} in {wanted}, as asked for."
    if gpu and gpu.capability is None:
        return "float32", f"Computes on {place} in float32, because it does not tell what else it can do."
    if gpu and gpu.capability is not None:
        chosen = "bfloat16" if gpu.capability >= _BFLOAT16_GPU else "float16"
        return chosen, f"Computes on {place} in {chosen}, which its compute capability {gpu.capability} allows."
    if framework == "jax":
        return "float32", "Computes on the processor in float32, because JAX has no faster format there."
    if cpu_flags is None:
        return "float32", "Computes on the processor in float32, because it is unknown whether it computes bfloat16."
    flag = next((f for f in _BFLOAT16_FLAGS if f in cpu_flags), None)
    if flag is None:
        return "float32", "Computes on the processor in float32, because it does not compute bfloat16."
    return "bfloat16", f"Computes on the processor in bfloat16, for which it has instructions ({flag})."


def _cpu_flags() -> frozenset[str] | None:
    """Instruction sets of the processor; None where the system does not tell without a further library."""
    found = re.search(r"^flags\s*:(.*)$", _cpuinfo(), re.MULTILINE)
    return frozenset(found[1].split()) if found else None


def _cpu_name() -> str:
    found = re.search(r"^model name\s*:\s*(.*)$", _cpuinfo(), re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _usable_threads() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError"):
        return True
    text = str(error)
    return any(sign in text for sign in ("RESOURCE_EXHAUSTED", "OOM when allocating", "MemoryError"))
