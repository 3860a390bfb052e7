"""Writes simulated images as RapidEye's ground segment would deliver them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
from affine import Affine

from ...contract.bands import BANDS
from ...geo.grid import Grid
from ...geo.rasters import RasterWriter
from ...simulate.metadata import l3a_metadata
from ...simulate.sensor import Sky, to_counts

PIXEL_SIZE_M = 5.0
EPSG = 32645
# Upper left corner somewhere in the Himalaya; the mountains are invented.
CORNER_M = (320_000.0, 3_115_000.0)
REMARK = "Simulated: invented mountains, landslides and images; no real place."
TAGS = {"simulated": "yes", "remark": REMARK}
_FILL, _CLOUD = 1, 2  # bits of the unusable-data mask


def invented_grid(size_px: int) -> Grid:
    """A square grid of RapidEye's pixels."""
    transform = Affine(PIXEL_SIZE_M, 0, CORNER_M[0], 0, -PIXEL_SIZE_M, CORNER_M[1])
    return Grid(f"EPSG:{EPSG}", transform, size_px, size_px)


def write_scene(
    folder: Path, grid: Grid, reflectance: np.ndarray, day: date, sky: Sky, cloudy: np.ndarray | None = None
) -> str:
    """Writes image, unusable-data mask and metadata under the names that the sensor's ground segment gives.

    Args:
        folder: Where to.
        grid: Of the image.
        reflectance: (H, W, 5) float32 at the top of the atmosphere.
        day: Of the image.
        sky: Of that day.
        cloudy: (H, W) bool: what the mask calls cloud.

    Returns:
        The name of the image file.
    """
    counts = to_counts(reflectance, sky.sun_elevation_deg, day)
    # The swath ends inside the tile: a slanting edge of fill, as in real tiles.
    rows, cols = np.mgrid[: grid.height, : grid.width]
    fill = cols + 0.2 * rows < 0.03 * grid.width
    counts[fill] = 0
    flags = np.where(fill, _FILL, 0 if cloudy is None else _CLOUD * cloudy).astype(np.uint8)
    stem = f"4520613_{day.isoformat()}_RE1_3A_simulated"
    image, mask = f"{stem}.tif", f"{stem}_udm.tif"
    with RasterWriter(folder / image, grid, "uint16", None, len(BANDS), BANDS, TAGS,
                      unit="counts of 0.01 W/m²/sr/µm") as writer:
        writer.write(np.moveaxis(counts, -1, 0), 0, 0)
    with RasterWriter(folder / mask, grid, "uint8", None, 1, ["unusable data"], TAGS,
                      unit="bits: 1 = no image, 2 = cloud") as writer:
        writer.write(flags, 0, 0)
    xml = l3a_metadata(image, mask, day, sky, EPSG, grid.width, len(BANDS))
    (folder / f"{stem}_metadata.xml").write_text(xml, encoding="utf-8")
    return image
