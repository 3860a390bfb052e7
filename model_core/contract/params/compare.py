"""Parameters of compare."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import param
from .evaluate import JudgeInputs
from .inputs import require


@dataclass(frozen=True)
class CompareParams(JudgeInputs):
    """Compares two polygon layers of the same ground, for example by two tracers or of an old and a new inventory."""

    polygons: str = param("", label="Landslides to compare", help="Polygons that are compared with the reference.",
                          role="vector", group="Input")
    pixel_size_m: float = param(5.0, label="Pixel size [m]", help="Pixels on which the polygons are compared.",
                                minimum=0.1, maximum=1000.0, group="Polygons", advanced=True)

    def check(self) -> None:
        """Raises UsageError where a layer or the output folder is missing."""
        require(self, "polygons", "reference", "out")
