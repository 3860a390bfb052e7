"""Simulated RapidEye images: what covers the ground, how it reflects, and what sun, air and sensor make of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..arrays import radiometry
from ..contract.bands import BANDS
from .terrain import Terrain, fractal, illumination

# Top-of-atmosphere reflectance in blue, green, red, red edge, NIR: plausible values, not measurements. Gravel, dry
# terraces and rock are close to fresh landslides on purpose: they are what real maps confuse with them.
REFLECTANCE = {
    "forest": (0.085, 0.075, 0.055, 0.130, 0.280),
    "field": (0.095, 0.105, 0.090, 0.180, 0.290),
    "dry terrace": (0.110, 0.130, 0.155, 0.190, 0.240),
    "rock": (0.125, 0.140, 0.160, 0.180, 0.215),
    "gravel": (0.145, 0.165, 0.190, 0.215, 0.245),
    "water": (0.100, 0.085, 0.065, 0.055, 0.045),
    "road": (0.135, 0.150, 0.165, 0.175, 0.195),
    "landslide": (0.125, 0.155, 0.195, 0.225, 0.265),
    "settlement": (0.150, 0.160, 0.170, 0.190, 0.220),
}
COVERS = tuple(REFLECTANCE)
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
    """

    sun_elevation_deg: float
    sun_azimuth_deg: float = 165.0
    haze: float = 0.0
    greenness: float = 1.0
    gain: float = 1.0
    shift_px: tuple[float, float] = (0.0, 0.0)


def cover_ground(terrain: Terrain, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Land cover, (H, W) uint8 indexes into COVERS; no landslides yet."""
    size = terrain.slope_deg.shape[0]
    patches = fractal(size, rng, exponent=-1.5, longest_px=400 / terrain.pixel_size_m)
    cover = np.full(terrain.slope_deg.shape, COVERS.index("forest"), np.uint8)
    gentle = terrain.slope_deg < 22
    cover[gentle & (patches > 0.3)] = COVERS.index("field")
    cover[gentle & (patches > 1.1)] = COVERS.index("dry terrace")
    cover[(terrain.relative_height > 0.85) & (patches < -0.4)] = COVERS.index("rock")
    cover[(terrain.slope_deg > 40) & (patches < -0.9)] = COVERS.index("rock")
    river = (terrain.relative_height < 0.045) & (terrain.slope_deg < 25)
    cover[ndimage.binary_dilation(river, iterations=4)] = COVERS.index("gravel")
    cover[river] = COVERS.index("water")
    # Roads follow contour lines above the valley.
    contour = np.abs(terrain.elevation_m - np.percentile(terrain.elevation_m, 30)) < 0.35 * terrain.pixel_size_m
    cover[contour & (terrain.slope_deg < 35)] = COVERS.index("road")
    return cover


def photograph(
    terrain: Terrain, cover: NDArray[np.uint8], sky: Sky, rng: np.random.Generator,
    bare: NDArray[np.float32] | None = None, texture: NDArray[np.floating[Any]] | None = None,
) -> NDArray[np.float32]:
    """Top-of-atmosphere reflectance of a scene, (H, W, 5) float32, in the order of contract.bands.BANDS.

    Args:
        terrain: The ground.
        cover: (H, W) indexes into COVERS.
        sky: Of the day.
        rng: Source of all randomness.
        bare: (H, W) share of landslide rubble in each pixel, above its cover.
        texture: (H, W) relative brightness of the ground, mean 0, which stays from year to year; default: a new one.
    """
    table = np.array([REFLECTANCE[name] for name in COVERS], np.float32)
    vegetation = np.isin(cover, [COVERS.index("forest"), COVERS.index("field")])
    scene = table[cover]
    scene[vegetation, 3:] *= sky.greenness
    if bare is not None:
        scene += bare[..., None] * (np.array(REFLECTANCE["landslide"], np.float32) - scene)
    size = cover.shape[0]
    common = 0.10 * fractal(size, rng, exponent=-0.8, longest_px=60) if texture is None else texture
    for b in range(len(BANDS)):
        own = 0.04 * rng.normal(size=cover.shape)
        scene[..., b] *= np.exp(common + own)
    # Diffuse light fills a part of every shadow, more of it in blue.
    diffuse = np.array([0.45, 0.38, 0.32, 0.28, 0.25], np.float32)
    light = illumination(terrain, sky.sun_elevation_deg, sky.sun_azimuth_deg)[..., None]
    scene *= diffuse + (1 - diffuse) * light
    scene += sky.haze * np.array([1.0, 0.75, 0.5, 0.4, 0.25], np.float32)
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
