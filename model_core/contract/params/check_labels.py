"""Parameters of check-labels."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError
from ..fields import param
from .inputs import GroundInputs, require


@dataclass(frozen=True)
class CheckLabelsParams(GroundInputs):
    """Checks digitised landslides: their geometry, whether the image shows them, and how far they lie beside it."""

    out: str = param("", label="Output folder", help="New folder for the checked polygons and the summary.",
                     role="output_folder", group="Output")
    min_area_m2: float = param(200.0, label="Minimum area [m²]", help="Smaller polygons are marked.", minimum=0.0,
                               maximum=1e6, group="Polygons")
    like_surroundings: float = param(0.2, label="Chance of the contrast", help="A polygon is marked when the image "
                                     "differs as much across the same outline on more than this share of other places "
                                     "nearby.", minimum=0.03, maximum=0.9, group="Polygons", advanced=True)
    block_px: int = param(256, label="Block [px]", help="Side of the blocks for which the shift of the labels is also "
                          "measured one by one.", minimum=64, maximum=1024, group="Grid", advanced=True)
    max_shift_px: int = param(10, label="Largest shift [px]", help="Shifts of labels against the image are searched "
                              "up to this size.", minimum=2, maximum=20, group="Grid", advanced=True)
    seed: int = param(0, label="Seed", help="Start of the random numbers behind the comparison places.", minimum=0,
                      maximum=2**31 - 1, group="Polygons", advanced=True)

    def check(self) -> None:
        """Raises UsageError where values do not fit each other."""
        super().check()
        require(self, "out")
        if not self.series:
            require(self, "landslides")
        if self.block_px < 12 * self.max_shift_px:
            raise UsageError(
                "params.block-too-small",
                f"Blocks of {self.block_px} px are too small to tell shifts up to {self.max_shift_px} px from chance.",
                f"Use blocks of at least {12 * self.max_shift_px} px, or a smaller largest shift.",
            )
