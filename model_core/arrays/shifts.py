"""How far labels or an image lie beside the image that they belong to, to a fraction of a pixel.

Edges are compared, not brightness: a landslide's outline stands out in the image whether the scar is brighter or darker
than the forest. Masked normalised cross-correlation (Padfield 2012, IEEE Trans. Image Process. 21:2706) in the
Fourier domain gives the correlation at every shift at once: the small shifts are the measurement, the large ones say
how high such a peak grows by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Floats = NDArray[np.float64]

_SMOOTH_PX = 1.0  # edges are about as wide as the error of a hand-drawn outline
_LOCAL_PX = 8.0  # brightness of edges is judged against its neighbourhood of this radius
_MASK_MARGIN_PX = 3  # edges this close to missing data are edges of the data, not of the ground
_MIN_BLOCKS = 5  # fewer say nothing about how much blocks differ
_N_DRAWS = 200
_MIN_OVERLAP = 0.3  # of the pixels; shifts with less in common are not judged


@dataclass(frozen=True)
class Shift:
    """A measured displacement.

    Attributes:
        rows_px: How far the second map lies below the first; moving it by `-rows_px` brings it back.
        cols_px: How far it lies to the right.
        correlation: Height of the peak, -1 to 1.
        p_value: Share of chance peaks at least as high; 1 where the peak lies at the limit of the search.
        n_chance: Number of chance peaks that it was compared with; `p_value` cannot fall below 1 / (n_chance + 1).
        rows_error_px: Standard error of `rows_px`, from drawing the blocks again and again; None from fewer than 5.
        cols_error_px: The same of `cols_px`.
    """

    rows_px: float
    cols_px: float
    correlation: float
    p_value: float
    n_chance: int
    rows_error_px: float | None = None
    cols_error_px: float | None = None


class ShiftMeter:
    """Adds up the correlation of many blocks of one size; memory is that of one block.

    Args:
        block_px: Height and width of the blocks.
        max_shift_px: Largest shift searched.
    """

    def __init__(self, block_px: tuple[int, int], max_shift_px: int = 10) -> None:
        self.max_shift_px = max_shift_px
        # The margin keeps what wraps round at the block's rim out of the shifts that are searched.
        self._shape = tuple(fft.next_fast_len(side + max_shift_px, real=True) for side in block_px)
        self._sums = np.zeros((6, *self._shape))
        self._near: list[Floats] = []  # the searched shifts of every block, to draw blocks again

    def add(self, first: Floats, second: Floats, valid: NDArray[np.bool_], second_valid: NDArray[np.bool_]) -> None:
        """Adds one block of two edge maps, (h, w) each and not larger than `block_px`, with their usable pixels."""
        fa, fm, faa = self._transforms(first, valid)
        fb, fn, fbb = self._transforms(second, second_valid)
        pairs = ((fm, fn), (fa, fn), (fm, fb), (fa, fb), (faa, fn), (fm, fbb))
        sums = np.array([fft.irfft2(np.conj(x) * y, self._shape) for x, y in pairs])
        self._sums += sums
        self._near.append(self._searched(sums))

    def include(self, other: ShiftMeter) -> None:
        """Adds the blocks of another meter of the same block size and search."""
        self._sums += other._sums
        self._near += other._near

    def shift(self) -> Shift | None:
        """The shift of all blocks together; None where they have no edges in common."""
        surface = _coefficients(self._sums)
        found = _peak(self._searched(surface))
        if found is None:
            return None
        row, col, height, at_limit = found
        chance = self._chance_peaks(surface)
        p_value = 1.0 if at_limit else float((1 + (chance >= height).sum()) / (1 + len(chance)))
        return Shift(row, col, height, p_value, len(chance), *self._errors())

    def _searched(self, surfaces: Floats) -> Floats:
        """The part of (..., rows, cols) surfaces that holds the shifts up to `max_shift_px`, zero in the middle."""
        reach = self.max_shift_px
        rolled = np.roll(surfaces, (reach, reach), (-2, -1))
        near: Floats = rolled[..., : 2 * reach + 1, : 2 * reach + 1].copy()
        return near

    def _errors(self) -> tuple[float | None, float | None]:
        """Standard errors of rows and columns (bootstrap over the blocks that hold anything)."""
        blocks = np.array([near for near in self._near if near[0].any()])
        if len(blocks) < _MIN_BLOCKS:
            return None, None
        draws = np.random.default_rng(0).multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), _N_DRAWS)
        peaks = [_peak(_coefficients(sums)) for sums in np.tensordot(draws.astype(np.float64), blocks, 1)]
        found = np.array([peak[:2] for peak in peaks if peak is not None])
        return (float(found[:, 0].std()), float(found[:, 1].std())) if len(found) else (None, None)

    def _transforms(self, edges: Floats, valid: NDArray[np.bool_]) -> list[NDArray[np.complex128]]:
        """Spectra of the usable edges, of their mask and of their squares."""
        usable = np.where(valid, edges, 0.0)
        return [fft.rfft2(x, self._shape) for x in (usable, valid.astype(np.float64), usable**2)]

    def _chance_peaks(self, surface: Floats) -> Floats:
        """Highest correlation in every window as large as the search, none of them near the search."""
        side = 2 * self.max_shift_px + 1
        counts = [length // side for length in self._shape]
        if min(counts) < 3:
            return np.array([])
        centred = np.roll(surface, (side // 2, side // 2), (0, 1))  # the search is now the first window
        tiles = centred[: counts[0] * side, : counts[1] * side].reshape(counts[0], side, counts[1], side)
        finite = np.isfinite(tiles)
        peaks = np.where(finite, tiles, -np.inf).max(axis=(1, 3))
        rows, cols = np.indices(peaks.shape)
        near = np.isin(rows, (0, 1, counts[0] - 1)) & np.isin(cols, (0, 1, counts[1] - 1))
        far: Floats = peaks[~near & (finite.mean(axis=(1, 3)) > 0.5)]
        return far


def measure_shift(
    first: Floats,
    second: Floats,
    valid: NDArray[np.bool_],
    second_valid: NDArray[np.bool_],
    max_shift_px: int = 10,
) -> Shift | None:
    """How far the second edge map lies from the first, (H, W) each; see `image_edges` and `label_edges`."""
    meter = ShiftMeter((first.shape[0], first.shape[1]), max_shift_px)
    meter.add(first, second, valid, second_valid)
    return meter.shift()


def image_edges(image: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Strength of the edges of an image, and where it can be trusted.

    Args:
        image: (H, W, B); every band counts the same, whatever its unit.
        valid: (H, W) pixels with data.

    Returns:
        (H, W) sum of the bands' gradient magnitudes, each divided by its median and freed of its neighbourhood's
        mean; and the valid pixels away from missing data.
    """
    trusted = _inside(valid)
    total = np.zeros(valid.shape)
    for band in np.moveaxis(image, 2, 0):
        filled = np.where(valid, band, np.median(band[valid]) if valid.any() else 0.0).astype(np.float64)
        gradient = ndimage.gaussian_gradient_magnitude(filled, _SMOOTH_PX)
        scale = np.median(gradient[trusted]) if trusted.any() else 0.0
        if scale > 0:
            total += np.minimum(gradient / scale, 10.0)  # one glaring roof must not rule the sum
    return _against_neighbourhood(total, trusted), trusted


