"""Seven simulated years of one valley, as large and as full of landslides as the paper's study area."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from .clouds import add_clouds, cloud_opacity
from .ground import COVERS, varied_ground
from .landslides import SOURCE_SLOPE_DEG
from .lifecycle import VISIBLE, Landslide, live
from .sensor import Sky, photograph
from .terrain import Terrain, fractal

REGROWN = 0.25  # rubble that still shines through where a landslide has grown over
# Brightness, in logarithms, from crown to toe: a bare scarp, a scoured track, and debris with soil and wood in it.
CROWN_TO_TOE = (0.0, 0.12, 0.25, 0.7, 0.85, 1.0)
RELIEF = (0.25, 0.15, 0.0, 0.0, -0.15, -0.2)


@dataclass(frozen=True)
class Year:
    """What the year brings.

    Attributes:
        day: Of the image: those of Bhuyan et al. 2023.
        sky: Sun, air and sensor of that day; 2015 drifts most.
        clouds: Share of the ground under clouds.
        alive: Visible landslides in the area (table 1 of the paper).
        born: Those that are new.
    """

    day: date
    sky: Sky
    clouds: float
    alive: int
    born: int


YEARS = (
    Year(date(2013, 11, 7), Sky(44.9, 164.0, 0.004, 1.00, 0.98, (0.2, -0.3)), 0.0, 31, 31),
    Year(date(2014, 11, 30), Sky(40.2, 166.0, 0.000, 0.92, 1.00), 0.005, 26, 3),
    Year(date(2015, 11, 9), Sky(44.8, 163.0, 0.035, 0.97, 1.12, (-0.6, 0.5), 0.6), 0.02, 136, 112),
    Year(date(2016, 11, 4), Sky(45.8, 162.0, 0.006, 1.02, 1.02, (0.3, 0.1)), 0.0, 95, 15),
    Year(date(2017, 11, 12), Sky(43.6, 165.0, 0.002, 0.95, 0.96, (-0.2, -0.4)), 0.01, 63, 4),
    Year(date(2018, 10, 24), Sky(48.9, 160.0, 0.010, 1.08, 1.04, (0.4, 0.4)), 0.03, 55, 6),
    Year(date(2019, 11, 10), Sky(44.1, 164.0, 0.003, 0.99, 0.99, (0.1, 0.2)), 0.0, 52, 4),
)
TRAINING_YEAR, TRAINING_LANDSLIDES = 2016, 55  # drawn outside the area, as in the paper
AREA_M2 = 33e6


@dataclass(frozen=True)
class Picture:
    """One year as sensor and analyst see it.

    Attributes:
        year: What was asked for.
        reflectance: (H, W, 5) float32, at the top of the atmosphere.
        cloudy: (H, W) bool: what the unusable-data mask flags; it misses thin edges and shadows.
        slides: (H, W) int32: number of the landslide that is visible on a pixel, 0 = none.
    """

    year: Year
    reflectance: np.ndarray
    cloudy: np.ndarray
    slides: np.ndarray


def picture_years(
    terrain: Terrain, inside: np.ndarray, rng: np.random.Generator, beside: Sequence[tuple[np.ndarray, int]] = ()
) -> Iterator[Picture]:
    """Yields the years one after the other, each with the whole ground's landslides.

    Args:
        terrain: The ground.
        inside: (H, W) bool, the area of interest; the paper's numbers of landslides are scaled to its size.
        rng: Source of all randomness.
        beside: (H, W) bool parts of the ground outside, each with its landslides in the year to train on. Without
            any, those of the paper, scaled likewise, lie anywhere outside.
    """
    size = terrain.slope_deg.shape[0]
    ground = varied_ground(terrain, rng)
    cover = _settled(terrain, ground.cover, rng)
    parcels = _parcels(size, rng)
    texture = 0.10 * fractal(size, rng, exponent=-0.8, longest_px=60)
    # Turf and trees that came down with a landslide stay green in it: no landslide is all rubble.
    rafts = 1 - np.clip(0.5 * (fractal(size, rng.spawn(1)[0], exponent=-1.0, longest_px=25) - 0.3), 0, 0.7)
    dry = cover != COVERS.index("water")
    share = float(inside.sum()) * terrain.pixel_size_m**2 / AREA_M2
    drawn = next(year.alive for year in YEARS if year.day.year == TRAINING_YEAR)
    scales = [(part, n / drawn) for part, n in beside] or [(~inside, TRAINING_LANDSLIDES * share / drawn)]
    populations = [_population(terrain, dry & where, scale, rng) for where, scale in ((inside, share), *scales)]
    for year, *slides in zip(YEARS, *populations, strict=True):
        bare, relief, visible = _failed(cover.shape, [slide for group in slides for slide in group])
        seen = photograph(terrain, replace(ground, cover=_farmed(cover, parcels, rng)), year.sky, rng, bare * rafts,
                          texture + relief + 0.04 * fractal(size, rng, exponent=-0.8, longest_px=60))
        opacity = cloud_opacity(size, year.clouds, rng)
        seen = add_clouds(seen, opacity, year.sky.sun_azimuth_deg, year.sky.sun_elevation_deg)
        yield Picture(year, seen, opacity > 0.5, visible)


def _population(terrain: Terrain, where: np.ndarray, scale: float, rng: np.random.Generator) -> list[list[Landslide]]:
    def scaled(numbers: Sequence[int]) -> list[int]:
        return [max(round(n * scale), 1) for n in numbers]

    alive, born = scaled([year.alive for year in YEARS]), scaled([year.born for year in YEARS])
    return live(terrain, where, [year.day.year for year in YEARS], alive, born, rng)


def _failed(shape: tuple[int, ...], slides: Sequence[Landslide]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each pixel the share of rubble, its relative brightness, and the number of the visible landslide."""
    bare, relief, visible = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    for number, slide in enumerate(slides, start=1):
        here = (slide.body.rows, slide.body.cols)
        along = slide.body.along[slide.bare] / slide.grown
        bare[here][slide.failed] = REGROWN * slide.fresh
        bare[here][slide.bare] = slide.fresh
        relief[here][slide.bare] = slide.fresh * np.interp(along, CROWN_TO_TOE, RELIEF)
        if slide.fresh >= VISIBLE:
            visible[here][slide.bare] = number
    return bare, relief, visible


def _settled(terrain: Terrain, cover: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Villages on gentle slopes."""
    houses = fractal(cover.shape[0], rng, exponent=-1.0, longest_px=80)
    gentle = terrain.slope_deg < SOURCE_SLOPE_DEG[0] - 8
    return np.where((houses > 1.9) & gentle & (cover != COVERS.index("water")), COVERS.index("settlement"), cover)


def _parcels(size: int, rng: np.random.Generator) -> np.ndarray:
    """(H, W) numbers of fields, some 20 px wide."""
    one, other = (np.floor(2.5 * fractal(size, rng, exponent=-2.2, longest_px=60)).astype(int) for _ in range(2))
    return (one * 31 + other) % 257


def _farmed(cover: np.ndarray, parcels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every year other fields lie bare, as bright as a fresh landslide."""
    ploughed = rng.random(257)[parcels] < 0.3
    fields = np.isin(cover, [COVERS.index("field"), COVERS.index("dry terrace")])
    return np.where(fields, np.where(ploughed, COVERS.index("dry terrace"), COVERS.index("field")), cover)
