"""Which windows a training epoch looks at, and in which order: a pure function of seed and epoch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import UsageError
from .codes import IGNORE, LANDSLIDE, TRAIN
from .windows import Window, patch_windows


class WindowSet(NamedTuple):
    """Windows of one size on one image, with what their ground holds.

    Attributes:
        height, width: Size of the image.
        size_px: Side of the windows.
        tops, lefts: (n,) int64, upper left corners.
        ground_px: (n,) int64, pixels of the wanted role with a known label.
        landslide_px: (n,) int64, those of them that are landslide.
    """

    height: int
    width: int
    size_px: int
    tops: NDArray[np.int64]
    lefts: NDArray[np.int64]
    ground_px: NDArray[np.int64]
    landslide_px: NDArray[np.int64]

    @property
    def windows(self) -> list[Window]:
        """The windows as they lie, without jitter, in reading order."""
        return _windows(self.tops, self.lefts, self.size_px)


def training_windows(
    role_map: NDArray[np.uint8],
    codes: NDArray[np.uint8],
    size_px: int,
    stride_px: int,
    *,
    role: int = TRAIN,
    min_train_px: int = 1,
    drop_empty: bool = False,
) -> WindowSet:
    """Windows that hold ground to learn from. What else they hold is seen by the network but carries no loss.

    Args:
        role_map: (H, W) uint8 role of every pixel.
        codes: (H, W) uint8 label codes.
        size_px: Side of the windows.
        stride_px: Distance between them.
        role: The role whose ground is meant, TRAIN or VALIDATION.
        min_train_px: Least number of usable pixels in a window.
        drop_empty: Leave out windows without landslide, as the paper's notebook does.
    """
    usable = (role_map == role) & (codes != IGNORE)
    found = usable & (codes == LANDSLIDE)
    height, width = codes.shape
    windows = patch_windows(height, width, size_px, stride_px)
    ground_px = np.array([np.count_nonzero(usable[w]) for w in windows], np.int64)
    landslide_px = np.array([np.count_nonzero(found[w]) for w in windows], np.int64)
    keep = (ground_px >= min_train_px) & ((landslide_px > 0) | (not drop_empty))
    tops = np.array([w.rows.start for w in windows], np.int64)
    lefts = np.array([w.cols.start for w in windows], np.int64)
    return WindowSet(height, width, size_px, tops[keep], lefts[keep], ground_px[keep], landslide_px[keep])


def epoch_sample(
    windows: WindowSet,
    seed: int,
    epoch: int,
    jitter_px: int,
    *,
    positive_share: float | None = None,
) -> list[Window]:
    """The windows of one training epoch, shuffled and shifted at random; as many as there are in the set.

    Args:
        windows: From `training_windows`.
        seed, epoch: All randomness comes from these two.
        jitter_px: Largest shift along rows and columns. A shifted window stays in the image, but can lose what little
            usable ground it held; its pixels then carry no loss.
        positive_share: Share of windows with landslide, 0 to 1. Each kind is gone through evenly, in full rounds, so
            the rarer one recurs. Default: every window once.

    Raises:
        UsageError: `positive_share` is outside its limits.
    """
    if positive_share is not None and not 0 <= positive_share <= 1:
        raise UsageError("sampling.share", f"A share of {positive_share} of the windows is not possible.",
                         "Choose a value from 0 to 1.", positive_share=positive_share)
    rng = np.random.default_rng([seed, epoch])
    every, positive = np.arange(len(windows.tops)), windows.landslide_px > 0
    # With one kind only there is nothing to balance.
    if positive_share is None or positive.all() or not positive.any():
        chosen = _draw(every, len(every), rng)
    else:
        n_positive = round(positive_share * len(every))
        chosen = np.concatenate([
            _draw(every[positive], n_positive, rng),
            _draw(every[~positive], len(every) - n_positive, rng),
        ])
        chosen = rng.permutation(chosen)
    shift = rng.integers(-jitter_px, jitter_px, (2, len(chosen)), endpoint=True)
    tops = np.clip(windows.tops[chosen] + shift[0], 0, max(windows.height - windows.size_px, 0))
    lefts = np.clip(windows.lefts[chosen] + shift[1], 0, max(windows.width - windows.size_px, 0))
    return _windows(tops, lefts, windows.size_px)


def _draw(pool: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`count` members of a pool in shuffled full rounds."""
    rounds = -(-count // max(len(pool), 1))
    return np.concatenate([rng.permutation(pool) for _ in range(rounds)] or [pool[:0]])[:count]


def _windows(tops: NDArray[np.int64], lefts: NDArray[np.int64], size_px: int) -> list[Window]:
    return [
        Window(slice(top, top + size_px), slice(left, left + size_px))
        for top, left in zip(tops.tolist(), lefts.tolist(), strict=True)
    ]
