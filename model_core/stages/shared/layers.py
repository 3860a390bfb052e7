"""The layers of landslides that statistics count, each on its own ground."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np

from ...contract.errors import InputError
from ...contract.events import Report
from ...contract.params.layers import MANUAL, NOT_STATED, entry
from ...contract.params.statistics import StatisticsParams
from ...contract.series import Epoch, read_series
from ...geo.areas import apply_minimum
from ...geo.clipping import Clipped, clip, ground_of
from ...geo.vectors import in_crs, no_polygons, read_polygons, stacked
from .judging.reference import layer_stem, read_layer
from .map_error import used_word

TOGETHER = "all layers"


@dataclass(frozen=True)
class Layer:
    """Landslides of one year or map.

    Attributes:
        name: Of the layer.
        clipped: Landslides of at least the minimum area, on the ground.
        ground: Observed ground within the area of interest; None if none is known.
        assumed: No observed ground was given; the area of interest stands for it.
        used: What the landslides are, in a word of contract.params.layers.
        reference: Drawn landslides that tell the error of mapped ones; None: there are none.
        reference_ground: Where these were searched completely; None: everywhere.
        n_read, n_repaired, n_left_out, n_small: Features in the file, and what became of them.
    """

    name: str
    clipped: Clipped
    ground: gpd.GeoDataFrame | None
    assumed: bool
    used: str
    reference: gpd.GeoDataFrame | None = None
    reference_ground: gpd.GeoDataFrame | None = None
    n_read: int = 0
    n_repaired: int = 0
    n_left_out: int = 0
    n_small: int = 0


def read_layers(params: StatisticsParams, report: Report) -> Iterator[Layer]:
    """The layers in the order in which they were given.

    Raises:
        InputError: A layer cannot be read, or no ground is left.
    """
    if params.series:
        series = read_series(Path(params.series))
        epochs = [epoch for epoch in series.epochs if epoch.landslides or epoch.searched]
        if not epochs:
            raise InputError("labels.none", f"No epoch of {params.series} has landslides to count.",
                             "Give an epoch landslides, or the searched ground if there are none.")
        area_source = params.area or series.area
    else:
        names = params.names or [layer_stem(source) for source in params.landslides]
        # What an epoch of a series would say; its images play no part here.
        epochs = [Epoch(name, (), landslides=source) for name, source in zip(names, params.landslides, strict=True)]
        area_source = params.area
    area = read_layer(area_source, "area", report) if area_source else None
    # Each is read once; what all layers share is the same object.
    sources = dict.fromkeys([None, *(entry(params.observed, i) for i in range(len(epochs)))])
    observed = {source: source and read_layer(source, "observed", report) for source in sources}
    shared = {source: _ground(layer, area, []) for source, layer in observed.items()}
    for i, epoch in enumerate(epochs):
        source = entry(params.observed, i)
        searched = observed[source]
        if searched is None and epoch.searched:
            searched = read_layer(epoch.searched, "searched", report)
        without = [read_layer(source, role, report)
                   for role, source in (("ignore", epoch.ignore), ("unusable", epoch.unusable)) if source]
        known = searched is observed[source] and not without
        ground = shared[source] if known else _ground(searched, area, without)
        if ground is not None and ground.is_empty.all():
            raise InputError("statistics.no-ground", f"{epoch.name}: no observed ground lies in the area of interest.",
                             "Check that both show the same place, and their coordinate reference systems.")
        layer = _layer(epoch, ground, searched is None, params.used_of(i) or (MANUAL if params.series else None),
                       params.min_area_m2, report)
        yield _with_reference(layer, *params.reference_of(i), params.min_area_m2, report)


def _ground(
    observed: gpd.GeoDataFrame | None, area: gpd.GeoDataFrame | None, without: Sequence[gpd.GeoDataFrame]
) -> gpd.GeoDataFrame | None:
    within = [layer for layer in (observed, area) if layer is not None]
    return ground_of(within, without) if within else None


def _layer(
    epoch: Epoch, ground: gpd.GeoDataFrame | None, assumed: bool, used: str | None, min_area_m2: float, report: Report
) -> Layer:
    if ground is not None and not epoch.landslides:  # searched, and none found
        return Layer(epoch.name, clip(no_polygons(ground.crs), ground), ground, assumed, used or NOT_STATED)
    read = read_polygons(epoch.landslides or "")
    for message in read.report.messages:
        report.log(f"{epoch.name}: {message}")
    large, small = apply_minimum(read.frame, min_area_m2)
    said = read.report
    return Layer(epoch.name, clip(large, ground), ground, assumed, used_word(used, read.frame), n_read=said.n_read,
                 n_repaired=said.n_repaired, n_left_out=said.n_empty + said.n_not_polygon, n_small=len(small))


def _with_reference(
    layer: Layer, reference: str | None, ground: str | None, min_area_m2: float, report: Report
) -> Layer:
    """The drawn landslides go through the same bound as the mapped ones."""
    if reference is None:
        return layer
    drawn, _ = apply_minimum(read_layer(reference, "landslides", report), min_area_m2)
    return dataclasses.replace(layer, reference=drawn,
                               reference_ground=read_layer(ground, "searched", report) if ground else None)


def together(layers: Sequence[Layer]) -> Layer:
    """All layers as one; its ground is known only where all share it."""
    crs = layers[0].clipped.frame.crs
    frames = [in_crs(layer.clipped.frame, crs) for layer in layers]
    inside = [in_crs(gpd.GeoDataFrame(geometry=layer.clipped.inside, crs=layer.clipped.frame.crs), crs).geometry
              for layer in layers]
    ground = layers[0].ground if all(layer.ground is layers[0].ground for layer in layers) else None
    clipped = Clipped(stacked(frames), np.concatenate([np.asarray(parts, dtype=object) for parts in inside]),
                      sum(layer.clipped.n_outside for layer in layers))
    used = " and ".join(dict.fromkeys(layer.used for layer in layers))
    return Layer(TOGETHER, clipped, ground, layers[0].assumed, used, **{
        name: sum(getattr(layer, name) for layer in layers)
        for name in ("n_read", "n_repaired", "n_left_out", "n_small")})


