"""Patches of simulated RapidEye years with all five bands: a measured option, off unless it helps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_core.arrays.codes import TRAIN
from model_core.arrays.sampling import epoch_sample, training_windows
from model_core.cli import run_stage
from model_core.contract.bands import BANDS
from model_core.contract.events import Report
from model_core.contract.job import make_job
from model_core.contract.series import read_series
from model_core.network import feeding
from model_core.stages.shared.ground import load_grounds
from model_core.stages.shared.series_check import read_dates

from .ground import RULE

# Other ground than that of the tests and of the demo, which are made from small seeds.
SEEDS = (4101, 4102, 4103)
MIN_AREA_M2 = 200.0
_STRIDE_PX, _JITTER_PX = 64, 32


def simulated_patches(
    folder: Path, size_px: int, batch_size: int, seed: int, seeds: Sequence[int] = SEEDS
) -> feeding.Patches:
    """Makes simulated years below `folder` where they are not there yet, and gives patches of them."""
    grounds = []
    for number in seeds:
        out = folder / f"simulated-{number}"
        if not out.exists():
            run_stage(make_job("sample", {"out": str(out), "small": True, "seed": number}), Report())
        dated, grid = read_dates(read_series(out / "series.json"), (), Report(), labels=True)
        grounds += load_grounds(dated, grid, BANDS, RULE, MIN_AREA_M2, Report())
    sets = [training_windows(np.full(ground.codes.shape, TRAIN, np.uint8), ground.codes, size_px, _STRIDE_PX,
                             drop_empty=True) for ground in grounds]

    def windows(epoch: int) -> list[feeding.Patch]:
        return [feeding.Patch(date, window.rows.start, window.cols.start) for date, found in enumerate(sets)
                for window in epoch_sample(found, seed + date, epoch, _JITTER_PX)]

    return feeding.Patches([ground.image for ground in grounds], [ground.codes for ground in grounds], windows,
                           size_px, batch_size, seed)
