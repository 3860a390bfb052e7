"""Parameters of sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..fields import param
from .inputs import require


@dataclass(frozen=True)
class SampleParams:
    """Makes a simulated two-date RapidEye scene with landslides, as the sensor would deliver it."""

    out: str = param("", label="Output folder", help="New folder for images, landslides and the series file.",
                     role="output_folder")
    size_px: int = param(640, label="Size [px]", help="Side of the simulated scenes, 5 m a pixel.", minimum=128,
                         maximum=4096)
    n_landslides: int = param(90, label="Landslides", help="Number of simulated landslides.", minimum=3, maximum=5000)
    seed: int = param(0, label="Seed", help="Start of all random numbers.", minimum=0, maximum=2**31 - 1)

    def check(self: Any) -> None:
        """Raises UsageError without an output folder."""
        require(self, "out")
