"""Accuracy and area from checked random points: draws the points, and later reckons with their answers."""

from __future__ import annotations

from ..contract.events import Report, Result
from ..contract.params.check_sample import CheckSampleParams
from .shared.checking.answers import estimate
from .shared.checking.drawing import draw_points


def run(params: CheckSampleParams, report: Report) -> Result:
    """Writes check_points.gpkg and strata.tif or, from checked points, area_and_accuracy.json and its table.

    Raises:
        InputError: A file cannot be read, no ground can be checked, or answers are missing or wrong.
        OutputError: The results cannot be written.
    """
    return draw_points(params, report) if params.points is None else estimate(params, params.points, report)
