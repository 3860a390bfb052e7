"""Carries a trained model to another year or area."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..contract.events import Report, Result
from ..contract.library import find_model
from ..contract.params.train import FineTuneParams
from .shared.course import run_course
from .shared.ground import Ground, load_grounds, load_judged, unlabelled_dates
from .shared.mapping import unlabelled
from .shared.models import load_network, start_device
from .shared.runs import check_output
from .shared.scenes import check_fit, series_of
from .shared.series_check import read_dates
from .shared.training import NetworkSpec


def run(params: FineTuneParams, report: Report) -> Result:
    """Trains a model further; its accuracy on the test ground is told before and after.

    Raises:
        InputError: Images or labels cannot be used, or a band of the model is missing.
        ModelError: The model cannot be used, or the training diverged.
        OutputError: The results cannot be written.
        Cancelled: Stopped on request; `--resume` goes on.
    """
    check_output(params)
    card, folder = find_model(params.model)
    series = series_of(params)
    dated, grid = read_dates(series, params.dates, report, labels=True)
    check_fit(card, dated, grid, report)
    known = (dated, grid, card.bands, card.scaling, params.min_area_m2, report, card.may_lack)
    grounds = load_grounds(*known, leave_out=bool(params.folds))  # one date fewer rather than no map of any
    judged = load_judged(*known) if params.folds else []
    spec = NetworkSpec(card.bands, card.quantity, card.scaling.rule, card.filters, card.up_convolutions, card)

    def build() -> Any:
        from ..network.normalisation import adapt_batch_norm
        from ..network.unet import freeze

        model = load_network(card, folder, params.momentum)
        if params.adapt_batch_norm:
            adapt_batch_norm(model, _unlabelled(grounds))
        freeze(model, params.layers)
        return model

    return run_course("fine-tune", params, grounds, spec, build, lambda: start_device(params, report), report, judged,
                      unlabelled_dates(dated) if params.folds else (), series.dem)


def _unlabelled(grounds: Sequence[Ground]) -> Iterator[np.ndarray]:
    """Windows of all images, one a batch."""
    for ground in grounds:
        for pixels in unlabelled(ground.read, ground.grid.shape):
            yield pixels[np.newaxis]
