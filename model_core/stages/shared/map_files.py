"""Writes a map of landslides: a probability raster and a binary one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays.blending import Strip
from ...arrays.codes import BACKGROUND, IGNORE, LANDSLIDE
from ...geo.grid import Grid
from ...geo.rasters import RasterWriter


def classes_of(probability: np.ndarray, threshold: float) -> np.ndarray:
    """(H, W) uint8 label codes of a probability map; IGNORE where it is NaN."""
    known = np.isfinite(probability)
    return np.where(known, np.where(probability >= threshold, LANDSLIDE, BACKGROUND), IGNORE).astype(np.uint8)


def write_maps(
    strips: Iterable[tuple[Strip, np.ndarray]], grid: Grid, probability_path: Path, binary_path: Path,
    tags: dict[str, Any],
) -> int:
    """Writes both rasters as cloud-optimised GeoTIFFs, strip by strip.

    Args:
        strips: Probabilities with their (h, W) uint8 label codes.
        grid: Of the whole map.
        probability_path: float32, NaN where nothing was observed.
        binary_path: uint8, 1 = landslide, 0 = none, 255 = not observed.
        tags: Metadata of both files.

    Returns:
        Number of observed pixels.
    """
    observed = 0
    with (
        RasterWriter(probability_path, grid, "float32", np.nan, descriptions=("landslide probability",),
                     tags={**tags, "unit": "probability, 0 to 1"}) as probability,
        RasterWriter(binary_path, grid, "uint8", IGNORE, descriptions=("landslide",),
                     tags={**tags, "unit": "1 = landslide, 0 = none"}) as binary,
    ):
        for strip, classes in strips:
            observed += int((classes != IGNORE).sum())
            probability.write(strip.values, strip.top, 0)
            binary.write(classes, strip.top, 0)
    return observed
