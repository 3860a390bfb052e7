"""How good a network is: on ground of Taiwan that it never saw, in another country, at other pixel sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import ndimage

from model_core.arrays import scaling as scalings
from model_core.arrays.blending import whole
from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE
from model_core.arrays.confusion import Confusion, from_maps, pool
from model_core.arrays.thresholds import ThresholdCurve
from model_core.contract.bands import BANDS
from model_core.contract.events import Report
from model_core.contract.params.predict import PredictParams
from model_core.stages.shared.map_files import classes_of
from model_core.stages.shared.mapping import map_probability, unlabelled

from .ground import MAY_LACK, Block, scaling_of
from .patches import KODAGU, PIXEL_M, SIZE_PX, FiveBands

MEASURED = (
    "pooled over all pixels of blocks of Taiwan (each 7.7 km from north to south, scaled like a scene of its own) that "
    "chose neither training epoch nor threshold; labels within 640 m of other blocks taught nothing"
)
# Closer to a landslide, a false alarm is a matter of its outline.
NEAR_PX = 4
# Ground without landslides: squares of this side with none in them.
EMPTY_PX = 64
SIZES_M = (3.0, 5.0, 7.0, 10.0, 15.0)
# Spreads of a scene over those of the block: fields, snow or towns beside the slopes make a scene more varied.
VARIETY = (1.0, 2.0, 4.0)
# Judging at finer pixels is slow: this many columns of patches of each block.
SIZE_COLUMNS = 8

Reader = Callable[[slice, slice], "tuple[np.ndarray, np.ndarray]"]


def probability_of(predictor: Any, read: Reader, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) float32 probability, NaN where there is no image, exactly as the engine maps a scene."""
    return whole(shape, map_probability(read, shape, predictor.predict, Report(), window_px=PredictParams.window_px,
                                        overlap_px=PredictParams.overlap_px))


def map_blocks(model: Any, blocks: Sequence[Block], adapt: bool = False) -> list[np.ndarray]:
    """Probability of each block; with `adapt` by a network that took its statistics from the block first."""
    from model_core.network.inference import Predictor

    kept = model.get_weights()
    maps = []
    for block in blocks:
        predictor = Predictor(model)
        if adapt:
            predictor.adapt(unlabelled(block.read, block.shape))
        maps.append(probability_of(predictor, block.read, block.shape))
        model.set_weights(kept)
    return maps


def calibrate(blocks: Sequence[Block], maps: Sequence[np.ndarray]) -> float:
    """The threshold of the best F1 over all validation blocks."""
    curve = ThresholdCurve()
    for block, probability in zip(blocks, maps, strict=True):
        if block.role == "validation":
            curve.feed(probability, block.mosaic.codes)
    return curve.choose("f1")


def score(blocks: Sequence[Block], maps: Sequence[np.ndarray], threshold: float) -> list[dict[str, Any]]:
    """A row a block that the network did not learn from, and one for all of each kind together."""
    rows: list[dict[str, Any]] = []
    counts: dict[str, list[Confusion]] = {}
    empty: dict[str, list[Confusion]] = {}
    for block, probability in zip(blocks, maps, strict=True):
        if block.role == "train":
            continue
        classes = classes_of(probability, threshold)
        kind = block.name if block.name == KODAGU else f"Taiwan {block.role}"
        found, alarms = from_maps(classes, block.mosaic.codes), _false_alarms(classes, block.mosaic.codes)
        rows.append(_row(block.name, block.role, found, alarms))
        counts.setdefault(kind, []).append(found)
        empty.setdefault(kind, []).append(alarms)
    return rows + [_row(kind, "together", pool(counts[kind]), pool(empty[kind])) for kind in counts]


def score_sizes(model: Any, blocks: Sequence[Block], threshold: float, sizes_m: Sequence[float] = SIZES_M
                ) -> list[dict[str, Any]]:
    """F1 on a part of the test blocks of Taiwan, resampled to other pixel sizes.

    Resampled images of 10 m are smoother than those of a finer sensor: this tells whether the network copes with the
    size of what it sees, not what it would make of finer detail.
    """
    from model_core.network.inference import Predictor

    predictor, rows = Predictor(model), []
    for size_m in sizes_m:
        found = Confusion()
        for block in blocks:
            if block.role == "test" and block.name != KODAGU:
                image, codes = _resampled(_middle(block), PIXEL_M / size_m)
                valid = codes != IGNORE
                image[~valid] = 0

                def read(rows: slice, cols: slice, image: np.ndarray = image, valid: np.ndarray = valid
                         ) -> tuple[np.ndarray, np.ndarray]:
                    return image[rows, cols], valid[rows, cols]

                found += from_maps(classes_of(probability_of(predictor, read, codes.shape), threshold), codes)
        rows.append({"pixel size [m]": size_m, **_measures(found)})
    return rows


