"""Parameters of predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..errors import UsageError
from ..fields import param
from .inputs import DateInputs, DeviceInputs, min_slope, require


@dataclass(frozen=True)
class PredictParams(DateInputs, DeviceInputs):
    """Maps landslides on the scenes of one or more dates."""

    model: str = param("", label="Model", help="Weights file (*.weights.h5) with its card beside it, or the name of "
                       "a bundled model.", role="model", group="Input")
    out: str = param("", label="Output folder", help="New folder for probability raster, binary raster and polygons.",
                     role="output_folder", group="Output")
    threshold: Optional[float] = param(None, label="Threshold", help="Probability from which a pixel counts as "
                                       "landslide. Default: the model card's.", minimum=0.01, maximum=0.99,
                                       group="Polygons")
    min_area_m2: float = param(200.0, label="Minimum area [m²]", help="Smaller objects are removed.", minimum=0.0,
                               maximum=1e6, group="Polygons")
    min_pixels: int = param(8, label="Minimum size [px]", help="Objects of fewer pixels are removed; it matters for "
                            "pixels larger than 5 m.", minimum=1, maximum=10000, group="Polygons", advanced=True)
    dem: Optional[str] = param(None, label="Elevation", help="Raster of elevations in metres: slope, aspect, height "
                               "and length of every polygon. Default: that of the series file.", role="raster",
                               group="Polygons")
    min_slope_deg: Optional[float] = min_slope()
    smooth: bool = param(False, label="Smooth outlines", help="Takes the staircase of the pixels out of the outlines; "
                         "every object keeps its area.", group="Polygons")
    window_px: int = param(1024, label="Window [px]", help="Side of the windows that the scene is cut into, about; "
                           "smaller ones need less memory.", minimum=64, maximum=4096, group="Device", advanced=True)
    overlap_px: int = param(24, label="Overlap [px]", help="Least width over which neighbouring windows are blended; a "
                            "larger one makes them agree better and takes longer.",
                            minimum=0, maximum=512, group="Device", advanced=True)
    adapt_batch_norm: bool = param(False, label="Adapt to the image first", help="Takes the network's internal "
                                   "statistics anew from the image; needs no labels. Can help on a new sensor or "
                                   "season, can also hurt: compare.", group="Polygons", advanced=True)
    tta: bool = param(False, label="Average over turns and flips", help="Predicts the eight turned and flipped images "
                      "too and takes the mean; eight times as slow.", group="Polygons", advanced=True)

    def check(self) -> None:
        """Raises UsageError where values do not fit each other."""
        super().check()
        require(self, "model", "out")
        if 2 * self.overlap_px > self.window_px:
            raise UsageError(
                "params.overlap", f"An overlap of {self.overlap_px} px is too much for windows of {self.window_px} px.",
                "Use at most half of the window.",
            )
