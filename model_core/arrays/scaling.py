"""Pixel values to network input: centred and divided by a spread, band by band, and cut off far out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contract.card import Scaling
from ..contract.errors import InputError, UsageError

Image = NDArray[np.float32]

# Network input beyond this many spreads is cut off: a cloud or a roof tells no more by being brighter still.
CLIP = 6.0


def statistics(samples: Image, rule: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Centre and spread of each band.

    Args:
        samples: (N, B) float32, observed pixels of one scene or of several.
        rule: "scene-robust": median and half the distance between the 16th and the 84th percentile, which are mean and
            standard deviation where values are normally distributed but do not follow clouds and snow;
            "scene-meanstd" or "fixed": mean and standard deviation.

    Raises:
        InputError: There is no observed pixel, or a band has the same value everywhere.
        UsageError: An unknown rule.
    """
    if len(samples) == 0:
        raise InputError("scaling.no-pixels", "The scene has no observed pixel.",
                         "Check its nodata value, its mask and the area of interest.")
    bands = samples.T.copy(order="C")  # never the samples themselves: percentiles are taken in place
    if rule == "scene-robust":
        low, centre, high = np.percentile(bands, [16, 50, 84], axis=1, overwrite_input=True).astype(np.float64)
        spread = (high - low) / 2
    elif rule in ("scene-meanstd", "fixed"):
        centre, spread = bands.mean(axis=1, dtype=np.float64), bands.std(axis=1, dtype=np.float64)
    else:
        raise UsageError("scaling.rule", f"There is no scaling rule {rule!r}.", "Choose scene-robust.")
    if not np.all(spread > 0):
        band = int(np.argmin(spread)) + 1
        raise InputError("scaling.flat-band", f"Band {band} of the network's input has almost one value everywhere.",
                         "Check the image: is this band really there?", band=band)
    return tuple(centre.tolist()), tuple(spread.tolist())


def apply(image: Image, valid: NDArray[np.bool_], scaling: Scaling, out: Image | None = None) -> Image:
    """Network input of an image; unobserved pixels become 0, which is each band's centre.

    Args:
        image: (H, W, B) float32 in the card's quantity.
        valid: (H, W) bool.
        scaling: With centre and spread of this scene.
        out: Where to put the result, maybe `image` itself.

    Returns:
        (H, W, B) float32 within +-`scaling.clip`.
    """
    centre = np.asarray(scaling.centre, np.float32)
    spread = np.asarray(scaling.spread, np.float32)
    scaled: Image = np.subtract(image, centre, out=out)
    scaled /= spread
    np.clip(scaled, -scaling.clip, scaling.clip, out=scaled)
    if not valid.all():
        scaled[~valid] = 0.0
    return scaled
