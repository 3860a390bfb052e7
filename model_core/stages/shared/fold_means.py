"""The map of a date without labels by k models together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import shape

from ...contract.card import ModelCard
from ...contract.errors import InputError
from ...contract.events import Report
from ...contract.params.predict import PredictParams
from ...geo.grid import Grid
from ...geo.rasters import no_side_files
from .epoch_maps import map_epoch, scaling_of
from .models import load_network
from .runs import safe_name
from .scenes import DatedScenes

MEAN = "mean_"


def map_mean(
    scenes: DatedScenes, grid: Grid, cards: Sequence[ModelCard], name: str, params: Any, dem: str | None, folder: Path,
    report: Report,
) -> dict[str, str]:
    """Maps a date with the mean of the probabilities of all models, at the mean of their thresholds.

    No model has seen labels of the date, so none need be left out anywhere. Most of them have learned on the same
    ground at other dates: such a map is never judged, and its polygons there are marked `in_training`.

    Args:
        scenes: Of the date; its labels, if there are any, play no part.
        grid: Of the map.
        cards: Of the models of folds 1 to k, which lie in `folder`/fold-1 and so on.
        name: Of all models together.
        params: Of train or fine-tune.
        dem: Raster of elevations for the polygons.
        folder: Of the run.
        report: Told the progress; also where the date's images cannot be used.

    Returns:
        Name of the polygons' file by role, beside which the rasters lie; nothing where an image cannot be used.
    """
    from ...network.inference import Mean, Predictor

    together = _card_of_all(cards, name)
    predictor = Mean([Predictor(load_network(card, folder / f"fold-{number}"))
                      for number, card in enumerate(cards, start=1)])
    how = PredictParams(min_area_m2=params.min_area_m2, min_slope_deg=params.min_slope_deg)
    note = f"mean of the probabilities of {len(cards)} models that saw no labels of this date; not judged"
    try:
        with no_side_files():
            names, _ = map_epoch(scenes, scaling_of(scenes, grid, together), grid, together, predictor, how, dem,
                                 folder, report, prefix=MEAN, note=note)
    except InputError as error:  # a damaged image; the models and the maps of the other dates must not be lost with it
        report.warn(f"{scenes.name} is not mapped: {error.message} {error.hint}")
        return {}
    return {f"{MEAN}{safe_name(scenes.name)}": names["polygons"]}


def _card_of_all(cards: Sequence[ModelCard], name: str) -> ModelCard:
    """What the maps of several models say of them: all weights, the mean threshold, and what any of them has seen."""
    seen = [shape(card.training_ground) for card in cards if card.training_ground is not None]
    return dataclasses.replace(
        cards[0], name=name, sha256=", ".join(card.sha256 for card in cards),
        threshold=float(np.mean([card.threshold for card in cards])),
        training_ground=shapely.union_all(seen).__geo_interface__ if seen else None)
