import numpy as np
import rasterio
from affine import Affine

from model_core.geo.classes import PixelClass, class_writer
from model_core.geo.grid import Grid


def test_classes_carry_their_colours_and_names(tmp_path):
    grid = Grid("EPSG:32645", Affine(5, 0, 300_000, 0, -5, 3_100_000), 70, 60)
    classes = {0: PixelClass("none", (1, 2, 3, 255)), 3: PixelClass("both & more", (40, 50, 60, 255))}
    pixels = np.random.default_rng(0).choice([0, 3, 255], grid.shape).astype(np.uint8)
    with class_writer(tmp_path / "classes.tif", grid, classes, 255, {"reference": "A"}, "agreement") as writer:
        writer.write(pixels, 0, 0)
    with rasterio.open(tmp_path / "classes.tif") as written:
        assert np.array_equal(written.read(1), pixels)
        assert written.nodata == 255
        assert written.colormap(1)[3] == (40, 50, 60, 255)
        assert written.colormap(1)[0] == (1, 2, 3, 255)
        assert written.colorinterp[0].name == "palette"
        assert written.tags()["class_3"] == "both & more"
        assert written.tags()["reference"] == "A"
        assert (written.units, written.descriptions) == (("class",), ("agreement",))
        assert written.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
