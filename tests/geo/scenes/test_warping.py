"""Scenes in other coordinate systems, resolutions and orientations than the grid."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from scipy import ndimage

from model_core.contract.errors import InputError
from model_core.geo.grid import Grid, affine_points, choose_grid
from model_core.geo.scenes import SceneStack, describe, tile

UTM = "EPSG:32645"
GRID = Grid(UTM, Affine(5, 0, 300000, 0, -5, 3105000), 300, 200)
TURNED = Affine.translation(300750, 3104500) @ Affine.rotation(-20) @ Affine.scale(5, -5)
TURNED @= Affine.translation(-240, -250)
SOURCES = {
    "finer": (UTM, Affine(3, 0, 299900, 0, -3, 3105100), 600, 440),
    "half a pixel away": (UTM, Affine(5, 0, 299902.5, 0, -5, 3105102.5), 340, 240),
    "much finer": (UTM, Affine(0.8, 0, 299950, 0, -0.8, 3105050), 2000, 1400),
    "coarser": (UTM, Affine(12, 0, 299900, 0, -12, 3105100), 160, 110),
    "other zone": ("EPSG:32644", None, 340, 300),
    "degrees": ("EPSG:4326", None, 420, 300),
    "rotated": (UTM, TURNED, 480, 500),
    "south up": (UTM, Affine(5, 0, 299901, 0, 5, 3103801), 340, 300),
}


def place(source):
    """CRS, transform and size of a source; without a transform it is laid around the grid."""
    crs, transform, width, height = SOURCES[source]
    if transform is None:
        to = pyproj.Transformer.from_crs(UTM, crs, always_xy=True)
        left, bottom, right, top = to.transform_bounds(*GRID.bounds)
        dx, dy = (right - left) / (width - 30), (top - bottom) / (height - 30)
        transform = Affine(dx, 0, left - 15 * dx, 0, -dy, top + 15 * dy)
    return crs, transform, width, height


def ramp(x, y):
    """A plane over the eastings and northings of the grid."""
    return 2000 + (np.asarray(x) - 300000) + 0.7 * (3105000 - np.asarray(y))


def centres(transform, width, height):
    cols, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return affine_points(transform, cols, rows)


def write_ramp(path, source, make_raster):
    crs, transform, width, height = place(source)
    x, y = centres(transform, width, height)
    x, y = pyproj.Transformer.from_crs(crs, UTM, always_xy=True).transform(x, y)
    return make_raster(path, ramp(x, y).astype("float32")[np.newaxis], crs=crs, transform=transform, nodata=-1)


def read_all(scene, bands, grid=GRID):
    with SceneStack([scene], grid, bands) as stack:
        return stack.read(slice(0, grid.height), slice(0, grid.width))


@pytest.mark.parametrize("source", SOURCES)
def test_ground_comes_to_lie_where_it_belongs(tmp_path, make_raster, source):
    scene = describe(write_ramp(tmp_path / "a.tif", source, make_raster), ["red"])
    values, valid = read_all(scene, ["red"])
    assert valid.all()
    expected = ramp(*centres(GRID.transform, GRID.width, GRID.height))
    error_m = values[..., 0] - expected
    assert abs(error_m.mean()) < 0.005
    assert np.abs(error_m).max() < 0.5  # GDAL's filter for 1 to 2 pixels in one is coarse: a tenth of a pixel


@pytest.mark.parametrize("source", SOURCES)
def test_fill_does_not_bleed_into_valid_pixels(tmp_path, make_raster, source):
    crs, transform, width, height = place(source)
    array = np.full((2, height, width), 5000, "uint16")
    holes = np.random.default_rng(1).random((height, width)) < 3e-4
    array[0][holes] = 0
    array[1, :, : width // 3] = 0
    scene = describe(make_raster(tmp_path / "a.tif", array, crs=crs, transform=transform), ["red", "nir"])
    values, valid = read_all(scene, ["red", "nir"])
    assert 0.3 < valid.mean() < 0.9
    np.testing.assert_allclose(values[valid], 5000, rtol=1e-6)
    assert (values[~valid] == 0).all()


@pytest.mark.parametrize("source", ["finer", "other zone", "rotated", "much finer"])
def test_a_pixel_does_not_depend_on_the_window(tmp_path, make_raster, source):
    rng = np.random.default_rng(0)
    crs, transform, width, height = place(source)
    array = rng.integers(0, 9000, (1, height, width)).astype("uint16") * (rng.random((1, height, width)) > 0.001)
    path = make_raster(tmp_path / "a.tif", array.astype("uint16"), crs=crs, transform=transform)
    with SceneStack([describe(path, ["red"])], GRID, ["red"]) as stack:
        values, valid = stack.read(slice(0, 200), slice(0, 300))
        for row, col in ((0, 0), (37, 101), (150, 211), (199, 299)):
            rows, cols = slice(row, min(row + 61, 200)), slice(col, min(col + 64, 300))
            part, part_valid = stack.read(rows, cols)
            np.testing.assert_array_equal(part_valid, valid[rows, cols])
            np.testing.assert_allclose(part, values[rows, cols], atol=1)  # of 9000 from pixel to pixel: 1e-4 px


def test_large_sources_are_read_in_parts_with_the_same_result(tmp_path, make_raster, monkeypatch):
    rng = np.random.default_rng(0)
    crs, transform, width, height = place("much finer")
    path = make_raster(tmp_path / "a.tif", rng.integers(1, 9000, (1, height, width)).astype("uint16"), crs=crs,
                       transform=transform)
    scene = describe(path, ["red"])
    values, valid = read_all(scene, ["red"])
    monkeypatch.setattr(tile, "_SOURCE_PIXELS", 40_000)
    parts, parts_valid = read_all(scene, ["red"])
    np.testing.assert_array_equal(parts_valid, valid)
    np.testing.assert_allclose(parts, values, atol=1)


def test_finer_pixels_are_averaged_and_not_picked(tmp_path, make_raster):
    rng = np.random.default_rng(0)
    array = rng.integers(4000, 6000, (1, 1000, 1000)).astype("uint16")
    path = make_raster(tmp_path / "a.tif", array, transform=Affine(0.5, 0, 300000, 0, -0.5, 3105000))
    values, valid = read_all(describe(path, ["red"]), ["red"], Grid(UTM, GRID.transform, 100, 100))
    assert valid.all()
    # A triangle of 20 x 20 pixels leaves (2/3 / 10)^2 of the variance: 577 / 15 = 38.
    assert values.std() == pytest.approx(38, rel=0.15)


def test_tiles_that_only_touch_leave_no_seam(tmp_path, make_raster):
    left = make_raster(tmp_path / "l.tif", np.full((1, 400, 250), 700, "uint16"),
                       transform=Affine(3, 0, 299901, 0, -3, 3105101))
    right = make_raster(tmp_path / "r.tif", np.full((1, 400, 400), 700, "uint16"),
                        transform=Affine(3, 0, 299901 + 750, 0, -3, 3105101))
    with SceneStack([describe(p, ["red"]) for p in (left, right)], GRID, ["red"]) as stack:
        values, valid = stack.read(slice(0, 200), slice(0, 300))
    assert valid.all() and values == pytest.approx(700)


def test_a_mask_goes_through_the_same_warp(tmp_path, make_raster):
    name = "20221105_045800_61_2440_3B"
    transform = Affine(3, 0, 300000, 0, -3, 3105000)
    path = make_raster(tmp_path / f"{name}_AnalyticMS.tif", np.full((4, 400, 600), 700, "uint16"), transform=transform)
    udm2 = np.zeros((8, 400, 600), "uint8")
    udm2[5, 100:200, 200:300] = 1  # cloud: 300 m x 300 m
    make_raster(tmp_path / f"{name}_udm2.tif", udm2, transform=transform)
    _, valid = read_all(describe(path), ["red"])
    x, y = centres(GRID.transform, GRID.width, GRID.height)
    cloud = (x > 300600) & (x < 300900) & (y > 3104400) & (y < 3104700)
    near = (x > 300585) & (x < 300915) & (y > 3104385) & (y < 3104715)
    assert not valid[cloud].any() and valid[~near].all()


def test_no_overlap_is_refused_across_coordinate_systems(tmp_path, make_raster, counts):
    path = make_raster(tmp_path / "japan.tif", counts(1), crs="EPSG:4326",
                       transform=Affine(9e-5, 0, 141.9, 0, -9e-5, 42.7))
    with pytest.raises(InputError, match=r"japan\.tif: no part of it lies"):
        SceneStack([describe(path, ["red"])], GRID, ["red"])


def test_memory_does_not_grow_with_the_scene(tmp_path):
    path = tmp_path / "big.tif"
    profile = {"driver": "GTiff", "count": 3, "height": 30000, "width": 30000, "dtype": "uint16", "crs": UTM,
               "transform": Affine(1, 0, 300000, 0, -1, 3105000), "tiled": True, "sparse_ok": True}
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(np.full((3, 100, 100), 7, "uint16"), window=rasterio.windows.Window(20000, 20000, 100, 100))
    scene = describe(path, ["red", "green", "blue"])
    grid = choose_grid([scene], pixel_size_m=10)
    tracemalloc.start()
    with SceneStack([scene], grid, ["red", "green", "blue"]) as stack:
        values, valid = stack.read(slice(1800, 2312), slice(1800, 2312))  # 5120 x 5120 pixels of the file
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert valid.sum() == 8 * 8 and values[valid].min() == pytest.approx(7)
    assert peak < 300e6  # the whole file would be 5.4e9, the window read at once 6.3e8


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module")
def test_the_block_cache_is_limited(tmp_path):
    script = """
