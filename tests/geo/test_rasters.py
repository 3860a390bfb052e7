import subprocess
import sys

import numpy as np
import pytest
import rasterio
from affine import Affine

from model_core.contract.errors import InputError, OutputError
from model_core.geo.grid import Grid
from model_core.geo.rasters import RasterWriter, open_raster, read_grid, read_window
from model_core.geo.stamp import stamp

GRID = Grid("EPSG:32645", Affine(5, 0, 300000.123456789, 0, -5, 3105000), 1100, 1300)


def write(path, array, grid=None, dtype=None, nodata=255, **more):
    array = np.asarray(array)
    grid = grid or Grid(GRID.crs, GRID.transform, array.shape[-1], array.shape[-2])
    count = array.shape[0] if array.ndim == 3 else 1
    with RasterWriter(path, grid, dtype or array.dtype.name, nodata, count, **more) as out:
        out.write(array, 0, 0)
    return path


def test_windows_become_a_cloud_optimised_geotiff(tmp_path):
    probability = np.random.default_rng(0).random(GRID.shape, dtype="float32")
    probability[100:200, 50:70] = np.nan
    path = tmp_path / "probability 2015 नेपाल.tif"
    with RasterWriter(path, GRID, "float32", np.nan, descriptions=["landslide probability"],
                      tags={"MODEL": 'a "b" & <c>'}) as out:
        for row in range(0, 1300, 317):
            for col in range(0, 1100, 400):
                out.write(probability[row : row + 317, col : col + 400], row, col)
    with rasterio.open(path) as raster:
        np.testing.assert_array_equal(raster.read(1), probability)
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.overviews(1) == [2, 4]
        assert (raster.profile["tiled"], raster.block_shapes) == (True, [(512, 512)])
        assert raster.compression.name == "deflate" and np.isnan(raster.nodata)
        assert (raster.crs.to_epsg(), raster.transform, raster.shape) == (32645, GRID.transform, GRID.shape)
        assert raster.descriptions == ("landslide probability",)
        assert raster.tags()["MODEL"] == 'a "b" & <c>'
        half = raster.read(1, out_shape=(650, 550))
    blocks = probability.reshape(650, 2, 550, 2).mean(axis=(1, 3))
    assert np.nanmax(np.abs(half - blocks)) < 1e-6
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


def test_overviews_of_classes_hold_classes_only(tmp_path):
    classes = np.where(np.random.default_rng(0).random((1200, 1200)) < 0.5, 255, 1).astype("uint8")
    with rasterio.open(write(tmp_path / "a.tif", classes)) as raster:
        assert set(np.unique(raster.read(1, out_shape=(300, 300)))) <= {1, 255}


def test_what_is_not_written_is_nodata(tmp_path):
    path = tmp_path / "a.tif"
    with RasterWriter(path, GRID, "uint8", 255) as out:
        out.write(np.ones((3, 4), "uint8"), 1297, 1096)
    with rasterio.open(path) as raster:
        values = raster.read(1)
    assert (values == 255).sum() == values.size - 12 and (values[-3:, -4:] == 1).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_several_bands_of_any_type_come_back(tmp_path, dtype):
    array = (np.random.default_rng(0).random((3, 50, 70)) * 100).astype(dtype)
    with rasterio.open(write(tmp_path / "a.tif", array, nodata=0, descriptions=["x", "y"])) as raster:
        np.testing.assert_array_equal(raster.read(), array)
        assert (raster.dtypes[0], raster.nodata, raster.descriptions) == (dtype, 0, ("x", "y", None))


def test_later_windows_overwrite_earlier_ones(tmp_path):
    path = tmp_path / "a.tif"
    with RasterWriter(path, Grid(GRID.crs, GRID.transform, 10, 10), "uint8", 255) as out:
        out.write(np.zeros((10, 10), "uint8"), 0, 0)
        out.write(np.ones((5, 5), "uint8"), 2, 3)
    assert read_window(path, slice(0, 10), slice(0, 10)).sum() == 25


@pytest.mark.parametrize(("shape", "row", "col"), [
    ((5, 5), 1296, 0), ((5, 5), 0, 1096), ((5, 5), -1, 0), ((2, 5, 5), 0, 0)])
def test_a_window_that_does_not_fit_is_a_mistake(tmp_path, shape, row, col):
    with pytest.raises(ValueError, match="does not fit"), RasterWriter(tmp_path / "a.tif", GRID, "uint8", 255) as out:
        out.write(np.zeros(shape, "uint8"), row, col)
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_nothing_and_keeps_the_earlier_file(tmp_path):
    path = write(tmp_path / "a.tif", np.zeros((8, 8), "uint8"))
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), RasterWriter(path, GRID, "uint8", 255) as out:
        out.write(np.ones((8, 8), "uint8"), 0, 0)
        raise KeyboardInterrupt
    assert [f.name for f in tmp_path.iterdir()] == ["a.tif"] and path.read_bytes() == before


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match="its folder does not exist"), \
            RasterWriter(tmp_path / "no" / "a.tif", GRID, "uint8", 255):
        pass


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from affine import Affine
from model_core.contract.errors import OutputError
from model_core.geo.grid import Grid
from model_core.geo.rasters import RasterWriter

array = np.random.default_rng(0).random((1000, 1000), dtype="float32")
path = Path(sys.argv[1])

