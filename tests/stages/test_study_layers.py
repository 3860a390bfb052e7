"""Layers of a study from what its steps left, without a study."""

import json
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine

from model_core.arrays.paired import Known, draw_blocks
from model_core.geo.grid import Grid
from model_core.geo.study_layers import write_study_layers
from model_core.stages.shared.map_error import ASSESSED, NO_REFERENCE, TAL, TL, interval_columns
from model_core.stages.shared.size_fits import NOT_ASSESSED
from model_core.stages.shared.studying.layers import study_layers

GRID = Grid("EPSG:32645", Affine(5, 0, 320_000, 0, -5, 3_109_000), 60, 50)


@pytest.fixture
def counted(tmp_path):
    """The layer of numbers of a study, and the rows that the statistics left."""
    ground, mapped = np.full(20, 1e6), np.arange(1.0, 21.0)
    known = {TL: Known(ground, mapped, mapped + 1), TAL: Known(ground, 900 * mapped, 800 * mapped)}
    totals = {TL: int(mapped.sum()), TAL: float(900 * mapped.sum())}
    rows = [{"name": "2015 drawn", "used": "manual", **totals, **interval_columns(None, totals, None)},
            {"name": "2015 pooled", "used": "predicted", **totals,
             **interval_columns(known, totals, draw_blocks(20, 0))}]
    (tmp_path / "statistics.json").write_text(json.dumps({"layers": rows}))
    step = SimpleNamespace(outputs={"statistics": str(tmp_path / "statistics.json")})
    epoch = SimpleNamespace(name="2015", landslides=None, searched=None, scenes=("a.tif",))
    folder = SimpleNamespace(
        series=SimpleNamespace(epochs=(epoch,), area=None, dem=None, remark=""), maps={}, steps={},
        step=lambda name: step if name == "statistics" else None)
    write_study_layers(tmp_path / "study.gpkg", GRID.crs, study_layers(folder, {"2015": None}, GRID))
    return gpd.read_file(tmp_path / "study.gpkg", layer="statistics").set_index("name"), {row["name"]: row for row in rows}


def test_numbers_and_areas_have_an_interval_or_the_words_that_there_is_none(counted):
    layer, rows = counted
    sure, unsure = layer.loc["2015 pooled"], layer.loc["2015 drawn"]
    for name in ("TL", "TL_corrected", "TL_low", "TL_high", TAL, "TAL_corrected_m2", "TAL_low_m2", "TAL_high_m2"):
        assert sure[name] == pytest.approx(rows["2015 pooled"][name]) and sure[name] > 0
    assert sure["TL_interval"] == sure["TAL_interval"] == ASSESSED
    assert unsure["TL_interval"] == unsure["TAL_interval"] == NOT_ASSESSED
    assert unsure["interval_reason"] == NO_REFERENCE and unsure[["TL_low", "TAL_high_m2"]].isna().all()
