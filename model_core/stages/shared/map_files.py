"""Writes a map of landslides: a probability raster and a binary one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays.blending import Strip
from ...arrays.codes import IGNORE
from ...geo.grid import Grid
from ...geo.rasters import RasterWriter


def classes_of(probability: np.ndarray, threshold: float) -> np.ndarray:
    """(H, W) uint8 label codes of a probability map; IGNORE where it is NaN."""
    classes = (probability >= threshold).astype(np.uint8)  # LANDSLIDE or BACKGROUND
    classes[np.isnan(probability)] = IGNORE
    return classes


@contextmanager
def map_writer(
    grid: Grid, probability_path: Path, binary_path: Path, tags: dict[str, Any]
) -> Iterator[Callable[[Strip, np.ndarray], None]]:
    """Takes strips of probabilities with their (h, W) uint8 label codes, and leaves two cloud-optimised GeoTIFFs.

    Args:
        grid: Of the whole map.
        probability_path: float32, NaN where nothing was observed.
        binary_path: uint8, 1 = landslide, 0 = none, 255 = not observed.
        tags: Metadata of both files.
    """
    with (
        RasterWriter(probability_path, grid, "float32", np.nan, descriptions=("landslide probability",),
                     tags={**tags, "unit": "probability, 0 to 1"}) as probability,
        RasterWriter(binary_path, grid, "uint8", IGNORE, descriptions=("landslide",),
                     tags={**tags, "unit": "1 = landslide, 0 = none"}) as binary,
    ):
        def write(strip: Strip, classes: np.ndarray) -> None:
            probability.write(strip.values, strip.top, 0)
            binary.write(classes, strip.top, 0)

        yield write
