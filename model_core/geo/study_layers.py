"""All polygons of a study in one GeoPackage, each with its date."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd

from .areas import area_m2
from .vectors import in_crs, read_polygons, write_layers

_OWN = ("epoch", "area_m2", "prob_mean", "prob_min", "in_training", "model_id", "geometry")


def collect(path: Path, crs: str, layers: Mapping[str, Mapping[str, str]]) -> None:
    """Writes one layer of polygons for each kind, the dates below each other.

    Args:
        path: GeoPackage to write.
        crs: Of all layers.
        layers: For each layer's name the polygon sources by the name of their date.

    Raises:
        InputError: A source cannot be read.
        OutputError: The GeoPackage cannot be written.
    """
    write_layers(path, {name: _joined(sources, crs) for name, sources in layers.items() if sources})


def _joined(sources: Mapping[str, str], crs: str) -> gpd.GeoDataFrame:
    frames = []
    for epoch, source in sources.items():
        frame = in_crs(read_polygons(source, role="landslides").frame, crs)
        frame = frame[[column for column in _OWN if column in frame.columns]].copy()
        frame["area_m2"] = area_m2(frame.geometry, crs)
        frame.insert(0, "epoch", epoch)
        frames.append(frame)
    filled = [frame for frame in frames if len(frame)] or frames[:1]  # pandas warns where it joins empty frames
    return gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), crs=crs)
