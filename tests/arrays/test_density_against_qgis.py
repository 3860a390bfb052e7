"""QGIS's own heatmap as outside judge."""

import math

import numpy as np
import pytest

from model_core.arrays.density import density
from model_core.arrays.windows import Window
from tests import qgis_heatmap

pytestmark = pytest.mark.skipif(qgis_heatmap.QGIS_PROCESS is None, reason="QGIS is not installed")

RADIUS_M, CELL_M = 500.0, 5.0  # cell = r / 100


def test_density_agrees_with_the_raw_quartic_of_qgis(tmp_path):
    places = np.array([320_000.0, 3_108_000.0]) + np.random.default_rng(0).uniform(0, 600, (40, 2))
    qgis_heatmap.write_points(places, tmp_path / "points.gpkg")
    qgis_heatmap.raw_quartic(tmp_path / "points.gpkg", RADIUS_M, CELL_M, tmp_path / "heatmap.tif")
    raw, transform = qgis_heatmap.read_heatmap(tmp_path / "heatmap.tif")
    # QGIS's "scaled" quartic is wrong up to 3.40.3 (it integrates to 7.25), its raw one is right in every version.
    theirs = raw * 3e6 / (math.pi * RADIUS_M**2)

    points_px = np.column_stack([transform.f - places[:, 1], places[:, 0] - transform.c]) / CELL_M
    window = Window(slice(0, raw.shape[0]), slice(0, raw.shape[1]))
    ours = density(points_px, np.ones(len(places)), RADIUS_M / CELL_M, window) / (CELL_M**2 / 1e6)

    # QGIS writes each point's block of cells upside down: a point is drawn too high or too low, by up to a cell and by
    # another amount for each point, which no shift of the whole raster undoes. From cell to cell the kernel changes by
    # at most 1.5 % of its peak where a cell is a hundredth of the radius, and the shifts of many points even out.
    assert np.abs(ours - theirs).max() < 0.01 * ours.max()
    assert (ours * CELL_M**2 / 1e6).sum() == pytest.approx((theirs * CELL_M**2 / 1e6).sum(), rel=1e-6)
