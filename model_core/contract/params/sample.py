"""Parameters of sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..fields import param
from .inputs import require


@dataclass(frozen=True)
class SampleParams:
    """Makes simulated RapidEye images of seven or two dates with landslides, as the sensor would deliver them."""

    out: str = param("", label="Output folder", help="New folder for images, landslides and the series file.",
                     role="output_folder")
    kind: str = param("years", label="Kind", help="years: seven years as large as the paper's study, with training "
                      "landslides outside the area. pair: two dates, before and after.", choices=("years", "pair"))
    small: bool = param(False, label="Small", help="Of the years: a seventh of the area.")
    size_px: int = param(640, label="Size [px]", help="Of the pair: side of the simulated scenes, 5 m a pixel.",
                         minimum=128, maximum=4096)
    n_landslides: int = param(90, label="Landslides", help="Of the pair: number of simulated landslides.", minimum=3,
                              maximum=5000)
    seed: int = param(0, label="Seed", help="Start of all random numbers.", minimum=0, maximum=2**31 - 1)

    def check(self: Any) -> None:
        """Raises UsageError without an output folder."""
        require(self, "out")
