"""Polygons from and to disk. Geometry is never trusted: repaired and counted on reading, never relabelled."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyogrio.raw
import pyproj
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from ..contract.errors import InputError, OutputError
from .areas import densify
from .files import explain
from .stamp import stamped
from .vector_sources import find_layer, not_polygons

NOTABLE_CHANGE = 0.01  # a repair that changes more of the area than this is reported by row
_OGR_ERRORS = (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError)
_RESERVED = ("fid", "geom")  # columns that GeoPackage makes itself


@dataclass(frozen=True)
class ReadReport:
    """What reading a layer met.

    Attributes:
        n_read: Features in the layer.
        n_repaired: Invalid rings made valid.
        n_empty: Left out: missing or empty geometry, or nothing left after the repair.
        n_not_polygon: Left out: points or lines.
        messages: What the analyst should know, in plain words.
        rows_repaired: The `source_row` of the repaired ones.
    """

    n_read: int
    n_repaired: int = 0
    n_empty: int = 0
    n_not_polygon: int = 0
    messages: tuple[str, ...] = ()
    rows_repaired: tuple[int, ...] = ()


@dataclass(frozen=True)
class PolygonLayer:
    """Valid polygons and multipolygons in their own CRS.

    Attributes:
        frame: Original attributes, `source_row` (0-based place in the file) and `geometry`; may have no rows.
        report: What reading them met.
    """

    frame: gpd.GeoDataFrame
    report: ReadReport


def read_polygons(source: str | Path, *, layer: str | None = None, role: str = "landslides") -> PolygonLayer:
    """Reads the polygons of one layer.

    Args:
        source: Anything that OGR reads, also as QGIS writes it ("slides.gpkg|layername=2015"), also in a zip archive.
        layer: Name of the layer; default: the one that `source` names, else the one called like `role`, else the
            first layer of polygons.
        role: What the polygons are, for messages.

    Raises:
        InputError: No such file or layer, no CRS, or lines or points only.
    """
    found = find_layer(source, layer, role)
    try:
        frame = pyogrio.read_dataframe(
            found.dataset, layer=found.layer, where=found.where, force_2d=True, on_invalid="fix"
        )
    except (*_OGR_ERRORS, ValueError, shapely.errors.ShapelyError) as error:
        raise InputError(
            "vector.unreadable",
            f"{found.dataset} ({role}) cannot be read.",
            "Open the layer in QGIS, repair it and save it anew.",
            path=found.dataset,
            reason=str(error),
        ) from error
    crs = frame.crs
    if crs is None or not (crs.is_geographic or crs.is_projected):
        raise InputError(
            "vector.no-crs",
            f"{found.dataset} ({role}) has no coordinate reference system.",
            "Assign the right one to the layer in QGIS (Layer > Layer CRS > Set Layer CRS) and save it.",
            path=found.dataset,
        )
    polygons = clean(frame)
    report = polygons.report
    if report.n_not_polygon and report.n_not_polygon + report.n_empty == report.n_read:
        raise not_polygons(found.dataset, role, set(frame.geom_type.dropna()))
    messages = found.messages + tuple(f"{role}: {text}" for text in report.messages)
    return PolygonLayer(polygons.frame, dataclasses.replace(report, messages=messages))


def clean(frame: gpd.GeoDataFrame) -> PolygonLayer:
    """Keeps valid polygons only: invalid rings are repaired, parts that are no polygons are dropped.

    Overlapping parts of one feature become their union; area that a ring encloses twice counts once.
    """
    raw = shapely.force_2d(np.asarray(frame.geometry, dtype=object))
    raw[~np.isfinite(shapely.bounds(raw)).all(axis=1)] = None  # missing, empty, or coordinates that are no numbers
    missing = shapely.is_missing(raw)
    invalid = ~missing & ~shapely.is_valid(raw)
    geoms = raw.copy()
    geoms[invalid] = shapely.make_valid(raw[invalid], method="structure", keep_collapsed=False)
    geoms = np.array([_polygon_part(geom) for geom in geoms], dtype=object)
    gone = shapely.is_missing(geoms)
    # A line has dimension 1; a collapsed polygon had 2 before the repair.
    not_polygon = gone & ~missing & (shapely.get_dimensions(raw) < 2)

    messages = []
    empty, dropped = int((gone & ~not_polygon).sum()), int(not_polygon.sum())
    if invalid.any():
        messages.append(f"{_count(int(invalid.sum()), 'invalid polygon')} repaired.")
        before, after = shapely.area(raw[invalid]), shapely.area(geoms[invalid])
        changed = np.abs(after - before) > NOTABLE_CHANGE * np.maximum(after, before)
        if changed.any():
            rows = ", ".join(str(row) for row in np.flatnonzero(invalid)[changed][:20])
            messages.append(f"The repair changed the area of {_count(int(changed.sum()), 'polygon')} by more than "
                            f"{NOTABLE_CHANGE:.0%} (rows {rows}): look at them.")
    if empty:
        messages.append(f"{_count(empty, 'feature')} without an area left out.")
    if dropped:
        messages.append(f"{_count(dropped, 'feature')} left out: points or lines, not polygons.")
    kept = gpd.GeoDataFrame(
        frame.drop(columns=frame.geometry.name).assign(source_row=np.arange(len(frame)))[~gone].reset_index(drop=True),
        geometry=geoms[~gone],
        crs=frame.crs,
    )
    repaired = tuple(np.flatnonzero(invalid).tolist())
    return PolygonLayer(kept, ReadReport(len(frame), len(repaired), empty, dropped, tuple(messages), repaired))


def in_crs(frame: gpd.GeoDataFrame, crs: Any) -> gpd.GeoDataFrame:
    """The polygons in another CRS, with sides that stay where they were; what lies outside its domain is dropped."""
    if frame.crs == crs or frame.empty:
        return frame.to_crs(crs)
    dense = densify(np.asarray(frame.geometry, dtype=object), pyproj.CRS.from_user_input(frame.crs))
    moved = frame.set_geometry(gpd.GeoSeries(dense, index=frame.index, crs=frame.crs)).to_crs(crs)
    moved = moved[np.isfinite(moved.bounds.to_numpy()).all(axis=1)]
    invalid = ~moved.is_valid
    if invalid.any():
        fixed = shapely.make_valid(np.asarray(moved.geometry[invalid]), method="structure", keep_collapsed=False)
        moved.loc[invalid, moved.geometry.name] = fixed
    return moved


def no_polygons(crs: Any) -> gpd.GeoDataFrame:
    """What `read_polygons` gives of a layer without any."""
    return gpd.GeoDataFrame({"source_row": np.zeros(0, np.int64)}, geometry=[], crs=crs)


def stacked(frames: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """The rows of several frames, at least one, in one CRS."""
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=frames[0].crs)


def write_layers(
    path: Path, layers: Mapping[str, gpd.GeoDataFrame], metadata: Mapping[str, str] | None = None,
    descriptions: Mapping[str, str] | None = None,
) -> Path:
    """Writes a GeoPackage with these layers and no other, beside and then renamed.

    Polygons are written as MultiPolygon; dates without a time of day as dates; an empty layer keeps its columns.

    Args:
        path: GeoPackage to write.
        layers: By name.
        metadata: Of the file, beside what the run says of itself (`stamp`).
        descriptions: What stands in some of the layers, in words, by name.

    Raises:
        OutputError: The folder cannot be written.
    """
    partial = path.with_name(f"{path.stem}.partial.gpkg")
    leftovers = [partial.with_name(partial.name + ending) for ending in ("", "-journal", "-wal", "-shm")]
    try:
        for leftover in leftovers:  # of a run that was killed
            leftover.unlink(missing_ok=True)
        for name, frame in layers.items():
            _write_layer(partial, name, frame, stamped(metadata) or None, (descriptions or {}).get(name, ""))
        partial.replace(path)
    except _OGR_ERRORS as error:
        raise OutputError(
            "output.failed", f"{path} could not be written completely.",
            "The disk may be full: free some space or choose another folder.", path=str(path), reason=str(error),
        ) from error
    except OSError as error:
        raise explain(error, path) from error
    finally:
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
    return path


def _write_layer(
    path: Path, name: str, frame: gpd.GeoDataFrame, metadata: dict[str, str] | None, description: str
) -> None:
    geometry = frame.geometry
    columns = [column for column in frame.columns if column != geometry.name]
    data, masks = zip(*(_field(frame[column]) for column in columns), strict=True) if columns else ((), ())
    kinds = set(geometry.geom_type.dropna())
    polygonal = kinds <= {"Polygon", "MultiPolygon"}
    crs = pyproj.CRS.from_user_input(frame.crs)
    epsg = crs.to_epsg()
    pyogrio.raw.write(
        str(path),
        shapely.to_wkb(np.asarray(geometry, dtype=object)),
        list(data),
        _field_names(columns),
        field_mask=list(masks),
        layer=name,
        driver="GPKG",
        geometry_type="MultiPolygon" if polygonal else kinds.pop() if len(kinds) == 1 else "Unknown",
        promote_to_multi=polygonal,
        crs=f"EPSG:{epsg}" if epsg else crs.to_wkt(),
        dataset_metadata=metadata,
        layer_options={"DESCRIPTION": description} if description else None,
    )


def _field(column: pd.Series[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values and mask of the missing ones, in types that OGR has."""
    missing = column.isna().to_numpy()
    if column.dtype == object:
        column = column.convert_dtypes()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if column.dtype.kind == "M":
        values = column.to_numpy()
        days = values.astype("datetime64[D]")
        return (days if (days == values)[~missing].all() else values), missing
    if column.dtype.kind in "iufb":
        number: Any = {"b": np.bool_, "f": np.float64}.get(column.dtype.kind, np.int64)
        return column.to_numpy(dtype=number, na_value=number(0)), missing
    return np.array([None if gone else str(v) for v, gone in zip(column, missing, strict=True)], dtype=object), missing


def _field_names(columns: list[Any]) -> list[str]:
    """Names that a GeoPackage takes: it has its own fid and geom and does not tell upper from lower case."""
    taken = set(_RESERVED)
    names = []
    for column in columns:
        name = str(column)
        while name.lower() in taken:
            name += "_"
        taken.add(name.lower())
        names.append(name)
    return names


def _polygon_part(geom: Any) -> Any:
    """The polygon or multipolygon in a geometry, or None."""
    if geom is None or geom.is_empty:
        return None
    if geom.geom_type in ("Polygon", "MultiPolygon"):
        return geom
    if geom.geom_type != "GeometryCollection":
        return None
    return _polygon_part(shapely.union_all([_polygon_part(part) for part in geom.geoms]))


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
