"""The GeoPackage of points that an analyst checks: it carries all that the estimates need later.

What a point stands for lies in the metadata of the file and not in its columns, so that the map's opinion does not
sway the analyst, and a slip in a column does not change the sample.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FieldError
from rasterio.transform import xy as pixel_centres

from ..contract.errors import InputError
from .grid import Grid
from .vectors import write_layers

LAYER = "check_points"
_KEY = "check_sample"


@dataclass(frozen=True)
class SampleDesign:
    """How the points were drawn. The id of a point is 1 + its place in `zones`.

    Attributes:
        map_name: What was checked.
        zones: Zone of each point, as in arrays/check_strata.py.
        zone_px: Pixels of each zone on the whole checked ground.
        pixel_m2: Ground that a pixel covers.
        edge_px: Width of the edge.
        seed: Start of the random numbers.
    """

    map_name: str
    zones: list[int]
    zone_px: list[int]
    pixel_m2: float
    edge_px: int
    seed: int


def write_points(
    path: Path, grid: Grid, rows: np.ndarray, cols: np.ndarray, strata: list[str], design: SampleDesign
) -> None:
    """Writes a point in the centre of each pixel, with an empty column answer.

    Raises:
        OutputError: The folder cannot be written.
    """
    x, y = (np.asarray(values) for values in pixel_centres(grid.transform, rows, cols))
    frame = gpd.GeoDataFrame(
        {"id": np.arange(1, len(rows) + 1), "stratum": strata, "answer": np.full(len(rows), None, dtype=object),
         "x": x, "y": y},
        geometry=gpd.points_from_xy(x, y), crs=grid.crs,
    ).astype({"answer": "string"})
    write_layers(path, {LAYER: frame}, {_KEY: json.dumps(asdict(design))})


def read_points(source: str) -> tuple[SampleDesign, dict[int, str]]:
    """The design and the answers by id, in small letters; "" where there is none.

    Raises:
        InputError: The file is not one that `write_points` made, or an id stands there twice.
    """
    path = source.partition("|")[0]
    if not Path(path).exists():
        raise InputError("sample.missing", f"There is no file {path}.", "Check the path.", path=path)
    try:
        metadata = pyogrio.read_info(path, layer=LAYER)["dataset_metadata"] or {}
        design = SampleDesign(**json.loads(metadata[_KEY]))
        frame = pyogrio.read_dataframe(path, layer=LAYER, columns=["id", "answer"], read_geometry=False)
        ids, answers = frame["id"], frame["answer"].fillna("").astype(str).str.strip().str.lower()
    except (DataSourceError, DataLayerError, FieldError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "sample.not-points", f"{path} is no GeoPackage of points to check, or lost what it knew of them.",
            "Fill in the answers in the very file that check-sample wrote, or in a copy of the whole file.", path=path,
        ) from error
    wrong = sorted({str(value) for value in ids[ids.duplicated() | ~ids.isin(range(1, len(design.zones) + 1))]})
    if wrong:
        raise InputError(
            "sample.other-points", f"{path} holds points that were added or doubled (id {', '.join(wrong[:10])}).",
            "Delete them: only points that were drawn at random tell the accuracy.", path=path, ids=wrong,
        )
    return design, dict(zip(ids.astype(int).tolist(), answers.tolist(), strict=True))
