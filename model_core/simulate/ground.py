"""Simulated ground without landslides: what covers it, the rock beneath, and how both reflect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .terrain import Terrain, fractal

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
# Where the rock varies they differ by less than it does from place to place, so that a pixel's colour does not tell
# them apart: size, outline and place on the slope have to, as in real images.
STONE = {
    "dry terrace": (0.115, 0.138, 0.170, 0.205, 0.255),
    "rock": (0.122, 0.147, 0.180, 0.207, 0.245),
    "gravel": (0.138, 0.164, 0.198, 0.226, 0.262),
    "landslide": (0.125, 0.152, 0.187, 0.217, 0.259),
}
VEGETATION = ("forest", "field")
COVERS = tuple(REFLECTANCE)
# Change of reflectance, in logarithms, between two kinds of rock one standard deviation apart: from bluish to reddish.
_TINT = 0.12 * np.array([-0.9, -0.2, 0.5, 0.5, 0.3], np.float32)


@dataclass(frozen=True)
class Ground:
    """What lies on the terrain.

    Attributes:
        cover: (H, W) uint8 indexes into COVERS.
        reflectance: By cover, five bands each.
        tint: (H, W) float32, which kind of rock lies beneath, mean 0 and standard deviation 1. All that is stone has
            its colour: rubble looks like the rock that it broke off, not like rubble elsewhere.
        thin: (H, W) float32, share of stone that shines through vegetation.
    """

    cover: NDArray[np.uint8]
    reflectance: Mapping[str, tuple[float, ...]]
    tint: NDArray[np.float32]
    thin: NDArray[np.float32]


def plain_ground(terrain: Terrain, rng: np.random.Generator) -> Ground:
    """Ground without landslides where each cover has one colour: a few dozen landslides suffice to learn it."""
    none = np.zeros(terrain.slope_deg.shape, np.float32)
    return Ground(_cover(terrain, rng), REFLECTANCE, none, none)


def varied_ground(terrain: Terrain, rng: np.random.Generator) -> Ground:
    """Ground without landslides where rock varies, crops out in forests, and shines through thin vegetation."""
    size = terrain.slope_deg.shape[0]
    cover = _cover(terrain, rng)
    # Streams of their own: landslides and weather, drawn later, are the same as on plain ground.
    outcrops, rocks, scrub = (
        fractal(size, stream, exponent, longest_m / terrain.pixel_size_m)
        for stream, exponent, longest_m in zip(rng.spawn(3), (-1.2, -1.3, -1.1), (300, 1000, 500), strict=True)
    )
    forest = cover == COVERS.index("forest")
    cover[forest & (terrain.slope_deg > 26) & (outcrops > 2.1)] = COVERS.index("rock")
    # Bars along the river, wider than what is under water now.
    cover[forest & (terrain.slope_deg < 30) & (terrain.relative_height < 0.09)] = COVERS.index("gravel")
    thin = np.clip(0.45 * (scrub - 0.7), 0, 0.75)
    return Ground(cover, REFLECTANCE | STONE, rocks.astype(np.float32), thin.astype(np.float32))


def reflect(ground: Ground, greenness: float, bare: NDArray[np.floating[Any]] | None = None) -> NDArray[np.float32]:
    """Reflectance of flat, evenly lit ground, (H, W, 5) float32.

    Args:
        ground: Of the day.
        greenness: Factor on the NIR of vegetation (season).
        bare: (H, W) share of landslide rubble in each pixel, above its cover.
    """
    table = np.array([ground.reflectance[name] for name in COVERS], np.float32)
    rock, rubble = (table[COVERS.index(name)] for name in ("rock", "landslide"))
    tint = np.exp(ground.tint[..., None] * _TINT)
    green, stone = (np.isin(ground.cover, [COVERS.index(name) for name in names]) for names in (VEGETATION, STONE))
    scene = table[ground.cover]
    scene[green, 3:] *= greenness
    scene[stone] *= tint[stone]
    scene += np.where(green, ground.thin, 0)[..., None] * (rock * tint - scene)
    if bare is not None:
        scene += bare[..., None] * (rubble * tint - scene)
    return scene


def _cover(terrain: Terrain, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Land cover by height, slope and chance."""
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
