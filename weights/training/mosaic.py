"""The image that the patches were cut from, up to one factor: what a scene is to the engine.

Each patch was divided by its own largest value, a roof or a cloud. A network that learns from such patches learns a
brightness that no scene has, because the engine scales a scene by statistics of the scene. But neighbouring patches
touch: along their common edge the ground is nearly the same, so the ratio of both sides is the ratio of their divisors.
All ratios together are solved for one factor a patch by least squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import lsqr

from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE

from .patches import SIZE_PX, Patches

# Edges whose profiles agree less are no neighbours (the mosaic has seams), or too smooth to tell.
ALIKE = 0.7
# Patches that touch no other are levelled to the median of so many of the nearest.
NEAREST = 12


@dataclass(frozen=True)
class Mosaic:
    """Patches side by side.

    Attributes:
        pixels: (H, W, 3) uint8 as in the patches; 0 where there is none.
        factors: (rows, columns) float32 of each patch: a value is (pixel + 1/2) x factor; 0 where there is none.
        codes: (H, W) uint8 label codes; IGNORE where there is no patch.
    """

    pixels: np.ndarray
    factors: np.ndarray
    codes: np.ndarray

    def read(self, rows: slice, cols: slice) -> tuple[np.ndarray, np.ndarray]:
        """Values (h, w, 3) float32, 0 where there is no patch, and valid (h, w) bool, of a window within the mosaic."""
        patch_rows, patch_cols = (np.arange(part.start, part.stop) // SIZE_PX for part in (rows, cols))
        factors = self.factors[patch_rows[:, np.newaxis], patch_cols]
        values = (self.pixels[rows, cols].astype(np.float32) + 0.5) * factors[..., np.newaxis]
        return values, factors > 0


@dataclass(frozen=True)
class Levelling:
    """How well the divisors of the patches are known.

    Attributes:
        factors: (n,) float64; their median is 1.
        pairs: Pairs of neighbours that were used.
        spread_before: Standard deviation of the log ratio across an edge before.
        spread_after: Likewise after.
        largest: Patches in the largest part that hangs together.
        parts: Number of such parts.
    """

    factors: np.ndarray
    pairs: int
    spread_before: float
    spread_after: float
    largest: int
    parts: int


def assemble(patches: Patches, factors: np.ndarray) -> Mosaic:
    """Lays the patches out on the ground, with a rim of one empty patch all around for windows that reach over it."""
    places = patches.places - patches.places.min(axis=0) + 1
    rows, cols = places.max(axis=0) + 2
    pixels = np.zeros((rows * SIZE_PX, cols * SIZE_PX, patches.images.shape[-1]), np.uint8)
    codes = np.full(pixels.shape[:2], IGNORE, np.uint8)
    level = np.zeros((rows, cols), np.float32)
    for (row, col), image, mask, factor in zip(places, patches.images, patches.masks, factors, strict=True):
        here = (slice(row * SIZE_PX, (row + 1) * SIZE_PX), slice(col * SIZE_PX, (col + 1) * SIZE_PX))
        pixels[here], level[row, col] = image, factor
        codes[here] = np.where(mask, LANDSLIDE, BACKGROUND)
    return Mosaic(pixels, level, codes)


def level(patches: Patches) -> Levelling:
    """The factor of each patch that makes it fit its neighbours."""
    n = len(patches.ids)
    first, second, ratios = _edges(patches)
    ones = np.ones(len(ratios))
    number = np.arange(len(ratios))
    differences = coo_array((np.r_[ones, -ones], (np.r_[number, number], np.r_[first, second])), shape=(len(ratios), n))
    # The damping only fixes the free constant of each part.
    logs = lsqr(differences.tocsr(), ratios, damp=1e-4)[0]
    residuals = differences @ logs - ratios
    links = coo_array((ones, (first, second)), shape=(n, n))
    parts, part_of = connected_components(links, directed=False)
    logs = _joined(patches, logs, part_of)
    return Levelling(np.exp(logs - np.median(logs)), len(ratios), float(ratios.std()), float(residuals.std()),
                     int(np.bincount(part_of).max()), parts)


def _edges(patches: Patches) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of neighbours, first and second, and log(second / first) along their edge."""
    place_of = {tuple(place): number for number, place in enumerate(patches.places.tolist())}
    found = []
    for number, (row, col) in enumerate(patches.places.tolist()):
        image = patches.images[number]
        for there, mine, other_side in (((row, col + 1), image[:, -1], np.s_[:, 0]),
                                        ((row + 1, col), image[-1], np.s_[0])):
            other = place_of.get(there)
            if other is None:
                continue
            a, b = (np.log(edge + 0.5) for edge in (mine.astype(np.float64), patches.images[other][other_side]))
            profiles = a.mean(axis=-1), b.mean(axis=-1)
            if min(profile.std() for profile in profiles) > 0 and np.corrcoef(*profiles)[0, 1] > ALIKE:
                found.append((number, other, np.median(b - a)))
    first, second, ratios = np.array(found).reshape(-1, 3).T
    return first.astype(int), second.astype(int), ratios


def _joined(patches: Patches, logs: np.ndarray, part_of: np.ndarray) -> np.ndarray:
    """Parts that touch no other get the middle brightness of the ground around them: good to a tenth, no better."""
    brightness = np.log(np.median(patches.images.reshape(len(patches.ids), -1), axis=1) + 0.5)
    logs = logs.copy()
    by_size = np.argsort(-np.bincount(part_of), kind="stable")
    done = part_of == by_size[0]
    for part in by_size[1:]:
        own = part_of == part
        distances = np.abs(patches.places[done] - patches.places[own].mean(axis=0)).max(axis=1)
        near = np.flatnonzero(done)[np.argsort(distances, kind="stable")[:NEAREST]]
        logs[own] += np.median((brightness + logs)[near]) - np.median((brightness + logs)[own])
        done |= own
    return logs
