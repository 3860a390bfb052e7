"""The grid on which all images, labels and results of a study lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyproj
from affine import Affine
from rasterio.warp import transform as transform_points

from ..contract.errors import InputError, UsageError
from .metric import AREA_TOLERANCE, checked, has_metres

if TYPE_CHECKING:
    from .scenes import SceneInfo

Bounds = tuple[float, float, float, float]  # left, bottom, right, top


@dataclass(frozen=True)
class Grid:
    """Rows and columns in a metric coordinate system.

    Attributes:
        crs: What rasterio and pyproj parse; "EPSG:32645" where it has a code.
        transform: From (column, row) to (x, y), at the upper left corners of pixels.
        width, height: Columns and rows.
    """

    crs: str
    transform: Affine
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.height, self.width

    @property
    def pixel_area_m2(self) -> float:
        """Area of a pixel in the plane of the CRS."""
        return abs(self.transform.determinant)

    @property
    def pixel_size_m(self) -> float:
        """Side of a pixel in the plane of the CRS; of the square of the same area where it is no square."""
        return math.sqrt(self.pixel_area_m2)

    @property
    def bounds(self) -> Bounds:
        """Left, bottom, right, top in the CRS."""
        columns, rows = np.array([0, self.width, 0, self.width]), np.array([0, 0, self.height, self.height])
        x, y = affine_points(self.transform, columns, rows)
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    def window(self, rows: slice, cols: slice) -> Grid:
        """The part of the grid in these rows and columns; it may reach over the edge."""
        shift = Affine.translation(cols.start, rows.start)
        return Grid(self.crs, self.transform @ shift, cols.stop - cols.start, rows.stop - rows.start)


def choose_grid(
    scenes: Sequence[SceneInfo],
    crs: str | None = None,
    pixel_size_m: float | None = None,
    aoi_bounds: Bounds | None = None,
    aoi_crs: str | None = None,
) -> Grid:
    """The grid of a study: north up, square pixels, metric.

    Where a scene has the wanted CRS and pixel size, the grid takes over its pixels, so that it is not resampled.

    Args:
        scenes: The images; the first one decides what is not given.
        crs: CRS of the grid. If not given: that of the first scene where it measures ground metres, else the UTM
            zone of its centre (images in degrees, in feet, or in web Mercator, whose metres are none).
        pixel_size_m: If not given: the ground size of the first scene's pixels. Images in degrees take their
            north-south size (the one that does not shrink towards the poles), others the mean of both.
        aoi_bounds: Area of interest. If not given: all that the scenes cover.
        aoi_crs: CRS of `aoi_bounds`; that of the grid if not given.

    Raises:
        UsageError: `crs` is not a metric CRS, or the pixel size is not positive.
        InputError: The area of interest and the scenes do not overlap.
    """
    if pixel_size_m is not None and not pixel_size_m > 0:
        raise UsageError("grid.pixel-size", f"A pixel size of {pixel_size_m:g} m is not possible.",
                         "Give a pixel size above 0, in metres.", pixel_size_m=pixel_size_m)
    first = scenes[0]
    target = checked(crs, lambda given: _measures_ground_metres(given, first), lambda: _utm(first)) if crs \
        else _own_crs(first)
    size = pixel_size_m or _ground_size_m(first, target)
    covered = _union([_outline_bounds(scene, target) for scene in scenes])
    wanted = covered
    if aoi_bounds is not None:
        wanted = _reproject_bounds(aoi_bounds, aoi_crs or target, target)
        if not _overlap(wanted, covered):
            raise InputError(
                "grid.no-overlap", "The area of interest lies outside all images.",
                "Check the coordinate systems of the area and of the images.", area=wanted, images=covered,
            )
    x0, y0 = _origin(scenes, target, size)
    # A millionth of a pixel absorbs rounding, so that a scene on the grid does not gain an empty row.
    left, top = math.floor((wanted[0] - x0) / size + 1e-6), math.ceil((wanted[3] - y0) / size - 1e-6)
    right, bottom = math.ceil((wanted[2] - x0) / size - 1e-6), math.floor((wanted[1] - y0) / size + 1e-6)
    return Grid(target, Affine(size, 0, x0 + left * size, 0, -size, y0 + top * size), right - left, top - bottom)


def outline(transform: Affine, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (x, y) along the border of a raster, close enough for its shape in another CRS."""
    side = np.linspace(0, 1, 22)
    zero, one = np.zeros_like(side), np.ones_like(side)
    columns, rows = np.concatenate([side, one, side, zero]) * width, np.concatenate([zero, side, one, side]) * height
    return affine_points(transform, columns, rows)