import resource, numpy, rasterio, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from model_core.geo.grid import Grid
from model_core.geo.rasters import RasterWriter, no_side_files
with rasterio.open(sys.argv[1], "w", driver="GTiff", count=1, height=16384, width=16384, dtype="uint16", tiled=True,
                   compress="deflate", zlevel=1, transform=rasterio.Affine(5, 0, 3e5, 0, -5, 3e6)) as raster:
    for row in range(0, 16384, 1024):
        raster.write(numpy.ones((1, 1024, 16384), "uint16"), window=rasterio.windows.Window(0, row, 16384, 1024))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with RasterWriter(Path(sys.argv[1] + "2.tif"), Grid("EPSG:32645", raster.transform, 600, 600), "uint8", None) as writer:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(writer.publish).result()  # what it sets in its thread must not outlive it
with no_side_files(), rasterio.open(sys.argv[1]) as raster:
    for row in range(0, 16384, 512):
        raster.read(1, window=rasterio.windows.Window(0, row, 16384, 512))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "a.tif")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 250  # 512 MiB of blocks were read


@pytest.mark.realdata
def test_atsuma_lies_on_10_m_pixels_of_its_utm_zone(shared_data):
    scenes = [describe(shared_data / "atsuma" / f"atsuma_2018_{name}.tif") for name in ("pre", "post")]
    grid = choose_grid(scenes)
    assert (grid.crs, grid.pixel_size_m) == ("EPSG:32654", 10.0)
    (pre, pre_valid), (post, post_valid) = (read_all(scene, scene.bands, grid) for scene in scenes)
    # The pre-image is a third empty without saying so; the grid's corners lie outside both images.
    assert post_valid.mean() == pytest.approx(0.973, abs=0.005)
    assert pre_valid.sum() / post_valid.sum() == pytest.approx(1 - 0.331, abs=0.01)
    assert not (pre_valid & ~post_valid).any()
    assert (pre[pre_valid] > 0).all()
    # An outside judge: scipy at the exact positions of pyproj.
    x, y = centres(grid.transform, grid.width, grid.height)
    lon, lat = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True).transform(x, y)
    cols, rows = affine_points(~scenes[1].transform, np.asarray(lon), np.asarray(lat))
    with rasterio.open(scenes[1].path) as raster:
        red = ndimage.map_coordinates(raster.read(3).astype(float), [rows - 0.5, cols - 0.5], order=1)
    step = tile.source_steps(scenes[1], grid)
    assert step[1] == pytest.approx(1.0, abs=0.02) and step[0] == pytest.approx(1.36, abs=0.02)
    difference = (post[..., 2] - red)[post_valid]
    assert abs(np.median(difference)) < 1 and np.abs(difference).mean() < 15  # the wider filter across, 1.36 px
