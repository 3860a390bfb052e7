"""The remark that a file carries, for example that it is simulated: whatever is made from it carries it too."""

from __future__ import annotations

from pathlib import Path

import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.errors import RasterioError

from ..contract.errors import MtlError
from .rasters import open_raster
from .stamp import stamped
from .vector_sources import find_layer

REMARK = "remark"


def remark_of_run() -> str:
    """The remark that all files of the run under way carry, for its figures; nothing where there is none."""
    return stamped(None).get(REMARK, "")


def remark_of_raster(path: str) -> str:
    """The remark in a raster's metadata; nothing where there is none or the file cannot be read."""
    try:
        with open_raster(Path(path)) as source:
            return str(source.tags().get(REMARK, ""))
    except (MtlError, RasterioError):  # whoever uses the file says what is wrong with it
        return ""


def remark_of_layer(source: str) -> str:
    """The remark in the metadata of a layer's file; nothing where there is none or the file cannot be read."""
    try:
        found = find_layer(source, None, "")
        metadata = pyogrio.read_info(found.dataset, layer=found.layer)["dataset_metadata"] or {}
    except (MtlError, DataSourceError, DataLayerError):
        return ""
    return str(metadata.get(REMARK, ""))
