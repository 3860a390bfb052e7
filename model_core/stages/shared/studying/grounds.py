"""The observed ground of every date of a study, to which numbers and densities refer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from ....contract.events import Report
from ....contract.series import Epoch, Series
from ....geo.clipping import ground_of
from ....geo.vectors import in_crs, stacked, write_layers
from ..judging.maps import observed_by
from ..judging.reference import read_layer

DRAWN, MAPPED = "drawn", "mapped"  # where landslides of these kinds would have been found
DRAWN_AROUND = "drawn_around"  # the first of them, and searched ground beyond the area beside it


def write_grounds(
    path: Path, series: Series, maps: Mapping[str, Mapping[str, str]], report: Report
) -> dict[tuple[str, str], str | None]:
    """Writes a GeoPackage with the layers `drawn`, `mapped` and `drawn_around`, a feature a date.

    Mapped landslides would have been found wherever the date was observed inside the area, without doubtful ground;
    drawn ones on the searched part of it. Beyond the area no map need tell what was observed: there drawn landslides
    would have been found wherever was searched, without doubtful ground.

    Args:
        path: GeoPackage to write.
        series: Its area and the layers of its dates.
        maps: By date, of those that were mapped; the raster `binary` tells what was observed.
        report: Told where nothing was observed.

    Returns:
        The ground by layer and date, as other stages read it; None where nothing was observed.

    Raises:
        InputError: A file cannot be read.
        OutputError: The GeoPackage cannot be written.
    """
    area = [read_layer(series.area, "area of interest", report)] if series.area else []
    found: dict[tuple[str, str], gpd.GeoDataFrame] = {}
    for epoch in series.epochs:
        if epoch.name in maps:
            report.check()
            left_out = _left_out(epoch, report)
            seen = ground_of([observed_by(Path(maps[epoch.name]["binary"])), *area], left_out)
            searched = [read_layer(epoch.searched, "searched", report)] if epoch.searched else []
            found[MAPPED, epoch.name] = seen
            found[DRAWN, epoch.name] = found[DRAWN_AROUND, epoch.name] = ground_of([seen, *searched], [])
            if searched and area:
                beyond = ground_of([in_crs(searched[0], seen.crs)], [*area, *left_out])
                found[DRAWN_AROUND, epoch.name] = _both(found[DRAWN, epoch.name], beyond)
    if not found:
        return {}
    write_layers(path, {layer: stacked([ground.assign(name=name) for (kind, name), ground in found.items()
                                        if kind == layer]) for layer in (DRAWN, MAPPED, DRAWN_AROUND)})
    for (kind, name), ground in found.items():
        if kind != DRAWN_AROUND and ground.is_empty.all():
            report.warn(f"{name}: nothing of the ground on which landslides could be {kind} was observed. It is not "
                        "counted.")
    return {(kind, name): None if ground.is_empty.all() else of_date(str(path), kind, "name", name)
            for (kind, name), ground in found.items()}


def of_date(path: str, layer: str, column: str, name: str) -> str:
    """The features of one date in a layer of all."""
    quoted = name.replace("'", "''")
    return f"{path}|layername={layer}|subset={column} = '{quoted}'"


def _both(inside: gpd.GeoDataFrame, beyond: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Ground in the area and beyond it as one multipolygon; the first alone where nothing lies beyond."""
    if inside.is_empty.all() or beyond.is_empty.all():
        return inside
    parts = shapely.get_parts(np.concatenate([inside.geometry.to_numpy(), beyond.geometry.to_numpy()]))
    return gpd.GeoDataFrame(geometry=[shapely.union_all(parts)], crs=inside.crs)


def _left_out(epoch: Epoch, report: Report) -> list[gpd.GeoDataFrame]:
    return [read_layer(source, role, report)
            for role, source in (("ignore", epoch.ignore), ("unusable", epoch.unusable)) if source]
