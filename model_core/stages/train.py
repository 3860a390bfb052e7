"""Trains a new network on scenes with digitised landslides."""

from __future__ import annotations

from collections.abc import Sequence

from ..contract.events import Report, Result
from ..contract.params.train import TrainParams
from .shared.course import run_course
from .shared.ground import load_grounds, load_judged, unlabelled_dates
from .shared.models import new_network, start_device
from .shared.runs import check_output
from .shared.scenes import DatedScenes, network_bands, series_of
from .shared.series_check import read_dates
from .shared.training import NetworkSpec


def run(params: TrainParams, report: Report) -> Result:
    """Splits the ground, trains, calibrates, judges on test ground, writes model and card.

    Raises:
        InputError: Images or labels cannot be used, or a part of the ground has too few landslides.
        ModelError: The training diverged.
        OutputError: The results cannot be written.
        Cancelled: Stopped on request; `--resume` goes on.
    """
    check_output(params)
    series = series_of(params)
    dated, grid = read_dates(series, params.dates, report, labels=True)
    bands = network_bands(dated, params.model_bands)
    grounds = load_grounds(dated, grid, bands, params.scaling, params.min_area_m2, report,
                           leave_out=bool(params.folds))  # one date fewer rather than no map of any
    judged = load_judged(dated, grid, bands, grounds[0].scaling, params.min_area_m2, report) if params.folds else []
    learning = [ground.scenes for ground in grounds]
    spec = NetworkSpec(bands, quantity_of(learning, report), params.scaling, params.filters, params.up_convolutions)

    return run_course("train", params, grounds, spec, lambda: new_network(spec, params.momentum, params.seed),
                      lambda: start_device(params, report), report, judged,
                      unlabelled_dates(dated) if params.folds else (), series.dem)


def quantity_of(dated: Sequence[DatedScenes], report: Report) -> str:
    """The unit that the network learns from; a mix is allowed because each scene is scaled by itself."""
    found = sorted({info.quantity for scenes in dated for info in scenes.infos})
    if len(found) > 1:
        report.warn(f"The scenes hold different quantities ({', '.join(found)}); scene-wise scaling evens that out.")
    return found[0]
