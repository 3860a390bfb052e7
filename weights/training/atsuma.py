"""The zero-shot judge: a real scene of another country, mapped and judged by the engine's own stages.

Nothing of a model is chosen by these numbers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from model_core.cli import run_stage
from model_core.contract.events import Report
from model_core.contract.job import make_job
from model_core.contract.jsonfile import read_json
from model_core.geo.burn import burn_ids
from model_core.geo.rasters import read_grid, read_window
from model_core.geo.vectors import read_polygons

from .patches import BANDS

AFTER, BEFORE = ("after", "2018-10-01", "post"), ("before", "2018-08-01", "pre")


def judge(model: Path, data: Path, precision: str = "auto") -> list[dict[str, Any]]:
    """A row with and one without adapting the network to the image first.

    Args:
        model: Weights file with its card.
        data: Folder of the real data.
        precision: As for predict.
    """
    return [_judge(model, data / "atsuma", adapt, precision) for adapt in (False, True)]


def _judge(model: Path, data: Path, adapt: bool, precision: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="mtl-judge-") as name:
        folder = Path(name)
        binary = {}
        for date, day, stem in (AFTER, BEFORE):
            found = do("predict", model=str(model), scene=[str(data / f"atsuma_2018_{stem}.tif")], bands=list(BANDS),
                        date=day, out=str(folder / date), adapt_batch_norm=adapt, precision=precision)
            binary[date] = Path(next(path for role, path in found.outputs.items() if role.startswith("binary")))
        source = data / "atsuma_2018.gpkg"
        searched = f"{source}|layername=mapped_area"
        accuracy = do("evaluate", prediction=str(binary["after"]), reference=f"{source}|layername=landslides",
                       searched=searched, out=str(folder / "accuracy"))
        pixels = read_json(Path(accuracy.outputs["accuracy"]))["pixels"][0]
        alarms, seen_km2 = _mapped(binary["before"], searched)
    return {"adapted": adapt, **{name: round(pixels[key], 4) for name, key in
                                 (("precision", "precision"), ("recall", "recall"), ("F1", "f1"))},
            "mapped [km²]": round(pixels["mapped_km2"], 3), "drawn [km²]": round(pixels["reference_km2"], 3),
            "false alarms before [m²/km²]": round(alarms / seen_km2), "seen before [km²]": round(seen_km2, 1)}


def _mapped(binary: Path, searched: str) -> tuple[float, float]:
    """Mapped area in m² and seen ground in km² within the searched ground."""
    grid = read_grid(binary)
    classes = read_window(binary, slice(0, grid.height), slice(0, grid.width))
    inside = burn_ids(grid, read_polygons(searched, role="searched").frame) > 0
    n = int(np.count_nonzero(inside & (classes == 1)))
    return n * grid.pixel_area_m2, int(np.count_nonzero(inside & (classes != 255))) * grid.pixel_area_m2 / 1e6


def do(stage: str, **values: Any) -> Any:
    """Runs a stage of the engine."""
    return run_stage(make_job(stage, values), Report())