def label_edges(landslide: NDArray[np.bool_], known: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Outlines of (H, W) labels as an edge map, and where it can be trusted."""
    trusted = _inside(known)
    gradient = ndimage.gaussian_gradient_magnitude((landslide & known).astype(np.float64), _SMOOTH_PX)
    return _against_neighbourhood(gradient, trusted), trusted


def _inside(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Valid pixels whose neighbourhood is valid; what lies beyond the array counts as valid."""
    size = 2 * _MASK_MARGIN_PX + 1
    inside: NDArray[np.bool_] = ndimage.minimum_filter(valid, size, mode="nearest")
    return inside


def _against_neighbourhood(edges: Floats, trusted: NDArray[np.bool_]) -> Floats:
    # Where many landslides are, the relief is rough as well: without this, whole valleys would correlate.
    weight = ndimage.gaussian_filter(trusted.astype(np.float64), _LOCAL_PX)
    mean = ndimage.gaussian_filter(np.where(trusted, edges, 0.0), _LOCAL_PX) / np.maximum(weight, 1e-6)
    return np.where(trusted, edges - mean, 0.0)


def _coefficients(sums: Floats) -> Floats:
    """Correlation coefficient at every shift from (6, rows, cols) sums, NaN where too few pixels lie on each other."""
    n, a, b, ab, a2, b2 = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (a2 - a * a / n) * (b2 - b * b / n)
        surface = (ab - a * b / n) / np.sqrt(spread)
    usable = (n >= max(_MIN_OVERLAP * n.max(), 1)) & (spread > 1e-12 * max(spread.max(), 1e-12))
    return np.where(usable, surface, np.nan)


def _peak(near: Floats) -> tuple[float, float, float, bool] | None:
    """Rows and columns of the highest correlation, its height, and whether it lies at the limit of the search."""
    if not np.isfinite(near).any():
        return None
    reach = near.shape[0] // 2
    row, col = (int(i) for i in np.unravel_index(np.nanargmax(near), near.shape))
    at_limit = not (0 < row < 2 * reach and 0 < col < 2 * reach)
    d_row, d_col = (0.0, 0.0) if at_limit else _vertex(near[row - 1 : row + 2, col - 1 : col + 2])
    return row - reach + d_row, col - reach + d_col, float(near[row, col]), at_limit


def _vertex(patch: Floats) -> tuple[float, float]:
    """Top of the quadratic surface through a (3, 3) neighbourhood of a maximum, as an offset from its centre."""
    if not np.isfinite(patch).all():
        return 0.0, 0.0
    d_row = (patch[2].sum() - patch[0].sum()) / 6
    d_col = (patch[:, 2].sum() - patch[:, 0].sum()) / 6
    rr = (patch[0].sum() - 2 * patch[1].sum() + patch[2].sum()) / 3
    cc = (patch[:, 0].sum() - 2 * patch[:, 1].sum() + patch[:, 2].sum()) / 3
    rc = (patch[2, 2] - patch[2, 0] - patch[0, 2] + patch[0, 0]) / 4
    determinant = rr * cc - rc * rc
    if determinant <= 0:
        return 0.0, 0.0
    row, col = (rc * d_col - cc * d_row) / determinant, (rc * d_row - rr * d_col) / determinant
    return float(np.clip(row, -1, 1)), float(np.clip(col, -1, 1))
