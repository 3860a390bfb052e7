"""Draws random points on a map for an analyst to check."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely

from ....arrays.check_strata import (
    EARLIER,
    EDGE_INSIDE,
    EDGE_OUTSIDE,
    INSIDE,
    REST,
    STRATA,
    STRATUM_OF_ZONE,
    allocate,
    stratum_sizes,
    zones,
)
from ....arrays.codes import IGNORE
from ....arrays.windows import Window, grow, inside, tiles
from ....contract.errors import InputError
from ....contract.events import Report, Result
from ....contract.params.check_sample import CheckSampleParams
from ....geo.areas import area_m2
from ....geo.check_points import SampleDesign, write_points
from ....geo.classes import PixelClass, class_writer
from ....geo.grid import Grid
from ....geo.rasters import no_side_files, open_raster, read_grid, read_window, readable
from ..judging.maps import READ_PX, LandslideMap, PolygonMap, RasterMap, ground_pixel_m2
from ..judging.reference import BurnedLayer, layer_stem, read_layer
from ..runs import new_run

ZONE_CLASSES = {
    REST: PixelClass("no landslide mapped", (236, 236, 232, 255)),
    INSIDE: PixelClass("landslide", (178, 34, 34, 255)),
    EDGE_INSIDE: PixelClass("edge, mapped as landslide", (222, 119, 52, 255)),
    EDGE_OUTSIDE: PixelClass("edge, mapped as none", (244, 202, 140, 255)),
    EARLIER: PixelClass("earlier landslide, not mapped", (69, 117, 180, 255)),
    IGNORE: PixelClass("not checked", (0, 0, 0, 0)),
}
_NAMES = tuple(STRATA)
_UNEVEN = 0.01  # pixels may differ in size on the ground by this much


def draw_points(params: CheckSampleParams, report: Report) -> Result:
    """Writes check_points.gpkg and strata.tif.

    Raises:
        InputError: A file cannot be read, or no ground can be checked.
        OutputError: The results cannot be written.
    """
    ground = _Ground(params, report)
    grid = ground.grid
    _check_even(grid)
    windows = tiles(*grid.shape, READ_PX)
    counts = np.zeros((len(windows), len(ZONE_CLASSES) - 1), np.int64)
    out = Path(params.out)
    with new_run("check-sample", params) as folder, no_side_files():
        report.stage("Measuring the strata")
        with class_writer(folder / "strata.tif", grid, ZONE_CLASSES, IGNORE, {"map": ground.name},
                          "strata of the check points") as writer:
            for number, window in enumerate(windows):
                zone = ground.zones(window)
                counts[number] = np.bincount(zone[zone != IGNORE], minlength=counts.shape[1])
                writer.write(zone, window.rows.start, window.cols.start)
                report.progress((number + 1) / len(windows))
        sizes = stratum_sizes(counts.sum(axis=0))
        if not sizes.sum():
            raise InputError("sample.no-ground", "There is no ground to check: the map says nothing inside it.",
                             "Check that map, grid and the ground to check lie in the same place.")
        wanted = {number: count for number, name in enumerate(_NAMES) if (count := getattr(params, f"n_{name}"))}
        n_points = allocate(sizes, params.n_points, params.n_min, wanted)
        report.stage("Drawing points")
        rows, cols, drawn = _place(folder / "strata.tif", windows, counts, n_points, params.seed)
        design = SampleDesign(ground.name, drawn.tolist(), counts.sum(axis=0).tolist(), ground_pixel_m2(grid),
                              params.edge_px, params.seed)
        strata = [_NAMES[STRATUM_OF_ZONE[zone]] for zone in design.zones]
        write_points(folder / "check_points.gpkg", grid, rows, cols, strata, design)
        report.progress(1.0)
    for name, size in zip(_NAMES, sizes, strict=True):
        if not size and (name != "earlier" or params.earlier):
            report.warn(f"The stratum {name} has no pixel and is left out.")
    report.log("Fill in the column answer for every point: yes if the pixel around it is landslide for its larger "
               "part, no, or unsure. Look at the image and not at the map, in the order of id.")
    rows_shown = [{"stratum": name, "pixels": int(size), "area [m²]": size * design.pixel_m2, "points": int(n)}
                  for name, size, n in zip(_NAMES, sizes, n_points, strict=True) if size]
    return Result({"points_to_check": str(out / "check_points.gpkg"), "strata": str(out / "strata.tif")},
                  {"points drawn": rows_shown})


class _Ground:
    """What is known of each pixel before the check."""

    def __init__(self, params: CheckSampleParams, report: Report) -> None:
        self.image = None if params.prediction else Path(params.grid or "")
        self.name = layer_stem(params.prediction or params.polygons or "")
        self.mapped: LandslideMap
        if self.image is None:
            self.mapped = RasterMap(Path(params.prediction or ""), params.threshold)
        else:
            landslides = read_layer(params.polygons or "", "landslides", report)
            self.mapped = PolygonMap(landslides, read_grid(self.image))
        self.grid = self.mapped.grid
        self._edge_px = params.edge_px
        self._searched, self._earlier = (
            BurnedLayer(read_layer(source, role, report), self.grid) if source else None
            for source, role in ((params.searched, "searched"), (params.earlier, "earlier"))
        )

    def zones(self, window: Window) -> np.ndarray:
        """(h, w) uint8 zones of arrays/check_strata.py."""
        around = grow(window, self._edge_px, *self.grid.shape)
        codes, part = self.mapped.codes(around), self.grid.window(*around)
        if self.image is not None:
            with open_raster(self.image) as source, readable(self.image):
                rows, cols = ((part.start, part.stop) for part in around)
                codes[source.read_masks(1, window=(rows, cols)) == 0] = IGNORE
        if self._searched is not None:
            codes[~self._searched.covers(part)] = IGNORE
        earlier = np.zeros(codes.shape, bool) if self._earlier is None else self._earlier.covers(part)
        return zones(codes, earlier, self._edge_px)[inside(window, around)]


def _check_even(grid: Grid) -> None:
    """Points stand for area only where pixels are of one size."""
    rows = [slice(row, row + 1) for row in (0, grid.height - 1)]
    corners = [grid.window(row, slice(col, col + 1)) for row in rows for col in (0, grid.width - 1)]
    areas = area_m2([shapely.box(*corner.bounds) for corner in corners], grid.crs)
    if np.ptp(areas) > _UNEVEN * areas.max():
        raise InputError(
            "sample.uneven-pixels", "The pixels of the map are not of one size on the ground.",
            "Bring it into a metric coordinate system such as the UTM zone (Raster > Projections > Warp).",
        )


def _place(
    strata: Path, windows: list[Window], counts: np.ndarray, n_points: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, column and zone of random pixels, without replacement, in random order."""
    rng = np.random.default_rng(seed)
    per_window = np.stack([counts[:, members].sum(axis=1) for members in STRATA.values()], axis=1)
    starts = np.vstack([np.zeros_like(per_window[:1]), per_window.cumsum(axis=0)])
    chosen = [np.sort(rng.choice(int(total), int(n), replace=False)) if n else np.zeros(0, np.int64)
              for total, n in zip(starts[-1], n_points, strict=True)]
    found = []
    for number, window in enumerate(windows):
        here = [picks[(picks >= first) & (picks < last)] - first
                for picks, first, last in zip(chosen, starts[number], starts[number + 1], strict=True)]
        if not any(picks.size for picks in here):
            continue
        zone = read_window(strata, *window)
        for picks, members in zip(here, STRATA.values(), strict=True):
            row, col = np.divmod(np.flatnonzero(np.isin(zone, members))[picks], zone.shape[1])
            found.append(np.stack([row + window.rows.start, col + window.cols.start, zone[row, col]]))
    rows, cols, drawn = rng.permutation(np.concatenate(found, axis=1), axis=1)
    return rows, cols, drawn
