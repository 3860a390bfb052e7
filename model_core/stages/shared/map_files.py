"""Writes a map of landslides: a probability raster and a binary one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays.blending import Block
from ...arrays.codes import IGNORE
from ...geo.grid import Grid
from ...geo.rasters import RasterWriter

DEFAULT_THRESHOLD = 0.5


def classes_of(probability: np.ndarray, threshold: float) -> np.ndarray:
    """(H, W) uint8 label codes of a probability map; IGNORE where it is NaN."""
    classes = (probability >= threshold).astype(np.uint8)  # LANDSLIDE or BACKGROUND
    classes[np.isnan(probability)] = IGNORE
    return classes


class MapFiles:
    """Takes the blocks of a map; `map_writer` makes one."""

    def __init__(self, probability: RasterWriter, binary: RasterWriter, thread: Executor) -> None:
        self._writers = (probability, binary)
        self._thread = thread
        self._coming: list[Future[None]] = []

    def write(self, block: Block, classes: np.ndarray) -> None:
        """Writes a block of probabilities with its (h, w) uint8 label codes."""
        for writer, values in zip(self._writers, (block.values, classes), strict=True):
            writer.write(values, block.top, block.left)

    def probabilities(self, top: int, bottom: int) -> Iterator[np.ndarray]:
        """Rows of the map that are written, from the top, a few at a time: (h, W) float32."""
        return self._writers[0].written(top, bottom)

    def publish(self) -> None:
        """Begins to make the files in a thread, for which leaving `map_writer` waits. No block can come after it."""
        for writer in self._writers:
            writer.add_overviews()  # now: in a thread it would wait for the interpreter whenever the caller needs it
        self._coming = [self._thread.submit(writer.publish) for writer in self._writers]

    def wait(self) -> None:
        """Waits until both files are there.

        Raises:
            OutputError: The disk is full.
        """
        if not self._coming:
            self.publish()
        for file in self._coming:
            file.result()


@contextmanager
def map_writer(grid: Grid, probability_path: Path, binary_path: Path, tags: dict[str, Any]) -> Iterator[MapFiles]:
    """Takes blocks of a map, and leaves two cloud-optimised GeoTIFFs, or nothing.

    Args:
        grid: Of the whole map.
        probability_path: float32, NaN where nothing was observed.
        binary_path: uint8, 1 = landslide, 0 = none, 255 = not observed.
        tags: Metadata of both files.
    """
    with (
        RasterWriter(probability_path, grid, "float32", np.nan, descriptions=("landslide probability",),
                     tags=tags, unit="probability, 0 to 1") as probability,
        RasterWriter(binary_path, grid, "uint8", IGNORE, descriptions=("landslide",),
                     tags=tags, unit="1 = landslide, 0 = none") as binary,
        ThreadPoolExecutor(1) as thread,
    ):
        files = MapFiles(probability, binary, thread)
        yield files
        files.wait()
