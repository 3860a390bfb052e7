"""What the polygons of a map are told besides their outlines: their dates, and the ground below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from ...contract.dates import Days, days_text, read_days
from ...contract.errors import UsageError
from ...geo.dating import Sources, polygon_dates
from ...geo.grid import Grid
from ...geo.rasters import RasterWriter, open_raster, read_grid, read_window
from ...geo.scenes import NO_SOURCE, SceneInfo
from ...geo.terrain import check_dem


def dates_of(days: Sequence[Days | None], sources: np.ndarray | None) -> dict[str, Any]:
    """The options of `geo.polygonise` that give polygons their dates.

    Args:
        days: Of each image in use.
        sources: (H, W) uint8 which image each pixel came from; None where there is only one.
    """
    if sources is not None:
        return {"sources": Sources(days, lambda top, bottom: sources[top:bottom])}
    (only,) = days
    return {"date": only[0] if only and only[0] == only[1] else None}


def dates_from(path: Path, days: Sequence[Days | None], grid: Grid) -> dict[str, Any]:
    """Likewise from the raster that `sources_writer` left; there is none where there is only one image."""
    if len(days) == 1:
        return dates_of(days, None)
    return {"sources": _sources(path, days, grid)}


def with_days(frame: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """Polygons on a mosaic with their dates, as `geo.dating.object_dates` gives them.

    Args:
        frame: In any CRS; its rows are numbered from 0 on.
        path: Raster that `sources_writer` left.

    Raises:
        InputError: It cannot be read.
    """
    grid = read_grid(path)
    with open_raster(path) as source:
        tags = source.tags()
    days = [read_days(tags[f"days_{i}"]) if f"days_{i}" in tags else None
            for i in range(sum(name.startswith("source_") for name in tags))]
    return frame.assign(**polygon_dates(frame, grid, _sources(path, days, grid)))


def slopes_of(params: Any, dem: str | None) -> dict[str, Any]:
    """The options of `geo.polygonise` that tell polygons the ground below them."""
    return {} if dem is None else {"dem": Path(dem), "min_slope_deg": params.min_slope_deg}


def check_slopes(params: Any, dem: str | None) -> None:
    """Looks at the elevation model before any work.

    Raises:
        InputError: It cannot be used.
        UsageError: A least slope is asked for without one.
    """
    if dem is not None:
        check_dem(Path(dem))
    elif params.min_slope_deg is not None:
        raise UsageError("params.no-dem", "A least slope is given, but no elevation model.",
                         "Give the raster of elevations too (`dem`), or leave the slope out.")


def _sources(path: Path, days: Sequence[Days | None], grid: Grid) -> Sources:
    return Sources(days, lambda top, bottom: read_window(path, slice(top, bottom), slice(0, grid.width)))


@contextmanager
def sources_writer(
    path: Path, grid: Grid, scenes: Sequence[SceneInfo], days: Sequence[Days | None], tags: dict[str, Any]
) -> Iterator[RasterWriter | None]:
    """Takes windows of the raster that tells which image each pixel came from; None where there is only one image."""
    if len(scenes) == 1:
        yield None
        return
    names = {f"source_{number}": ", ".join(filter(None, (scene.path.name, days_text(span) if span else "")))
             for number, (scene, span) in enumerate(zip(scenes, days, strict=True))}
    names |= {f"days_{number}": days_text(span) for number, span in enumerate(days) if span}
    with RasterWriter(path, grid, "uint8", NO_SOURCE, descriptions=("image that the pixel came from",),
                      tags={**tags, **names, "unit": "number of the image"}) as writer:
        yield writer
