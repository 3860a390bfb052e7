"""Takes the staircase out of outlines that follow pixel edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

_PASSES = 2
_TOLERANCE_PX = 0.1  # drops the vertices that lie on a line


def smooth_outlines(geometries: Any, transform: Affine) -> NDArray[Any]:
    """Outlines through the midpoints of pixel edges, twice; each part keeps its area.

    The first pass gives the contour line that the binary map has at one half, the second rounds its 45° corners.
    Nothing moves by more than about half a pixel. A part would lose 0.5 px² a ring and pass, which is much for the
    smallest objects, so each is enlarged about its centroid to what it was.

    Args:
        geometries: (n,) Polygon and MultiPolygon that follow the pixel edges.
        transform: Of the raster that they come from.

    Returns:
        (n,) valid polygons and multipolygons.
    """
    in_pixels = shapely.transform(np.asarray(geometries, dtype=object), lambda xy: np.rint(_apply(~transform, xy)))
    parts, part_geom = shapely.get_parts(in_pixels, return_index=True)
    area = shapely.area(parts)
    smooth = shapely.segmentize(parts, 1.0)
    for _ in range(_PASSES):
        smooth = _midpoints(smooth)
    smooth = shapely.simplify(smooth, _TOLERANCE_PX, preserve_topology=True)
    smooth = np.array(
        [
            _scale(part, before) if part.area > 0 else original
            for part, original, before in zip(smooth, parts, area, strict=True)
        ],
        dtype=object,
    )
    joined = shapely.multipolygons(smooth, indices=part_geom)
    invalid = ~shapely.is_valid(joined)
    joined[invalid] = shapely.make_valid(joined[invalid], method="structure", keep_collapsed=False)
    moved: NDArray[Any] = shapely.transform(joined, lambda xy: _apply(transform, xy))
    return moved


def _midpoints(polygons: NDArray[Any]) -> NDArray[Any]:
    rings, ring_polygon = shapely.get_rings(polygons, return_index=True)
    xy, xy_ring = shapely.get_coordinates(rings, return_index=True)
    same = xy_ring[1:] == xy_ring[:-1]
    middle = ((xy[1:] + xy[:-1]) / 2)[same]
    new: NDArray[Any] = shapely.polygons(shapely.linearrings(middle, indices=xy_ring[1:][same]), indices=ring_polygon)
    return new


def _scale(part: Any, area: float) -> Any:
    centre = shapely.get_coordinates(shapely.centroid(part))
    factor = np.sqrt(area / part.area)
    return shapely.transform(part, lambda xy: centre + (xy - centre) * factor)


def _apply(transform: Affine, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = xy[:, 0], xy[:, 1]
    return np.column_stack([
        transform.a * x + transform.b * y + transform.c,
        transform.d * x + transform.e * y + transform.f,
    ])
