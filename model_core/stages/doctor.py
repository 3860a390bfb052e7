"""Checks the engine: device, precision, versions, disk, and a tiny training and prediction that must work."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import time
from pathlib import Path

import numpy as np

from ..contract.errors import ResourceError
from ..contract.events import Report, Result
from ..contract.params.models import DoctorParams

LIBRARIES = ("keras", "tensorflow-cpu", "tensorflow", "jax", "torch", "numpy", "scipy", "rasterio", "geopandas",
             "shapely", "pyproj")


def run(params: DoctorParams, report: Report) -> Result:
    """Reports what the engine runs on, after it has trained and predicted with a tiny network.

    Raises:
        ResourceError: The network does not compute on this machine.
    """
    report.stage("Starting the network")
    from ..network import backend, trial

    device = backend.setup(params.device, params.precision, params.threads, seed=0)
    report.stage("Trying a tiny network")
    started = time.perf_counter()
    with backend.memory_guard():
        before, after = trial.train_and_predict()
    if not (np.isfinite(after) and after < before):
        raise ResourceError(
            "doctor.trial", "The tiny network did not learn on this device.",
            "Try --device cpu and --precision float32; if that works, report it.", before=before, after=after,
        )
    free = shutil.disk_usage(Path.cwd()).free
    return Result({}, {
        "device": f"{device.name} ({device.kind})",
        "why": device.reason,
        "backend": f"{device.backend} {device.backend_version}",
        "threads": device.threads,
        "trial": f"loss {before:.3f} to {after:.3f} in {time.perf_counter() - started:.1f} s",
        "free disk": f"{free / 1e9:.1f} GB in {Path.cwd()}",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "libraries": ", ".join(_versions()),
    })


def _versions() -> list[str]:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
