"""Which ground trains, validates and tests, and what the engine's scaling of a scene makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from model_core.arrays import scaling as scalings
from model_core.arrays.codes import IGNORE
from model_core.contract.bands import BANDS
from model_core.contract.card import Scaling

from .mosaic import Mosaic, assemble, level
from .patches import SIZE_PX, TAIWAN, Patches

RULE = "scene-robust"
MAY_LACK = ("red_edge", "nir")
# Rows of patches a block: 7.7 km from north to south over the whole width, 90 to 170 patches.
BLOCK_ROWS = 6
# Of the twelve blocks of Taiwan, from the north: farmland and bare mountain tops, forested gorges, coast.
VALIDATION_BLOCKS, TEST_BLOCKS = (2, 7), (4, 9)
N_BLOCKS = 12
# Labels this near to ground of another role teach nothing.
GUARD_PX = 64
_SAMPLES = 200  # pixels of each patch that stand for it in statistics


@dataclass(frozen=True)
class Block:
    """A part of a mosaic that is treated as a scene.

    Attributes:
        name: For tables.
        role: "train", "validation" or "test".
        mosaic: Its pixels and labels.
        scaling: By the rule of the engine, from its own pixels.
    """

    name: str
    role: str
    mosaic: Mosaic
    scaling: Scaling

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns in pixels."""
        return self.mosaic.codes.shape

    def read(self, rows: slice, cols: slice) -> tuple[np.ndarray, np.ndarray]:
        """Network input (h, w, 5) and valid (h, w): a reader for the engine's mapping."""
        values, valid = self.mosaic.read(rows, cols)
        return with_all_bands(scalings.apply(values, valid, self.scaling)), valid


def blocks_of(patches: Patches) -> list[Block]:
    """Blocks of Taiwan by their role; another region is one block to test on."""
    factors = level(patches).factors
    if patches.region != TAIWAN:
        return [_block(patches, factors, np.ones(len(factors), bool), patches.region, "test")]
    number = np.minimum(patches.places[:, 0] // BLOCK_ROWS, N_BLOCKS - 1)
    return [_block(patches, factors, number == k, f"{patches.region} {k}", role_of(k)) for k in np.unique(number)]


def role_of(block: int) -> str:
    """What a block of Taiwan is for."""
    return "validation" if block in VALIDATION_BLOCKS else "test" if block in TEST_BLOCKS else "train"


def training_mosaic(patches: Patches) -> Mosaic:
    """The ground of all training blocks as it lies; other ground is empty, labels beside it are ignored."""
    number = np.minimum(patches.places[:, 0] // BLOCK_ROWS, N_BLOCKS - 1)
    training = np.array([role_of(k) == "train" for k in number])
    whole = assemble(patches, level(patches).factors)
    places = (patches.places - patches.places.min(axis=0) + 1)[~training]
    factors, pixels, codes = whole.factors.copy(), whole.pixels.copy(), whole.codes.copy()
    for row, col in places:
        top, left = row * SIZE_PX, col * SIZE_PX
        codes[max(top - GUARD_PX, 0) : top + SIZE_PX + GUARD_PX, max(left - GUARD_PX, 0) : left + SIZE_PX + GUARD_PX
              ] = IGNORE
        pixels[top : top + SIZE_PX, left : left + SIZE_PX] = 0
        factors[row, col] = 0
    return Mosaic(pixels, factors, codes)


def as_scene(mosaic: Mosaic) -> Block:
    """A whole mosaic as one scene, scaled by its own statistics."""
    return Block("training ground", "train", mosaic, scaling_of(spread_samples(mosaic)))


def spread_samples(mosaic: Mosaic) -> np.ndarray:
    """(N, 3) pixels from all over a mosaic."""
    rows, cols = (np.arange(side)[5::16] for side in mosaic.codes.shape)
    factors = mosaic.factors[rows[:, np.newaxis] // SIZE_PX, cols // SIZE_PX]
    values = (mosaic.pixels[rows[:, np.newaxis], cols].astype(np.float32) + 0.5) * factors[..., np.newaxis]
    return values[factors > 0]


def with_all_bands(rgb: np.ndarray) -> np.ndarray:
    """(..., 3) blue, green, red -> (..., 5) with 0 in red edge and near infrared, which is each band's centre."""
    return np.concatenate([rgb, np.zeros((*rgb.shape[:-1], len(BANDS) - rgb.shape[-1]), np.float32)], axis=-1)


class Scenes:
    """Scaling of scenes that patches could belong to.

    A scene is a rectangle of patches of random size and place around a patch. Its statistics are those that the engine
    would take of it, so a network learns how much they differ from scene to scene.

    Args:
        mosaic: The ground that scenes are drawn from.
        smallest, largest: Sides of a scene in patches.
        seed: For the samples and the draws.
    """

    def __init__(self, mosaic: Mosaic, smallest: int, largest: int, seed: int) -> None:
        rng = np.random.default_rng((seed, 7))
        self._range, self._seed = (smallest, largest), seed
        self._samples: dict[tuple[int, int], np.ndarray] = {}
        for row, col in zip(*np.nonzero(mosaic.factors), strict=True):
            block = slice(row * SIZE_PX, (row + 1) * SIZE_PX), slice(col * SIZE_PX, (col + 1) * SIZE_PX)
            values = mosaic.read(*block)[0].reshape(-1, mosaic.pixels.shape[-1])
            self._samples[int(row), int(col)] = values[rng.choice(len(values), _SAMPLES, replace=False)]
        self._scaling = lru_cache(maxsize=None)(self._draw)

    @property
    def patches(self) -> list[tuple[int, int]]:
        """Row and column of all patches."""
        return list(self._samples)

    def scaling(self, row: int, col: int, which: int) -> Scaling:
        """Of the scene number `which` around a patch; always the same."""
        return self._scaling(row, col, which)

    def _draw(self, row: int, col: int, which: int) -> Scaling:
        rng = np.random.default_rng((self._seed, row, col, which))
        low, high = self._range
        down, across = np.rint(low * (high / low) ** rng.random(2)).astype(int)
        top, left = row - rng.integers(down), col - rng.integers(across)
        inside = [key for key in self._samples if top <= key[0] < top + down and left <= key[1] < left + across]
        if len(inside) > 100:
            inside = [inside[k] for k in rng.choice(len(inside), 100, replace=False)]
        return scaling_of(np.concatenate([self._samples[key] for key in inside]))


def scaling_of(samples: np.ndarray) -> Scaling:
    """The engine's scaling of a scene with these pixels (N, 3)."""
    centre, spread = scalings.statistics(samples, RULE)
    return Scaling(RULE, centre, spread, scalings.CLIP)


def _block(patches: Patches, factors: np.ndarray, own: np.ndarray, name: str, role: str) -> Block:
    part = replace(patches, images=patches.images[own], masks=patches.masks[own], ids=patches.ids[own])
    whole, inside = assemble(part, factors[own]), slice(SIZE_PX, -SIZE_PX)
    mosaic = Mosaic(whole.pixels[inside, inside], whole.factors[1:-1, 1:-1], whole.codes[inside, inside])
    values, valid = mosaic.read(*(slice(0, side) for side in mosaic.codes.shape))
    return Block(name, role, mosaic, scaling_of(values[valid][::7]))
