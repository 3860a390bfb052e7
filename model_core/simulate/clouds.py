"""Simulated clouds and the shadows that they throw."""

from __future__ import annotations

import numpy as np

from .terrain import fractal

_REFLECTANCE = np.array([0.52, 0.52, 0.53, 0.55, 0.58], np.float32)
_SHADE = 0.55  # of the light that a thick cloud takes from its shadow
_EDGE = 0.4  # width of the transition from clear to opaque, in standard deviations of the field


def cloud_opacity(size_px: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """(H, W) float32, 0 = clear to 1 = opaque; `share` of the ground lies under some cloud."""
    if share <= 0:
        return np.zeros((size_px, size_px), np.float32)
    field = fractal(size_px, rng, exponent=-1.9, longest_px=160)
    return np.clip((field - np.quantile(field, 1 - share)) / _EDGE, 0, 1).astype(np.float32)


def add_clouds(
    reflectance: np.ndarray, opacity: np.ndarray, sun_azimuth_deg: float, sun_elevation_deg: float,
    height_px: float = 120.0,
) -> np.ndarray:
    """The scene (H, W, 5) under clouds (H, W) that float `height_px` above the ground.

    Shadows fall away from the sun; unusable-data masks do not flag them.
    """
    away = height_px / np.tan(np.radians(sun_elevation_deg))
    down = round(float(away * np.cos(np.radians(sun_azimuth_deg))))
    right = round(float(-away * np.sin(np.radians(sun_azimuth_deg))))
    shadow = np.roll(opacity, (down, right), (0, 1))
    shaded = reflectance * (1 - _SHADE * shadow[..., np.newaxis])
    covered: np.ndarray = shaded * (1 - opacity[..., np.newaxis]) + _REFLECTANCE * opacity[..., np.newaxis]
    return covered.astype(np.float32)
