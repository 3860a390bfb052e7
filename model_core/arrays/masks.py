"""Which pixels of a scene were observed: fill values and the unusable-data masks of RapidEye and PlanetScope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Flags = npt.NDArray[np.bool_]

# No encoding of counts, radiance or reflectance reaches this far down; it is the usual unmarked "no data".
LOWEST_VALUE: Final = -9999

UDM_BLACKFILL: Final = 0
UDM_CLOUD: Final = 1
UDM_BAND_BITS: Final = (2, 3, 4, 5, 6, 7)
# Bit of "missing or suspect in this band" in RapidEye's UDM.
RAPIDEYE_UDM_BITS: Mapping[str, int] = MappingProxyType({"blue": 2, "green": 3, "red": 4, "red_edge": 5, "nir": 6})

# Bands of PlanetScope's usable-data mask UDM2. Version 2.1 fills only the light one of the two kinds of haze.
UDM2_BANDS: Final = ("clear", "snow", "shadow", "light_haze", "heavy_haze", "cloud", "confidence", "udm1")
UDM2_UNUSABLE: Final = ("snow", "shadow", "heavy_haze", "cloud")


def valid_pixels(values: npt.NDArray[Any], fill: float | None) -> Flags:
    """Pixels that hold data in every band that is used.

    The rules, by the type of the file:

    - 16 and 32 bit integers: invalid where ANY band is fill. The bands of a pushbroom scene end at different
      columns, and a pixel with four bands of data and one of fill would look like a bright or dark object.
    - 8 bit integers: invalid only where ALL bands are fill, since 0 and 255 are ordinary values there.
    - Floats: invalid where any band is NaN, infinite or fill, and, where there is no fill value, where all bands
      are exactly 0 (what a warp without a nodata value leaves behind).
    - Signed integers and floats: small negative values are data, since surface reflectance is legitimately a
      little below 0 over dark ground; -9999 and below is fill, whether the file says so or not.

    Args:
        values: (H, W, B) numbers as they stand in the file.
        fill: The file's nodata value, or what stands for it (0 in integer files without one); None if none.

    Returns:
        (H, W) bool.
    """
    if values.dtype.kind == "f":
        data = np.isfinite(values) & (values > LOWEST_VALUE)
        if fill is None:
            return np.asarray(data.all(axis=-1) & (values != 0).any(axis=-1))
        return np.asarray((data & (values != fill)).all(axis=-1))
    data = np.full(values.shape, True) if fill is None else values != fill
    if values.dtype.itemsize == 1:
        return np.asarray(data.any(axis=-1))
    if values.dtype.kind == "i":
        data &= values > LOWEST_VALUE
    return np.asarray(data.all(axis=-1))


def udm_unusable(flags: npt.NDArray[np.uint8], bands: Sequence[str], band_bits: Mapping[str, int]) -> Flags:
    """Pixels that an unusable-data mask (UDM) excludes: blackfill, cloud, or missing or suspect in a used band.

    The mask calls snow cloud, and misses haze and cloud shadow.

    Args:
        flags: (H, W) uint8 mask.
        bands: Names of the bands that are used.
        band_bits: Bit of each band, such as `RAPIDEYE_UDM_BITS`. A band without an entry is lost to any of the
            bits 2 to 7 (PlanetScope, where the bits' order changed with the instruments).

    Returns:
        (H, W) bool.
    """
    bits = {UDM_BLACKFILL, UDM_CLOUD}
    for band in bands:
        bits |= {band_bits[band]} if band in band_bits else set(UDM_BAND_BITS)
    return np.asarray(flags & np.uint8(sum(1 << bit for bit in bits)), bool)


def udm2_unusable(classes: npt.NDArray[np.uint8], unusable: Sequence[str] = UDM2_UNUSABLE) -> Flags:
    """Pixels that a usable-data mask (UDM2) excludes.

    Light haze stays usable: the ground is seen through it. Whatever the older mask in band 8 flags is lost.

    Args:
        classes: (H, W, 8) uint8 in the order of `UDM2_BANDS`.
        unusable: Classes to leave out.

    Returns:
        (H, W) bool.
    """
    lost = classes[..., UDM2_BANDS.index("udm1")] != 0
    for name in unusable:
        lost |= classes[..., UDM2_BANDS.index(name)] != 0
    return np.asarray(lost)


def buffered(mask: Flags, radius_px: int) -> Flags:
    """The (H, W) mask grown by `radius_px` pixels to all eight sides."""
    if radius_px == 0:
        return mask
    return np.asarray(ndimage.binary_dilation(mask, np.ones((3, 3), bool), iterations=radius_px))