def affine_points(transform: Affine, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Many points through one affine transform."""
    t = transform
    return t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f


def reproject_points(x: np.ndarray, y: np.ndarray, source: str, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Points in another CRS, by the same rules that images are warped by; inf where there is no answer."""
    if source == target:
        return x, y
    there = transform_points(source, target, x.tolist(), y.tolist())
    return np.asarray(there[0]), np.asarray(there[1])


def _own_crs(scene: SceneInfo) -> str:
    return scene.crs if _measures_ground_metres(pyproj.CRS.from_user_input(scene.crs), scene) else _utm(scene)


def _measures_ground_metres(crs: pyproj.CRS, scene: SceneInfo) -> bool:
    if not has_metres(crs):
        return False
    lon, lat = _centre(scene)
    return bool(abs(pyproj.Proj(crs).get_factors(lon, lat).areal_scale - 1) < AREA_TOLERANCE)


def _utm(scene: SceneInfo) -> str:
    lon, lat = _centre(scene)
    zone = int((lon + 180) // 6) % 60 + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def _centre(scene: SceneInfo) -> tuple[float, float]:
    x, y = scene.transform @ (scene.width / 2, scene.height / 2)
    lon, lat = reproject_points(np.array([x]), np.array([y]), scene.crs, "EPSG:4326")
    return float(lon[0]), float(lat[0])


def _ground_size_m(scene: SceneInfo, target: str) -> float:
    """Ground size of a scene's pixels in the CRS of the grid, rounded unless it is the grid's own."""
    if _is_on_crs(scene, target):
        return float(scene.transform.a)
    column, row = scene.width / 2, scene.height / 2
    corners = [scene.transform @ p for p in ((column, row), (column + 1, row), (column, row + 1))]
    x, y = reproject_points(np.array([c[0] for c in corners]), np.array([c[1] for c in corners]), scene.crs, target)
    east_west, north_south = math.hypot(x[1] - x[0], y[1] - y[0]), math.hypot(x[2] - x[0], y[2] - y[0])
    degrees = pyproj.CRS.from_user_input(scene.crs).is_geographic
    return _rounded(north_south if degrees else (east_west + north_south) / 2)


def _rounded(size: float) -> float:
    """The shortest number within 2 % of `size`."""
    digits = -math.floor(math.log10(size))
    while abs(round(size, digits) / size - 1) > 0.02:
        digits += 1
    return round(size, digits)


def _is_on_crs(scene: SceneInfo, target: str) -> bool:
    t = scene.transform
    return bool(scene.crs == target and t.b == t.d == 0 and t.a > 0 and math.isclose(t.a, -t.e, rel_tol=1e-9))


def _origin(scenes: Sequence[SceneInfo], target: str, size: float) -> tuple[float, float]:
    for scene in scenes:
        if _is_on_crs(scene, target) and math.isclose(scene.transform.a, size, rel_tol=1e-9):
            return scene.transform.c, scene.transform.f
    return 0.0, 0.0


def _outline_bounds(scene: SceneInfo, target: str) -> Bounds:
    x, y = reproject_points(*outline(scene.transform, scene.width, scene.height), scene.crs, target)
    return _extent(x, y, scene.path.name)


def _reproject_bounds(bounds: Bounds, source: str, target: str) -> Bounds:
    left, bottom, right, top = bounds
    x, y = reproject_points(*outline(Affine(right - left, 0, left, 0, bottom - top, top), 1, 1), source, target)
    return _extent(x, y, "The area of interest")


def _extent(x: np.ndarray, y: np.ndarray, what: str) -> Bounds:
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("grid.unreachable", f"{what} cannot be brought into the coordinate system of the grid.",
                         "Check the coordinate system of the file, or choose another one for the grid.")
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _union(bounds: Sequence[Bounds]) -> Bounds:
    left, bottom, right, top = zip(*bounds, strict=True)
    return min(left), min(bottom), max(right), max(top)


def _overlap(a: Bounds, b: Bounds) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
