"""Tiny scenes from code, in the formats of the real ones."""

import numpy as np
import pytest
import rasterio
from affine import Affine

UTM = "EPSG:32645"
CORNER = (300000.0, 3105000.0)


def north_up(size=5.0, corner=CORNER):
    return Affine(size, 0, corner[0], 0, -size, corner[1])


@pytest.fixture
def make_raster():
    """Writes (B, H, W) numbers to a GeoTIFF; keyword arguments go to rasterio."""

    def write(path, array, descriptions=(), colours=None, **profile):
        array = np.asarray(array)
        profile = {"crs": UTM, "transform": north_up(), **profile}
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(path, "w", driver="GTiff", count=array.shape[0], height=array.shape[1],
                           width=array.shape[2], dtype=array.dtype, **profile) as raster:
            raster.write(array)
            for i, text in enumerate(descriptions, 1):
                raster.set_band_description(i, text)
            if colours:
                raster.colorinterp = colours
        return path

    return write


@pytest.fixture
def counts():
    """(B, H, W) uint16 counts between 1000 and 9000, different in every pixel and band."""

    def make(bands=5, height=40, width=60, dtype="uint16", seed=0):
        return np.random.default_rng(seed).integers(1000, 9000, (bands, height, width)).astype(dtype)

    return make


RAPIDEYE_XML = """<?xml version="1.0" encoding="UTF-8"?>
<re:EarthObservation xmlns:re="{ns}" xmlns:eop="http://earth.esa.int/eop" xmlns:opt="http://earth.esa.int/opt">
<eop:serialIdentifier>RE-3</eop:serialIdentifier>
<opt:illuminationElevationAngle uom="deg">{elevation}</opt:illuminationElevationAngle>
<re:acquisitionDateTime>2015-11-09T05:41:02.5Z</re:acquisitionDateTime>
<eop:fileName>{file}</eop:fileName><re:numBands>5</re:numBands>
<re:atmosphericCorrectionApplied>{corrected}</re:atmosphericCorrectionApplied>
<re:productAccuracy>{accuracy}</re:productAccuracy>
{bands}</re:EarthObservation>"""


@pytest.fixture
def rapideye_xml():
    """The parts of RapidEye's metadata that are read, with a namespace that the caller may change."""

    def make(file="x.tif", elevation=44.8, accuracy=3.0, corrected="false", factors=(0.01,) * 5,
             ns="http://schemas.rapideye.de/products/productMetadataGeocorrected"):
        bands = "".join(f"<re:bandSpecificMetadata><re:bandNumber>{i}</re:bandNumber><re:radiometricScaleFactor>{f}"
                        "</re:radiometricScaleFactor></re:bandSpecificMetadata>" for i, f in enumerate(factors, 1))
        return RAPIDEYE_XML.format(file=file, elevation=elevation, accuracy=accuracy, corrected=corrected, ns=ns,
                                   bands=bands)

    return make


PLANET_XML = """<?xml version="1.0" encoding="UTF-8"?>
<ps:EarthObservation xmlns:ps="http://schemas.planet.com/ps/v1/x" xmlns:eop="http://earth.esa.int/eop">
<eop:Platform><eop:shortName>PlanetScope</eop:shortName><eop:serialIdentifier>2440</eop:serialIdentifier></eop:Platform>
<ps:acquisitionDateTime>2022-11-05T04:58:00+00:00</ps:acquisitionDateTime>
<eop:fileName>{file}</eop:fileName><ps:numBands>{count}</ps:numBands>
<ps:atmosphericCorrectionApplied>false</ps:atmosphericCorrectionApplied>
{bands}</ps:EarthObservation>"""


@pytest.fixture
def planet_xml():
    """The parts of PlanetScope's metadata that are read; band i has the coefficient i * 1e-5, last band first."""

    def make(count, file="x.tif"):
        bands = "".join(f"<ps:bandSpecificMetadata><ps:bandNumber>{i}</ps:bandNumber><ps:reflectanceCoefficient>{i}e-5"
                        "</ps:reflectanceCoefficient></ps:bandSpecificMetadata>" for i in range(count, 0, -1))
        return PLANET_XML.format(file=file, count=count, bands=bands)

    return make
