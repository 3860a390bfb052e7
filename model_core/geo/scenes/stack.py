"""The images of one date as one mosaic on the grid, read window by window."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import geopandas
import numpy as np
import shapely
from rasterio.features import rasterize

from ...contract.bands import canonical
from ...contract.errors import InputError
from ..grid import Grid
from ..vectors import in_crs, read_polygons
from .describe import SceneInfo
from .placement import Span, footprint
from .tile import Tile

# Stands in a raster of sources where no image has a usable pixel.
NO_SOURCE = 255
MAX_SCENES = NO_SOURCE


class SceneStack:
    """The images of one date on a grid; memory does not grow with their size.

    Where tiles overlap, the first valid pixel wins. A pixel is invalid where a used band is fill, where a mask beside
    the file or the polygons of unusable ground exclude it, and, after resampling, wherever an invalid pixel of the file
    has any share in it.

    Args:
        scenes: The image files, at least one.
        grid: Where the pixels are wanted.
        bands: Names of the bands in the order that is wanted.
        unusable: Polygons of clouds and the like, in any CRS: a frame, or a file (`file.gpkg|layername=clouds`).
        may_lack: Bands that the images need not have; where they do not, their values are 0.

    Attributes:
        lacking: The bands of these that they lack.
        scenes: The images that lie on the grid.
        paths: Their files.
        quantity: What the values are, see `SceneInfo`.
        notes: What the analyst should know, in plain sentences.

    Raises:
        InputError: The scenes do not fit each other, lack a band, or lie outside the grid; the polygons have no CRS.
    """

    def __init__(
        self,
        scenes: Sequence[SceneInfo],
        grid: Grid,
        bands: Sequence[str],
        unusable: geopandas.GeoDataFrame | geopandas.GeoSeries | str | Path | None = None,
        may_lack: Sequence[str] = (),
    ) -> None:
        self.grid = grid
        self.bands = tuple(canonical(band) for band in bands)
        check_alike(scenes)
        self.lacking = tuple(band for band in self.bands if band in may_lack and band not in scenes[0].bands)
        self._present = [place for place, band in enumerate(self.bands) if band not in self.lacking]
        _check_bands(scenes[0], [self.bands[place] for place in self._present])
        whole = Span(0, grid.height, 0, grid.width)
        self.scenes = tuple(scene for scene in scenes if not footprint(scene, grid).within(whole).empty)
        outside = [scene.path.name for scene in scenes if scene not in self.scenes]
        if not self.scenes:
            raise InputError(
                "scene.no-overlap", f"{', '.join(outside)}: no part of it lies in the study area.",
                "Check its coordinate system and the area of interest.", paths=[str(s.path) for s in scenes],
            )
        if len(self.scenes) > MAX_SCENES:
            raise InputError(
                "scene.too-many", f"A mosaic of {len(self.scenes)} images is more than {MAX_SCENES}.",
                "Join neighbouring images of one day before.", n=len(self.scenes),
            )
        self.paths = tuple(scene.path for scene in self.scenes)
        self.quantity = scenes[0].quantity
        self.notes = tuple(note for scene in self.scenes for note in scene.notes)
        self.notes += tuple(f"{name} lies outside the study area and is not used." for name in outside)
        self._unusable = _geometries(unusable, grid) if unusable is not None else None
        self._tiles: list[Tile] = []
        self._files = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            present = [self.bands[place] for place in self._present]
            self._tiles = [Tile(scene, self.grid, present, opening) for scene in self.scenes]
            self._files = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._tiles = []
        self._files.close()

    def read(self, rows: slice, cols: slice) -> tuple[np.ndarray, np.ndarray]:
        """Reads a window of the grid; it may reach over the edges of grid and scenes, where pixels are invalid.

        Args:
            rows, cols: Rows and columns of the grid; negative numbers lie before its first.

        Returns:
            Values (h, w, B) float32 with 0 where invalid, and valid (h, w) bool.

        Raises:
            InputError: A file is damaged; the message names it.
        """
        values, valid, _ = self.read_sources(rows, cols)
        return values, valid

    def read_sources(self, rows: slice, cols: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Reads a window as `read` does, and tells which image each pixel came from.

        Returns:
            Values, valid, and (h, w) uint8 place of the image in `scenes`; NO_SOURCE where invalid.

        Raises:
            InputError: A file is damaged; the message names it.
        """
        window = Span(rows.start, rows.stop, cols.start, cols.stop)
        values = np.zeros((*window.shape, len(self._present)), np.float32)
        valid = np.zeros(window.shape, bool)
        sources = np.zeros(window.shape, np.uint8)
        for number, tile in enumerate(self._tiles):
            part, tile_values, tile_valid = tile.read(window)
            if not tile_valid.any():
                continue
            if part == window and not valid.any():
                values, valid = tile_values, tile_valid  # the usual case: one image fills the window
                sources[:] = number
                if valid.all():
                    break
                continue
            here = part.seen_from(window)
            new = tile_valid & ~valid[here]
            values[here][new] = tile_values[new]
            sources[here][new] = number
            valid[here] |= new
            if valid.all():
                break
        if self._unusable is not None:
            lost = _touched(self._unusable, self.grid.window(rows, cols))
            valid &= ~lost
            values[lost] = 0
        sources[~valid] = NO_SOURCE
        if self.lacking:
            found, values = values, np.zeros((*window.shape, len(self.bands)), np.float32)
            values[..., self._present] = found
        return values, valid, sources