def limit(n_bytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))

def write(before, after):
    limit(before)
    with RasterWriter(path, Grid("EPSG:32645", Affine(5, 0, 3e5, 0, -5, 3e6), 1000, 1000), "float32", np.nan) as out:
        for row in range(0, 1000, 100):
            out.write(array[row:row + 100], row, 0)
        limit(after)

for before, after in [(2_000_000, -1), *((-1, n) for n in [0, 100, 1_000_000, 2_000_000, 3_500_000, 6_000_000])]:
    try:
        write(before, after)
        print(after, "whole")
    except OutputError as error:
        print(after, error.code, "free some space" in str(error).lower(), len(list(path.parent.iterdir())))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path):
    """At the start, or anywhere in the final file, which GDAL itself would often close without a word."""
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path / "a.tif")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *full, (_, last) = (line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert full[0][1] == "output.no-space True 0"
    assert {said for _, said in full} <= {"output.no-space True 0", "output.failed True 0"}
    assert len(full) == 6 and last == "whole"


def test_a_window_is_read_as_it_stands(tmp_path):
    classes = np.arange(48, dtype="uint8").reshape(6, 8)
    path = write(tmp_path / "a.tif", classes, nodata=47)
    np.testing.assert_array_equal(read_window(path, slice(2, 6), slice(3, 8)), classes[2:6, 3:8])
    second = write(tmp_path / "b.tif", np.stack([classes, classes + 100]))
    assert read_window(second, slice(0, 1), slice(0, 2), band=2).tolist() == [[100, 101]]


def test_no_data_in_floats_is_nan(tmp_path):
    values = np.array([[1, -9999], [2, np.nan]], "float32")
    path = write(tmp_path / "a.tif", values, nodata=-9999)
    np.testing.assert_array_equal(read_window(path, slice(0, 2), slice(0, 2)), [[1, np.nan], [2, np.nan]])


def test_the_grid_of_a_raster_is_the_one_it_was_written_on(tmp_path):
    assert read_grid(write(tmp_path / "a.tif", np.zeros(GRID.shape, "uint8"), GRID)) == GRID


def test_a_crs_without_code_survives(tmp_path):
    crs = rasterio.CRS.from_string("+proj=laea +lat_0=28 +lon_0=85 +units=m +datum=WGS84").to_wkt()
    grid = Grid(crs, GRID.transform, 8, 8)
    again = read_grid(write(tmp_path / "a.tif", np.zeros((8, 8), "uint8"), grid))
    assert rasterio.CRS.from_user_input(again.crs) == rasterio.CRS.from_user_input(crs)


@pytest.mark.parametrize(("content", "code"), [
    (None, "raster.missing"), (b"", "raster.empty"), (b"<html>log in first</html>", "raster.not-a-raster"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:24b8\nsize 250991304\n", "raster.lfs-pointer"),
    (b"II*\x00\x08\x00\x00\x00", "raster.not-a-raster")])
def test_what_is_no_raster_is_refused_by_name(tmp_path, content, code):
    path = tmp_path / "scene.tif"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"scene\.tif") as caught, open_raster(path):
        pass
    assert caught.value.code == code and caught.value.hint


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"), open_raster(tmp_path):
        pass


def test_a_truncated_raster_is_refused_when_read(tmp_path):
    path = write(tmp_path / "a.tif", np.random.default_rng(0).integers(0, 255, (900, 900)).astype("uint8"))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)
    with pytest.raises(InputError, match=r"a\.tif is damaged or incomplete"):
        read_window(path, slice(0, 900), slice(0, 900))


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "code"), [
    ("lfs_pointer_M_ALL_006.hdf5", "raster.lfs-pointer"), ("empty_unet.h5", "raster.empty"),
    ("keras204_lambda_model6.h5", None)])
def test_the_genuine_odd_files_are_refused(shared_data, name, code):
    with pytest.raises(InputError, match=name) as caught, open_raster(shared_data / "edge_cases" / name):
        pass
    assert caught.value.code == (code or caught.value.code)


def test_the_unit_stands_with_every_band_and_in_the_tags(tmp_path):
    with RasterWriter(tmp_path / "a.tif", GRID, "float32", np.nan, 2, ["one", "two"], unit="m² per km²") as out:
        out.write(np.ones((2, *GRID.shape), np.float32), 0, 0)
    with rasterio.open(tmp_path / "a.tif") as raster:
        assert raster.units == ("m² per km²",) * 2 and raster.tags()["unit"] == "m² per km²"
        assert raster.descriptions == ("one", "two")


def test_a_raster_carries_the_stamp_of_its_run_and_its_own_tags_win(tmp_path):
    with stamp({"stage": "predict", "remark": "Simulated."}), \
            RasterWriter(tmp_path / "a.tif", GRID, "uint8", 255, tags={"remark": "Own."}) as out:
        out.write(np.ones(GRID.shape, np.uint8), 0, 0)
    with RasterWriter(tmp_path / "b.tif", GRID, "uint8", 255) as out:
        out.write(np.ones(GRID.shape, np.uint8), 0, 0)
    with rasterio.open(tmp_path / "a.tif") as first, rasterio.open(tmp_path / "b.tif") as second:
        assert (first.tags()["stage"], first.tags()["remark"]) == ("predict", "Own.")
        assert "stage" not in second.tags()
