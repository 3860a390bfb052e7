"""Simulated RapidEye images: what sun, air and sensor make of the ground."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..arrays import radiometry
from ..contract.bands import BANDS
from .ground import Ground, reflect
from .terrain import Terrain, fractal, illumination

RADIANCE_OF_A_COUNT = 0.01  # W m-2 sr-1 um-1, in every RapidEye L3A file


@dataclass(frozen=True)
class Sky:
    """Sun and air on the day of an image.

    Attributes:
        sun_elevation_deg, sun_azimuth_deg: Position of the sun.
        haze: Added reflectance in blue; it falls towards the NIR.
        greenness: Factor on the NIR of vegetation (season).
        gain: Drift of the whole image, 1 = none.
        shift_px: How far the image lies beside the map, in rows and columns.
        unevenness: Of the haze, about the standard deviation of its logarithm; even haze is undone by scaling scenes.
    """

    sun_elevation_deg: float
    sun_azimuth_deg: float = 165.0
    haze: float = 0.0
    greenness: float = 1.0
    gain: float = 1.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    unevenness: float = 0.0


def photograph(
    terrain: Terrain, ground: Ground, sky: Sky, rng: np.random.Generator,
    bare: NDArray[np.float32] | None = None, texture: NDArray[np.floating[Any]] | None = None,
) -> NDArray[np.float32]:
    """Top-of-atmosphere reflectance of a scene, (H, W, 5) float32, in the order of contract.bands.BANDS.

    Args:
        terrain: The surface.
        ground: What lies on it.
        sky: Of the day.
        rng: Source of all randomness.
        bare: (H, W) share of landslide rubble in each pixel, above its cover.
        texture: (H, W) relative brightness of the ground, mean 0, which stays from year to year; default: a new one.
    """
    size = ground.cover.shape[0]
    scene = reflect(ground, sky.greenness, bare)
    common = 0.10 * fractal(size, rng, exponent=-0.8, longest_px=60) if texture is None else texture
    for b in range(len(BANDS)):
        own = 0.04 * rng.normal(size=ground.cover.shape)
        scene[..., b] *= np.exp(common + own)
    # Diffuse light fills a part of every shadow, more of it in blue.
    diffuse = np.array([0.45, 0.38, 0.32, 0.28, 0.25], np.float32)
    light = illumination(terrain, sky.sun_elevation_deg, sky.sun_azimuth_deg)[..., None]
    scene *= diffuse + (1 - diffuse) * light
    scene += _haze(terrain, sky, rng)[..., None] * np.array([1.0, 0.75, 0.5, 0.4, 0.25], np.float32)
    # 6.5 m native pixels delivered at 5 m: neighbours share light.
    scene = ndimage.gaussian_filter(scene, (0.7, 0.7, 0))
    if any(sky.shift_px):
        scene = ndimage.shift(scene, (*sky.shift_px, 0), order=1, mode="nearest")
    scene += rng.normal(0, 0.0015, scene.shape)
    reflectance: NDArray[np.float32] = np.maximum(scene * sky.gain, 0.005).astype(np.float32)
    return reflectance


def to_counts(reflectance: NDArray[np.float32], sun_elevation_deg: float, day: date) -> NDArray[np.uint16]:
    """RapidEye L3A counts (uint16) of a top-of-atmosphere reflectance: what the engine's reader turns back."""
    gains = [
        radiometry.reflectance_gain(RADIANCE_OF_A_COUNT, radiometry.RAPIDEYE_EAI[band], sun_elevation_deg, day)
        for band in BANDS
    ]
    counts: NDArray[np.uint16] = np.clip(np.rint(reflectance / np.array(gains)), 1, 65535).astype(np.uint16)
    return counts


def _haze(terrain: Terrain, sky: Sky, rng: np.random.Generator) -> NDArray[np.float32]:
    """(H, W) added reflectance in blue: thicker in the valleys and in banks, where the air is uneven."""
    haze: NDArray[np.float32] = np.full_like(terrain.slope_deg, sky.haze)
    if sky.unevenness:
        # A stream of its own leaves everything else as it is in even air.
        banks = fractal(len(haze), rng.spawn(1)[0], exponent=-2.0, longest_px=1500 / terrain.pixel_size_m)
        haze *= np.exp(sky.unevenness * (banks + 2 * (0.4 - terrain.relative_height)))
    return haze