def check_alike(scenes: Sequence[SceneInfo]) -> None:
    """Refuses images that cannot become one mosaic.

    Raises:
        InputError: Their bands or units differ.
    """
    first = scenes[0]
    for other in scenes[1:]:
        for what, one, two in (("bands", sorted(first.bands), sorted(other.bands)),
                               ("units", [first.quantity], [other.quantity])):
            if one != two:
                raise InputError(
                    f"scene.{what}-differ",
                    f"{first.path.name} and {other.path.name} cannot be joined: their {what} differ "
                    f"({', '.join(one)}; {', '.join(two)}).",
                    "Give tiles of one kind for a date, or name the bands of each.",
                    paths=[str(first.path), str(other.path)],
                )


def _check_bands(scene: SceneInfo, bands: Sequence[str]) -> None:
    missing = [band for band in bands if band not in scene.bands]
    if missing:
        raise InputError(
            "scene.band-missing",
            f"{scene.path.name} has no band {' and no band '.join(missing)}; it has {', '.join(scene.bands)}.",
            "Choose bands that all images have, or check the names that were given for its bands.",
            path=str(scene.path), missing=missing, bands=scene.bands,
        )


def _geometries(unusable: geopandas.GeoDataFrame | geopandas.GeoSeries | str | Path, grid: Grid) -> geopandas.GeoSeries:
    """The polygons in the CRS of the grid."""
    shapes = read_polygons(unusable, role="unusable").frame if isinstance(unusable, (str, Path)) else unusable
    if shapes.crs is None:
        raise InputError("scene.unusable-no-crs", "The polygons of unusable ground have no coordinate system.",
                         "Set it in QGIS (Layer > Set CRS of Layer), then save them again.")
    geometries = in_crs(geopandas.GeoDataFrame(geometry=shapes.geometry), grid.crs).geometry
    return geometries[~(geometries.isna() | geometries.is_empty)].reset_index(drop=True)


def _touched(geometries: geopandas.GeoSeries, window: Grid) -> np.ndarray:
    """(h, w) bool: pixels that a polygon touches at all."""
    near = geometries.iloc[geometries.sindex.query(shapely.box(*window.bounds))]
    if len(near) == 0:
        return np.zeros(window.shape, bool)
    burnt = rasterize(near, window.shape, transform=window.transform, all_touched=True, dtype=np.uint8)
    return np.asarray(burnt, bool)
