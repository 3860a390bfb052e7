"""Training windows: cut from the mosaic, each scaled as a part of a scene that is drawn for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_core.arrays.codes import LANDSLIDE
from model_core.contract.card import Scaling
from model_core.network.feeding import Batch, PatchSource, targets_of

from .ground import Scenes, scaling_of, spread_samples, with_all_bands
from .mosaic import Mosaic
from .patches import SIZE_PX

# What is drawn for each window at strength 1. The two factors divide as often as they multiply; the rest is in spreads.
# The spread of a scene is that of the ground in it: in Kodagu, forest alone, it is 0.4 of Taiwan's; farmland or towns
# beside the mountains make it larger.
COMMON_GAIN, COMMON_OFFSET = 2.0, 0.75
BAND_GAIN, BAND_OFFSET = 1.15, 0.2
VEIL = (1.0, 0.8, 0.6)  # haze that grows across half of the windows: blue most
# Scenes that are drawn for a patch; each is computed once.
N_SCENES = 12
SCALINGS = ("scene", "whole", "patch")


class Windows:
    """A source of patches for the engine's training.

    Args:
        mosaic: The training ground.
        n: Windows a training epoch.
        batch_size: Windows a step.
        seed: For all draws; a batch depends on it, the training epoch and its place alone.
        landslide_share: Share of the windows that are laid around a pixel of a landslide; the others lie anywhere.
        scaling: "scene": by statistics of a scene drawn for each window; "whole": by those of all training ground;
            "patch": by those of the window itself, as a comparison.
        scene_patches: Smallest and largest side of a scene, in patches.
        colours: Strength of random changes of contrast and brightness, of all bands together and of each, and of haze.
        varied: Largest factor by which the spread of a scene may exceed that of a drawn one, because it shows more
            than this mountain range.
        hard: (n, 2) rows and columns of pixels where an earlier network was wrong; None: none are known.
        hard_share: Share of the windows that are laid around them.
        size_px: Side of the windows, a multiple of 16; at most twice that of a patch.
    """

    def __init__(
        self, mosaic: Mosaic, n: int, batch_size: int, seed: int, landslide_share: float = 0.0,
        scaling: str = "scene", scene_patches: tuple[int, int] = (3, 40), colours: float = 1.0, varied: float = 1.0,
        hard: np.ndarray | None = None, hard_share: float = 0.0, size_px: int = SIZE_PX,
    ) -> None:
        self._mosaic, self._n_batches, self._batch_size = mosaic, -(-n // batch_size), batch_size
        self._seed, self._rule, self._colours, self._varied = seed, scaling, colours, varied
        self._size_px = size_px
        self._scenes = Scenes(mosaic, *scene_patches, seed)
        self._patches = self._scenes.patches
        self._whole = scaling_of(spread_samples(mosaic))
        # Pixels that windows are laid around, and the share of the windows that each kind gets.
        self._aims = [(np.argwhere(mosaic.codes == LANDSLIDE), landslide_share)]
        if hard is not None and len(hard):
            self._aims.append((hard, hard_share))

    def __len__(self) -> int:
        return self._n_batches

    def batch(self, epoch: int, index: int) -> Batch:
        """Images (N, S, S, 5) and targets (N, S, S, 2), float32."""
        rng = np.random.default_rng((self._seed, epoch, index))
        images, codes = [], []
        for _ in range(self._batch_size):
            row, col, top, left = self._place(rng)
            window = slice(top, top + self._size_px), slice(left, left + self._size_px)
            values, valid = self._mosaic.read(*window)
            scaling = self._scaling_for(row, col, values[valid], int(rng.integers(N_SCENES)))
            images.append(with_all_bands(coloured(values, valid, scaling, self._colours, self._varied, rng)))
            codes.append(self._mosaic.codes[window])
        return np.stack(images), targets_of(np.stack(codes))

    def _place(self, rng: np.random.Generator) -> tuple[int, int, int, int]:
        """The patch that a window mostly lies on, and the window's first row and column."""
        height, width = self._mosaic.codes.shape
        row, col = self._patches[rng.integers(len(self._patches))]
        middle, reach = np.array([row, col]) * SIZE_PX + SIZE_PX // 2, SIZE_PX // 2
        drawn = rng.random()
        for pixels, share in self._aims:
            if drawn < share:
                middle, reach = pixels[rng.integers(len(pixels))], self._size_px // 3
                row, col = (int(k) for k in middle // SIZE_PX)
                break
            drawn -= share
        corner = middle - self._size_px // 2 + rng.integers(-reach, reach + 1, 2)
        top, left = np.clip(corner, 0, (height - self._size_px, width - self._size_px))
        return row, col, int(top), int(left)

    def _scaling_for(self, row: int, col: int, pixels: np.ndarray, which: int) -> Scaling:
        if self._rule == "scene":
            return self._scenes.scaling(row, col, which)
        return self._whole if self._rule == "whole" else scaling_of(pixels)


def coloured(
    values: np.ndarray, valid: np.ndarray, scaling: Scaling, strength: float, varied: float, rng: np.random.Generator
) -> np.ndarray:
    """Network input (h, w, 3) of a window whose scene had other light, other air, or other ground beside it.

    The changes come before the cut at the scaling's bound, as they do in a scene: what a scene cuts off stays at the
    bound, and what it does not keeps its texture.
    """
    n = values.shape[-1]
    gain = _about_1(COMMON_GAIN, strength, 1, rng) * _about_1(BAND_GAIN, strength, n, rng)
    gain /= varied ** rng.random()
    offset = strength * (COMMON_OFFSET * rng.uniform(-1, 1) + BAND_OFFSET * rng.uniform(-1, 1, n))
    image = (values - np.array(scaling.centre)) / np.array(scaling.spread) * gain + offset
    image += strength * _veil(values.shape[:2], rng)[..., np.newaxis] * np.array(VEIL)
    np.clip(image, -scaling.clip, scaling.clip, out=image)
    image[~valid] = 0
    return image.astype(np.float32)


def _about_1(factor: float, strength: float, n: int, rng: np.random.Generator) -> np.ndarray:
    return factor ** (strength * rng.uniform(-1, 1, n))


def _veil(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(h, w): a plane that rises in a random direction from 0 to a random height below 1; half of them are flat 0."""
    angle, height = rng.uniform(0, 2 * np.pi), max(rng.uniform(-1, 1), 0)
    down, across = (np.linspace(-0.5, 0.5, side) for side in shape)
    return height * ((np.sin(angle) * down[:, np.newaxis] + np.cos(angle) * across) / np.sqrt(2) + 0.5)


class Mixed:
    """A source of which some patches of every batch come from another one.

    Args:
        main: Most patches.
        other: The others; it may have fewer batches.
        share: Share of the other source.
        seed: For what is drawn.
        dropout: Chance that an image of the other source loses each of the bands in `places`.
        places: Of the bands that images may lack.
    """

    def __init__(self, main: PatchSource, other: PatchSource, share: float, seed: int, dropout: float,
                 places: Sequence[int]) -> None:
        self._main, self._other, self._share, self._seed = main, other, share, seed
        self._dropout, self._places = dropout, list(places)

    def __len__(self) -> int:
        return len(self._main)

    def batch(self, epoch: int, index: int) -> Batch:
        """Images and targets; the number of patches is the main source's."""
        images, targets = self._main.batch(epoch, index)
        others, other_targets = self._other.batch(epoch, index % len(self._other))
        rng = np.random.default_rng((self._seed, epoch, index, 11))
        n = min(round(self._share * len(images)), len(others))
        images[:n], targets[:n] = others[:n], other_targets[:n]
        lost = rng.random((n, 1, 1, len(self._places))) < self._dropout
        images[:n][..., self._places] *= ~lost
        return images, targets
