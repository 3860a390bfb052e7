import numpy as np
import pytest
import shapely
from affine import Affine

from model_core.geo import observed
from model_core.geo.grid import Grid
from model_core.geo.observed import is_raster, observed_ground

GRID = Grid("EPSG:32645", Affine(5, 0, 320000, 0, -5, 3110000), 90, 70)


@pytest.mark.parametrize("size_px", [1024, 32])
def test_the_outline_holds_exactly_the_observed_pixels(monkeypatch, size_px):
    monkeypatch.setattr(observed, "_READ_PX", size_px)
    mask = np.random.default_rng(0).random(GRID.shape) < 0.7
    (ground,) = observed_ground(GRID, lambda window: mask[window]).geometry
    assert ground.is_valid and ground.area == pytest.approx(25 * mask.sum())
    rows, cols = np.indices(GRID.shape)
    centres = shapely.points(320002.5 + 5 * cols, 3109997.5 - 5 * rows)
    assert (shapely.contains(ground, centres) == mask).all()


def test_ground_that_was_never_seen_is_empty():
    assert observed_ground(GRID, lambda window: np.zeros(GRID.shape, bool)[window]).is_empty.all()


@pytest.mark.parametrize(("source", "raster"), [("a.tif", True), ("A.TIFF", True), ("a.gpkg|layername=x.tif", False),
                                                ("a.gpkg", False), ("/vsizip/a.zip/b.shp", False)])
def test_rasters_are_told_by_their_names(source, raster):
    assert is_raster(source) is raster
