"""Simulated mountains: ridges and valleys as a fractal surface, with the slopes that sun and landslides need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..contract.errors import UsageError

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Terrain:
    """A surface and what follows from it.

    Attributes:
        elevation_m: (H, W) float32.
        slope_deg: (H, W) float32, 0 to 90.
        aspect_rad: (H, W) float32, direction of steepest descent, clockwise from north.
        relative_height: (H, W) float32, 0 in the valley floor to 1 on the ridge, within about 1 km.
        pixel_size_m: Side of a pixel.
    """

    elevation_m: FloatArray
    slope_deg: FloatArray
    aspect_rad: FloatArray
    relative_height: FloatArray
    pixel_size_m: float


def make_terrain(
    size_px: int, pixel_size_m: float, rng: np.random.Generator, median_slope_deg: float = 31.0
) -> Terrain:
    """Makes a square piece of mountains.

    A fractal surface is folded into ridges (its distance from zero) and scaled to the slopes of a young orogen.

    Args:
        size_px: Side of the square.
        pixel_size_m: Side of a pixel.
        rng: Source of all randomness.
        median_slope_deg: Half of the ground is steeper.
    """
    if size_px < 64:
        raise UsageError("simulate.size", f"A terrain of {size_px} px is too small.", "Make it at least 64 px.")
    ridged = 1.0 - np.abs(fractal(size_px, rng, exponent=-2.0, longest_px=2600 / pixel_size_m))
    detail = fractal(size_px, rng, exponent=-1.8, longest_px=500 / pixel_size_m)
    surface = ndimage.gaussian_filter(ridged, 25 / pixel_size_m, mode="wrap") + 0.06 * detail
    south, east = np.gradient(ndimage.gaussian_filter(surface, 2.0), pixel_size_m)
    height = np.tan(np.radians(median_slope_deg)) / np.median(np.hypot(south, east))
    elevation, south, east = 1200 + height * (surface - surface.min()), height * south, height * east
    radius_px = int(500 / pixel_size_m)
    low = ndimage.gaussian_filter(ndimage.minimum_filter(elevation, 2 * radius_px + 1), radius_px / 2)
    high = ndimage.gaussian_filter(ndimage.maximum_filter(elevation, 2 * radius_px + 1), radius_px / 2)
    return Terrain(
        elevation.astype(np.float32),
        np.degrees(np.arctan(np.hypot(south, east))).astype(np.float32),
        np.arctan2(-east, south).astype(np.float32),
        np.clip((elevation - low) / np.maximum(high - low, 1.0), 0, 1).astype(np.float32),
        pixel_size_m,
    )


def fractal(size_px: int, rng: np.random.Generator, exponent: float, longest_px: float) -> FloatArray:
    """A (size, size) random field, mean 0 and standard deviation 1, whose amplitude falls with frequency ** exponent.

    Wavelengths above `longest_px` are not in it.
    """
    rows = np.fft.fftfreq(size_px)[:, None]
    cols = np.fft.rfftfreq(size_px)[None, :]
    frequency = np.hypot(rows, cols)
    frequency[0, 0] = 1.0
    amplitude = np.maximum(frequency, 1.0 / longest_px) ** exponent
    amplitude[0, 0] = 0.0
    phase = rng.uniform(0, 2 * np.pi, amplitude.shape)
    field = np.fft.irfft2(amplitude * np.exp(1j * phase), s=(size_px, size_px))
    normal: FloatArray = (field - field.mean()) / field.std()
    return normal


def illumination(terrain: Terrain, sun_elevation_deg: float, sun_azimuth_deg: float) -> FloatArray:
    """Cosine of the angle between sun and slope normal over that of flat ground, (H, W), 0 in self-shadow."""
    zenith = np.radians(90 - sun_elevation_deg)
    slope = np.radians(terrain.slope_deg)
    # A slope that descends towards the sun faces it.
    facing = np.cos(np.radians(sun_azimuth_deg) - terrain.aspect_rad)
    cosine = np.cos(zenith) * np.cos(slope) + np.sin(zenith) * np.sin(slope) * facing
    relative: FloatArray = np.maximum(cosine, 0.0) / np.cos(zenith)
    return relative