def score_variety(model: Any, blocks: Sequence[Block], threshold: float) -> list[dict[str, Any]]:
    """F1 on the validation blocks of Taiwan, scaled as parts of scenes whose ground is more varied than their own.

    The scene's statistics, by which the engine scales, follow all ground in it: beside bright plains the same slope
    has a smaller contrast than in a scene of forest.
    """
    rows = []
    own = [block for block in blocks if block.role == "validation"]
    for times in VARIETY:
        wider = [replace(block, scaling=replace(block.scaling, spread=tuple(times * k for k in block.scaling.spread)))
                 for block in own]
        found = [from_maps(classes_of(probability, threshold), block.mosaic.codes)
                 for block, probability in zip(wider, map_blocks(model, wider), strict=True)]
        rows.append({"spread of the scene": times, **_measures(pool(found))})
    return rows


def false_alarms(model: Any, block: Block, threshold: float) -> np.ndarray:
    """(n, 2) row and column of pixels that a network maps although no landslide is within `NEAR_PX` of them."""
    (probability,) = map_blocks(model, [block])
    codes = block.mosaic.codes
    near = ndimage.binary_dilation(codes == LANDSLIDE, iterations=NEAR_PX)
    return np.argwhere((classes_of(probability, threshold) == LANDSLIDE) & (codes == BACKGROUND) & ~near)


def score_five_bands(model: Any, pairs: FiveBands, threshold: float) -> list[dict[str, Any]]:
    """F1 on patches with five bands, each scaled like a scene of its own, with all bands and without the last two.

    Far too few to tell how good a network is; enough to see whether it minds more bands.
    """
    from model_core.network.inference import Predictor

    predictor, rows = Predictor(model), []
    for n_bands in (len(BANDS), len(BANDS) - len(MAY_LACK)):
        found = Confusion()
        for values, mask in zip(pairs.images, pairs.masks, strict=True):
            pixels = values.reshape(-1, values.shape[-1])
            image = scalings.apply(values, np.ones(mask.shape, bool), scaling_of(pixels))
            image[..., n_bands:] = 0
            found += from_maps(classes_of(predictor.predict(image[np.newaxis])[0], threshold),
                               np.where(mask, LANDSLIDE, BACKGROUND).astype(np.uint8))
        rows.append({"bands": n_bands, **_measures(found)})
    return rows


def _middle(block: Block) -> Block:
    """The columns of patches in its middle."""
    first = max((block.shape[1] // SIZE_PX - SIZE_COLUMNS) // 2, 0)
    cols = slice(first, first + SIZE_COLUMNS)
    pixels = slice(first * SIZE_PX, (first + SIZE_COLUMNS) * SIZE_PX)
    mosaic = block.mosaic
    return replace(block, mosaic=replace(mosaic, pixels=mosaic.pixels[:, pixels], factors=mosaic.factors[:, cols],
                                         codes=mosaic.codes[:, pixels]))


def _resampled(block: Block, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Network input and label codes at `factor` times as many pixels a side."""
    image = block.read(*(slice(0, side) for side in block.shape))[0]
    codes = block.mosaic.codes
    if factor == 1:
        return image, codes
    if factor < 1:  # what a coarser pixel sees is a mean
        image = ndimage.gaussian_filter(image, (0.5 / factor / 1.5, 0.5 / factor / 1.5, 0))
    shape = [round(side * factor) for side in codes.shape]
    rows, cols = ((np.arange(n) + 0.5) / factor - 0.5 for n in shape)
    grid = np.meshgrid(rows, cols, indexing="ij")
    image = np.stack([ndimage.map_coordinates(band, grid, order=1, mode="nearest", output=np.float32)
                      if band.any() else np.zeros(shape, np.float32) for band in np.moveaxis(image, -1, 0)], axis=-1)
    nearest = np.ix_(*(np.clip(np.rint(places).astype(int), 0, side - 1)
                       for places, side in zip((rows, cols), codes.shape, strict=True)))
    return image, codes[nearest]


def _false_alarms(classes: np.ndarray, codes: np.ndarray) -> Confusion:
    """Counts on squares of known ground without a landslide."""
    height, width = (side // EMPTY_PX for side in codes.shape)
    squares = codes[: height * EMPTY_PX, : width * EMPTY_PX].reshape(height, EMPTY_PX, width, EMPTY_PX)
    empty = (squares == BACKGROUND).all(axis=(1, 3))
    where = np.zeros(codes.shape, bool)
    where[: height * EMPTY_PX, : width * EMPTY_PX] = empty.repeat(EMPTY_PX, axis=0).repeat(EMPTY_PX, axis=1)
    return from_maps(classes, codes, where)


def _row(name: str, role: str, found: Confusion, alarms: Confusion) -> dict[str, Any]:
    ground_km2, empty_km2 = (counts.total * PIXEL_M**2 / 1e6 for counts in (found, alarms))
    return {"ground": name, "role": role, "km²": round(ground_km2, 1), **_measures(found),
            "empty ground [km²]": round(empty_km2, 1),
            "false alarms there [m²/km²]": round(alarms.fp * PIXEL_M**2 / empty_km2) if empty_km2 else None}


def _measures(found: Confusion) -> dict[str, Any]:
    values = {"precision": found.precision, "recall": found.recall, "F1": found.f1}
    return {name: None if value is None else round(value, 4) for name, value in values.items()}


