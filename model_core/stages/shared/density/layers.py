"""The landslides of every date as weighted points, with the ground on which they would have been seen."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
from affine import Affine

from ....arrays.density import MIN_RADIUS_PX, default_radius_m
from ....contract.errors import InputError, UsageError
from ....contract.events import Report
from ....contract.params.density import DensityParams
from ....contract.params.layers import MANUAL, NOT_STATED, entry
from ....contract.series import read_series
from ....geo.areas import area_m2
from ....geo.grid import Grid
from ....geo.points import metric_crs, positions, within
from ....geo.vectors import in_crs, stacked
from ..judging.reference import layer_stem, read_layer
from ..map_error import used_word
from ..runs import safe_name

_PIXELS_A_RADIUS = 50
_PIXELS_WITHOUT_RADIUS = 250  # along the shorter side of the ground: ArcGIS' rule


@dataclass(frozen=True)
class DensityLayer:
    """One date, in the CRS of the results.

    Attributes:
        name: Of the date.
        source: Its layer of landslides; None: searched, and none found.
        points: (n, 2) x and y of the landslides that count: on observed ground, in or around the area.
        weights: (n,) what each counts.
        inside: (n,) bool, whether it lies in the area; the others lie around it within the radius.
        observed, unusable: Ground that was searched, and ground of it that could not be seen; None: not given.
        radius_m: Of the kernel; None without landslides.
        used: What the landslides are, in a word of contract.params.layers.
    """

    name: str
    source: str | None
    points: np.ndarray
    weights: np.ndarray
    inside: np.ndarray
    observed: gpd.GeoDataFrame | None
    unusable: gpd.GeoDataFrame | None
    radius_m: float | None = None
    used: str = NOT_STATED


@dataclass(frozen=True)
class _Sources:
    """What is given for one date."""

    name: str
    landslides: str | None
    observed: str | None
    used: str | None
    unusable: str | None = None


def read_layers(params: DensityParams, report: Report) -> tuple[list[DensityLayer], gpd.GeoDataFrame | None, str]:
    """Reads everything that the parameters name.

    Returns:
        The dates in their order, the area of interest, and the CRS of both.

    Raises:
        InputError: A layer cannot be read, or nothing tells where the maps are to lie.
        UsageError: Names are given twice, the CRS does not measure metres, or a radius is missing.
    """
    sources, area_source = _sources(params)
    _check_names([source.name for source in sources])
    area = read_layer(area_source, "area of interest", report) if area_source else None
    frames = [_read(source.landslides, "landslides", report) for source in sources]
    grounds = {path: read_layer(path, "searched", report)
               for path in dict.fromkeys(source.observed for source in sources if source.observed)}
    anywhere = next((frame for frame in [*frames, area, *grounds.values()] if frame is not None and len(frame)), None)
    if anywhere is None or (area is not None and area.empty):
        raise InputError("density.empty", "There is no polygon to tell where the maps are to lie.",
                         "Give an area of interest with a polygon, or layers with landslides.")
    crs = metric_crs(anywhere, params.crs)
    area = None if area is None else in_crs(area, crs)
    moved = {path: in_crs(frame, crs) for path, frame in grounds.items()}
    layers = [
        _layer(source, frame, area, moved.get(source.observed or "", area), crs, params, report)
        for source, frame in zip(sources, frames, strict=True)
    ]
    return _with_radius(layers, area, params), area, crs


def choose_grid(layers: Sequence[DensityLayer], area: gpd.GeoDataFrame | None, crs: str,
                pixel_size_m: float | None) -> Grid:
    """The one grid of all maps: over the area, else all observed ground, else all that a landslide reaches.

    Raises:
        InputError: There is no ground.
        UsageError: Pixels too large for the radius.
    """
    left, bottom, right, top = _bounds(layers, area)
    radii = [layer.radius_m for layer in layers if layer.radius_m is not None]
    size = pixel_size_m
    if size is None:
        size = _round_down(min(radii) / _PIXELS_A_RADIUS if radii
                           else min(right - left, top - bottom) / _PIXELS_WITHOUT_RADIUS)
    if radii and min(radii) < MIN_RADIUS_PX * size:
        raise UsageError(
            "density.pixel-size", f"Pixels of {size:g} m are too large for a radius of {min(radii):.0f} m.",
            f"Give pixels of at most {_round_down(min(radii) / MIN_RADIUS_PX):g} m, or a larger radius.",
            pixel_size_m=size, radius_m=min(radii),
        )
    # A millionth of a pixel absorbs rounding, so that an area on the grid does not gain an empty row.
    column, row = math.floor(left / size + 1e-6), math.ceil(top / size - 1e-6)
    width, height = math.ceil(right / size - 1e-6) - column, row - math.floor(bottom / size + 1e-6)
    return Grid(crs, Affine(size, 0, column * size, 0, -size, row * size), max(width, 1), max(height, 1))


def _sources(params: DensityParams) -> tuple[list[_Sources], str | None]:
    if params.series is None:
        names = params.names or tuple(layer_stem(path) for path in params.landslides)
        return [_Sources(name, source, entry(params.observed, i), params.used_of(i))
                for i, (name, source) in enumerate(zip(names, params.landslides, strict=True))], params.area
    series = read_series(Path(params.series))
    known = [_Sources(epoch.name, epoch.landslides, epoch.searched, params.used_of(0) or MANUAL, epoch.unusable)
             for epoch in series.epochs if epoch.landslides or epoch.searched]
    if not known:
        raise InputError("labels.none", f"No epoch of {params.series} has landslides.",
                         "Give them in the series file.", path=params.series)
    return known, params.area or series.area


def _check_names(names: Sequence[str]) -> None:
    stems = [safe_name(name).lower() for name in names]  # Windows tells no upper from lower case
    twice = next((name for name, stem in zip(names, stems, strict=True) if stems.count(stem) > 1), None)
    if twice is not None:
        raise UsageError("density.name-twice", f"Two layers would be named {twice}.",
                         "Give each a name of its own (--names), which differs in letters or digits.", name=twice)


def _read(source: str | None, role: str, report: Report) -> gpd.GeoDataFrame | None:
    return None if source is None else read_layer(source, role, report)


def _layer(
    source: _Sources, frame: gpd.GeoDataFrame | None, area: gpd.GeoDataFrame | None,
    observed: gpd.GeoDataFrame | None, crs: str, params: DensityParams, report: Report,
) -> DensityLayer:
    unusable = _read(source.unusable, "unusable", report)
    unusable = None if unusable is None else in_crs(unusable, crs)
    if frame is None:
        return DensityLayer(source.name, None, np.zeros((0, 2)), np.zeros(0), np.zeros(0, bool), observed, unusable,
                            used=source.used or NOT_STATED)
    moved = in_crs(frame, crs)
    points = positions(moved, inside=params.position == "point-on-surface")
    weights = area_m2(moved.geometry, crs) if params.weight == "area" else np.ones(len(moved))
    seen = np.ones(len(points), bool) if observed is None else within(points, observed)
    if unusable is not None:
        seen &= ~within(points, unusable)
    if not seen.all():
        report.warn(f"{source.name}: {int((~seen).sum())} of {len(seen)} landslides lie outside the observed ground "
                    "and are left out.")
    points, weights = points[seen], weights[seen]
    inside = np.ones(len(points), bool) if area is None else within(points, area)
    return DensityLayer(source.name, source.landslides, points, weights, inside, observed, unusable,
                        used=used_word(source.used, frame))


def _with_radius(
    layers: Sequence[DensityLayer], area: gpd.GeoDataFrame | None, params: DensityParams
) -> list[DensityLayer]:
    """The layers with their radius and without the landslides that do not reach into the area."""
    pooled = np.concatenate([layer.points[layer.inside] for layer in layers])
    common = default_radius_m(pooled) if params.common_radius else None
    done = []
    for layer in layers:
        own = layer.points[layer.inside]
        radius = params.radius_m or (common if params.common_radius else default_radius_m(own))
        if radius is None and len(layer.points):
            what = f"{layer.name} has {len(own)} landslide{'' if len(own) == 1 else 's'}"
            if params.common_radius:
                what = f"All dates together have {len(pooled)} landslide{'' if len(pooled) == 1 else 's'}"
            raise UsageError("density.no-radius", f"{what} in the area, or most lie in one place: that gives no "
                             "radius.", "Give a radius (--radius-m).", name=layer.name)
        reach = np.ones(len(layer.points), bool)
        if area is not None and radius is not None:
            reach = layer.inside | within(layer.points, area, radius)
        done.append(dataclasses.replace(layer, points=layer.points[reach], weights=layer.weights[reach],
                                        inside=layer.inside[reach], radius_m=radius if len(layer.points) else None))
    return done


def _bounds(layers: Sequence[DensityLayer], area: gpd.GeoDataFrame | None) -> tuple[float, float, float, float]:
    observed = [layer.observed for layer in layers if layer.observed is not None and len(layer.observed)]
    if area is not None:
        box = area.total_bounds
    elif len(observed) == len(layers):
        box = stacked(observed).total_bounds
    else:
        boxes = [frame.total_bounds for frame in observed]
        boxes += [np.concatenate([layer.points.min(axis=0) - layer.radius_m, layer.points.max(axis=0) + layer.radius_m])
                  for layer in layers if layer.radius_m is not None]
        if not boxes:
            raise InputError("density.empty", "There is no landslide, and no area to show that there is none.",
                             "Give an area of interest.")
        box = np.concatenate([np.min(boxes, axis=0)[:2], np.max(boxes, axis=0)[2:]])
    left, bottom, right, top = (float(v) for v in box)
    return left, bottom, right, top


def _round_down(size: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... that is no larger."""
    power = 10.0 ** math.floor(math.log10(size))
    return power * max(step for step in (1, 2, 5) if step * power <= size * (1 + 1e-9))
