"""Satellite images of a study, as large as a report shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine

from ....contract.errors import InputError
from ....contract.events import Report
from ....contract.series import Series
from ....geo.grid import Grid
from ....geo.vectors import in_crs
from ....report.maps import striped
from ....report.sheet import Extent
from ..scenes import DatedScenes, describe_series, network_bands, open_stack

TRUE_COLOUR, FALSE_COLOUR = ("red", "green", "blue"), ("nir", "red", "green")
# Landslides stand out from green slopes in the first of these more than in the later ones.
_GREY = ("red", "green", "blue", "red_edge", "nir")
_DARKEST, _BRIGHTEST = 1, 99  # percentiles
_GAMMA = 0.7  # opens the shadows of mountains
_PLAIN = 0.9

Stretch = tuple[np.ndarray, np.ndarray]  # (B,) what becomes black, (B,) what becomes white


@dataclass(frozen=True)
class Photo:
    """An image on a grid.

    Attributes:
        values: (H, W, B) float32.
        valid: (H, W) bool, where something was observed.
        quantity: What the values are, see `SceneInfo`.
        bands: Their names.
    """

    values: np.ndarray
    valid: np.ndarray
    quantity: str
    bands: tuple[str, ...]


def usable_dates(series: Series, report: Report) -> dict[str, DatedScenes]:
    """The dates whose images can be opened, by name; the others are told."""
    dates = {}
    for epoch in series.epochs:
        try:
            dates[epoch.name] = describe_series(Series((epoch,)), Report())[0]  # the study has told the notes
        except InputError as error:
            report.warn(f"The maps of the report show no image of {epoch.name}: {error.message}")
    return dates


def shown_bands(dates: Sequence[DatedScenes]) -> tuple[str, ...]:
    """Three bands that all dates have, in true colours if possible, or one."""
    if not dates:
        return ()
    try:
        common = network_bands(dates)
    except InputError:  # no band in common
        return ()
    for bands in (TRUE_COLOUR, FALSE_COLOUR):
        if set(bands) <= set(common):
            return bands
    return (next((band for band in _GREY if band in common), common[0]),)


def in_words(bands: Sequence[str]) -> str:
    """How the bands are shown, for a caption."""
    if tuple(bands) == TRUE_COLOUR:
        return "in true colours (bands red, green and blue)"
    if tuple(bands) == FALSE_COLOUR:
        return "in false colours (near infrared, red and green shown as red, green and blue; plants are red)"
    return f"in grey (band {bands[0]})" if bands else "left out, as they have no band in common"


def coarse(grid: Grid, longest_px: int) -> tuple[Grid, int]:
    """The grid with whole blocks of pixels as its pixels, few enough to be shown, and the side of such a block."""
    step = -(-max(grid.shape) // longest_px)
    scaled = grid.transform @ Affine.scale(step)
    return Grid(grid.crs, scaled, max(grid.width // step, 1), max(grid.height // step, 1)), step


def photograph(scenes: DatedScenes | None, grid: Grid, bands: Sequence[str]) -> Photo | None:
    """A date's image on a grid, or None where it shows other ground, lacks a band or cannot be read."""
    if scenes is None or not bands:
        return None
    try:
        with open_stack(scenes, grid, bands) as stack:
            values, valid = stack.read(slice(0, grid.height), slice(0, grid.width))
            return Photo(values, valid, stack.quantity, stack.bands)
    except InputError:
        return None


def stretches(photos: Iterable[Photo | None]) -> dict[str, Stretch]:
    """One stretch for all photos of a quantity, so that their colours can be compared.

    Reflectance in true colours keeps the balance of its bands, so that soil looks brown and not white.
    """
    samples: dict[str, list[np.ndarray]] = {}
    true_colour = True
    for photo in photos:
        if photo is not None and photo.valid.any():
            samples.setdefault(photo.quantity, []).append(photo.values[photo.valid])
            true_colour &= photo.bands == TRUE_COLOUR
    found = {}
    for quantity, parts in samples.items():
        low, high = np.percentile(np.concatenate(parts), [_DARKEST, _BRIGHTEST], axis=0)
        if true_colour and quantity != "counts":
            high = low + (high - low).max()
        found[quantity] = low, np.where(high > low, high, low + 1)
    return found


def painted(photo: Photo | None, shape: tuple[int, int], by_quantity: dict[str, Stretch]) -> np.ndarray:
    """(H, W, 3) colours from 0 to 1; striped where nothing was observed, plain grey without a photo."""
    if photo is None:
        return np.full((*shape, 3), _PLAIN)
    return striped(_colours(photo, by_quantity), ~photo.valid)


def greyed(photo: Photo | None, by_quantity: dict[str, Stretch]) -> np.ndarray | None:
    """(H, W) brightness from 0 to 1; None without a photo."""
    return None if photo is None else _colours(photo, by_quantity).mean(axis=2)


def _colours(photo: Photo, by_quantity: dict[str, Stretch]) -> np.ndarray:
    if not photo.valid.any():
        return np.zeros((*photo.valid.shape, 3))
    low, high = by_quantity[photo.quantity]
    colours = np.clip((photo.values - low) / (high - low), 0, 1) ** _GAMMA
    return np.broadcast_to(colours, (*photo.valid.shape, 3))


def extent_m(grid: Grid) -> Extent:
    """Left, right, bottom and top of a grid."""
    left, bottom, right, top = grid.bounds
    return left, right, bottom, top


def rings(frame: gpd.GeoDataFrame | None, grid: Grid) -> list[np.ndarray]:
    """Outlines of the polygons that lie on a grid, as exact as its pixels show them; (k, 2) x and y in metres."""
    if frame is None or frame.empty:
        return []
    geometry = np.asarray(in_crs(frame[[frame.geometry.name]], grid.crs).geometry, dtype=object)
    near = geometry[shapely.intersects(geometry, shapely.box(*grid.bounds))]
    lines = shapely.get_rings(shapely.get_parts(shapely.simplify(near, grid.pixel_size_m / 4)))
    return [shapely.get_coordinates(line) for line in lines]
