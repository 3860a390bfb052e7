"""Judges a map pixel by pixel in one pass over its windows; memory does not grow with the scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np

from ....arrays.codes import IGNORE
from ....arrays.confusion import FN, FP, TN, TP
from ....arrays.windows import grow, inside, tiles
from ....contract.errors import InputError
from ....contract.events import Report
from ....geo.classes import PixelClass, class_writer
from ....geo.grid import Grid
from ....geo.rasters import read_window
from .books import JUDGED, NOT_JUDGED, ON_TEST, Books, GroundResult, View
from .maps import READ_PX, LandslideMap, ground_pixel_m2
from .reference import Blocks, BurnedLayer, BurnedReference, Reference

PIXEL_CLASSES = {
    TN: PixelClass("no landslide in either", (236, 236, 232, 255)),
    FP: PixelClass("mapped only", (222, 119, 52, 255)),
    FN: PixelClass("reference only", (69, 117, 180, 255)),
    TP: PixelClass("landslide in both", (54, 54, 64, 255)),
    IGNORE: PixelClass("not judged", (0, 0, 0, 0)),
}


@dataclass(frozen=True)
class PixelResult:
    """What the pass over the pixels found.

    Attributes:
        grounds: Test blocks first, where there are any, then the whole area, then each block.
        pixel_m2: Area of a pixel.
        perfect_f1: F1 that a map without any error would get, by shift of the labels in pixels.
        on_learned, test_on_learned: Share of the judged ground, and of the test ground, that the model learned from;
            None if unknown.
        mapped_ground, reference_ground: (n, 3) pixels of every object by NOT_JUDGED, JUDGED and ON_TEST.
    """

    grounds: list[GroundResult]
    pixel_m2: float
    perfect_f1: dict[float, float | None]
    on_learned: float | None
    test_on_learned: float | None
    mapped_ground: np.ndarray
    reference_ground: np.ndarray


def judge_pixels(
    mapped: LandslideMap,
    mapped_objects: gpd.GeoDataFrame,
    reference: Reference,
    confusion_path: Path,
    report: Report,
    *,
    blocks: Blocks | None = None,
    learned: gpd.GeoDataFrame | None = None,
    tile_m: float = 640.0,
    label_shift_m: float | None = None,
    seed: int = 0,
) -> PixelResult:
    """Judges every pixel, writes the confusion raster, and finds out which objects lie on judged ground.

    Args:
        mapped: The map.
        mapped_objects: Its objects.
        reference: What it is judged against.
        confusion_path: Raster to write: the classes of `PIXEL_CLASSES`.
        report: Told the progress.
        blocks: Of the training, if known.
        learned: Ground that the model has learned from, if known.
        tile_m: Side of the tiles that intervals are drawn from where blocks are few.
        label_shift_m: Measured shift between labels and image.
        seed: Of the intervals.

    Raises:
        InputError: No ground is judged, because map and reference lie apart.
    """
    grid = mapped.grid
    pixel_m2 = ground_pixel_m2(grid)
    pixel_m = pixel_m2**0.5
    shifts_px = sorted({1.0, 2.0} | ({label_shift_m / pixel_m} if label_shift_m else set()))
    books = Books(grid.shape, max(1, round(tile_m / pixel_m)), blocks, len(mapped_objects), len(reference.landslides),
                  shifts_px)
    burned = BurnedReference(reference, grid)
    objects = BurnedLayer(mapped_objects, grid)
    block_layer = None if blocks is None else BurnedLayer(blocks.frame, grid)
    learned_layer = None if learned is None else BurnedLayer(learned, grid)

    report.stage("Judging pixels")
    windows = tiles(*grid.shape, READ_PX)
    with class_writer(confusion_path, grid, PIXEL_CLASSES, IGNORE, {"reference": reference.name},
                      "map against reference") as confusion:
        for number, core in enumerate(windows):
            outer = grow(core, books.margin_px, *grid.shape)
            part = grid.window(*outer)
            codes, reference_ids = burned.codes(part)
            classes = books.enter(View(
                core, inside(core, outer), mapped.codes(outer), codes, objects.ids(part), reference_ids,
                np.zeros(part.shape, np.int32) if block_layer is None else block_layer.ids(part),
                None if learned_layer is None else learned_layer.covers(part),
            ))
            confusion.write(classes, core.rows.start, core.cols.start)
            report.progress((number + 1) / len(windows))
    if not books.ground_px[JUDGED:].any():
        raise InputError(
            "evaluate.no-ground", "No ground is judged: the map, the reference and its searched ground lie apart.",
            "Check that all layers show the same place, and their coordinate systems.",
        )
    for layer, ground in ((objects, books.mapped_ground), (burned.landslides, books.reference_ground)):
        _place_hidden(layer, ground[1:], grid, confusion_path, block_layer, blocks)
    return PixelResult(
        grounds=books.grounds(seed, f"tiles of {tile_m:g} m"),
        pixel_m2=pixel_m2,
        perfect_f1=books.perfect_f1(),
        on_learned=None if learned is None else _share(books.learned_px[JUDGED:], books.ground_px[JUDGED:]),
        test_on_learned=None if learned is None else _share(books.learned_px[ON_TEST:], books.ground_px[ON_TEST:]),
        mapped_ground=books.mapped_ground[1:],
        reference_ground=books.reference_ground[1:],
    )


def _place_hidden(
    layer: BurnedLayer, ground: np.ndarray, grid: Grid, confusion_path: Path, block_layer: BurnedLayer | None,
    blocks: Blocks | None,
) -> None:
    """Gives objects without a pixel, hidden by others or smaller than one, the pixel under a point inside them.

    Those that lie outside the map stay without any.
    """
    for position in np.flatnonzero(~ground.any(axis=1)).tolist():
        pixel = layer.pixel_inside(position, grid)
        if pixel is None:
            continue
        state = NOT_JUDGED if read_window(confusion_path, *pixel)[0, 0] == IGNORE else JUDGED
        if state == JUDGED and block_layer is not None and blocks is not None:
            row = block_layer.ids(grid.window(*pixel))[0, 0]
            state = ON_TEST if row and blocks.role[row - 1] == "test" else JUDGED
        ground[position, state] = 1


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / max(whole.sum(), 1))
