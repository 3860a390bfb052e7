"""Runs QGIS's own heatmap, in its own process, to compare with; for tests and benchmarks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine

# The wrapper of Debian's QGIS 3.22 does not start; what it wraps does.
QGIS_PROCESS = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
CRS = "EPSG:32645"


def write_points(points_m: np.ndarray, path: Path) -> None:
    """Writes (n, 2) x and y in metres as a point layer."""
    gpd.GeoDataFrame(geometry=shapely.points(points_m), crs=CRS).to_file(path)


def raw_quartic(points: Path, radius_m: float, pixel_size_m: float, out: Path) -> None:
    """Writes QGIS's heatmap: the sum of (1 - (d / r)^2)^2 over the points.

    Raises:
        RuntimeError: QGIS made none.
    """
    values = {"INPUT": points, "RADIUS": radius_m, "PIXEL_SIZE": pixel_size_m, "KERNEL": 0, "OUTPUT_VALUE": 0,
              "OUTPUT": out}
    told = subprocess.run(
        [str(QGIS_PROCESS), "run", "qgis:heatmapkerneldensityestimation", "--",
         *(f"{name}={value}" for name, value in values.items())],
        # A home of its own, without the Python and the PROJ of this process.
        env={"PATH": os.environ["PATH"], "HOME": str(out.parent), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True, text=True, check=False)
    if not out.exists():
        raise RuntimeError(told.stdout + told.stderr)


def read_heatmap(path: Path) -> tuple[np.ndarray, Affine]:
    """(H, W) float64, 0 where no point reaches, and where it lies."""
    with rasterio.open(path) as source:
        return source.read(1, masked=True).filled(0).astype(np.float64), source.transform
