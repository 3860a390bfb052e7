"""The builds of the engine's libraries, by hardware.

Each has a list of locked versions, requirements/NAME.txt; without one it is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

# Room for the cache of an installation by pip, and to breathe.
SPARE_MB = 1000
_FAST_MB_S = 5.0


@dataclass(frozen=True)
class Flavour:
    """A build of the libraries.

    Attributes:
        name: Also the name of its list in requirements/.
        title: For a menu.
        backend: What Keras computes with.
        systems: Where it runs: (`platform.system()`, `platform.machine()` in lower case).
        download_mb: About so much comes over the network.
        disk_mb: About so much it takes on disk.
        pythons: Lowest and highest version of Python that it has builds for.
        index_url: Package index that it needs beside the usual one; a setting may give another.
        tried: False: never run on such hardware by us.
    """

    name: str
    title: str
    backend: str
    systems: Tuple[Tuple[str, str], ...]
    download_mb: int
    disk_mb: int
    pythons: Tuple[Tuple[int, int], Tuple[int, int]] = ((3, 11), (3, 13))
    index_url: str = ""
    tried: bool = False

    @property
    def for_gpu(self) -> bool:
        """True where it is of use with a graphics processor only."""
        return self.name.startswith("nvidia") or self.name == "apple"

    @property
    def cost(self) -> str:
        """Size and time, to be said before."""
        minutes = max(2, round(self.download_mb / _FAST_MB_S / 60) + 1)
        untried = "" if self.tried else " This build was not tried on real hardware."
        return (f"About {_size(self.download_mb)} to download and {_size(self.disk_mb)} on disk; some {minutes} "
                f"minutes on a fast line.{untried}")


_INTEL = (("Linux", "x86_64"), ("Windows", "amd64"))
_ARM = (("Linux", "aarch64"), ("Darwin", "arm64"))

FLAVOURS = (
    Flavour("cpu", "Processor only", "tensorflow", _INTEL + _ARM, 470, 2150, tried=True),
    Flavour("nvidia-linux", "NVIDIA graphics card (Linux)", "tensorflow", (("Linux", "x86_64"),), 3400, 7500),
    # TensorFlow has had no GPU on Windows since 2.11; PyTorch's builds for NVIDIA lie in an index of their own.
    Flavour("nvidia-windows", "NVIDIA graphics card (Windows)", "torch", (("Windows", "amd64"),), 3300, 6500,
            index_url="https://download.pytorch.org/whl/cu128"),
    Flavour("apple", "Apple graphics processor", "torch", (("Darwin", "arm64"),), 350, 1600),
    # Where TensorFlow has no build.
    Flavour("jax", "Processor only, on JAX", "jax", _INTEL + _ARM, 350, 1300, ((3, 11), (3, 14))),
)


def offered(system: str, machine: str, requirements: Path) -> List[Flavour]:
    """What this machine can install, the usual first.

    Args:
        system: As `platform.system()` says.
        machine: See `hardware.machine`; not the processor that QGIS was built for.
        requirements: Folder of the lists of versions.
    """
    return [flavour for flavour in FLAVOURS
            if (system, machine.lower()) in flavour.systems and (requirements / f"{flavour.name}.txt").is_file()]


def suggested(offers: List[Flavour], has_nvidia: bool) -> str:
    """Name of the build to begin with; empty where there is none for this machine."""
    names = [flavour.name for flavour in offers]
    wanted = [name for name in names if name.startswith("nvidia")] if has_nvidia else []
    wanted += [name for name in names if name == "apple"]
    return next(iter([*wanted, *names]), "")


def _size(mb: int) -> str:
    return f"{mb} MB" if mb < 1000 else f"{mb / 1000:.1f} GB"
