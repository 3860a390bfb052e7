"""Judges the objects of a map: which landslides were found, missed, torn apart or joined."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from ....arrays.objects import Matches, Overlaps, match
from ....geo.areas import area_m2
from ....geo.overlaps import overlap_pairs
from .books import JUDGED, ON_TEST
from .pixels import PixelResult

UNJUDGED = "not_judged"


@dataclass(frozen=True)
class ObjectResult:
    """What became of every object.

    Attributes:
        mapped, reference: All objects with their class and measures, for people.
        overlaps, matches: Of those that are judged, in their order.
        mapped_on_test, reference_on_test: Which of the judged ones lie mostly on test ground.
    """

    mapped: gpd.GeoDataFrame
    reference: gpd.GeoDataFrame
    overlaps: Overlaps
    matches: Matches
    mapped_on_test: np.ndarray
    reference_on_test: np.ndarray


def judge_objects(mapped: gpd.GeoDataFrame, reference: gpd.GeoDataFrame, pixels: PixelResult) -> ObjectResult:
    """Matches the objects that lie at least by half on judged ground; the others have the class `not_judged`.

    Args:
        mapped: Objects of the map.
        reference: Landslides of the reference.
        pixels: Says what ground each of them lies on.
    """
    i, j, shared_m2 = overlap_pairs(mapped, reference)
    every = Overlaps(i, j, shared_m2, area_m2(mapped.geometry, mapped.crs), area_m2(reference.geometry, reference.crs))
    judged = _judged_share(pixels.mapped_ground) >= 0.5, _judged_share(pixels.reference_ground) >= 0.5
    overlaps = every.only(*judged)
    matches = match(overlaps)
    return ObjectResult(
        _described(mapped, every.predicted_m2, pixels.mapped_ground, judged[0], matches.predicted_class,
                   matches.predicted_partners, overlaps.predicted, overlaps.iou),
        _described(reference, every.reference_m2, pixels.reference_ground, judged[1], matches.reference_class,
                   matches.reference_partners, overlaps.reference, overlaps.iou),
        overlaps, matches,
        _test_share(pixels.mapped_ground)[judged[0]] >= 0.5, _test_share(pixels.reference_ground)[judged[1]] >= 0.5,
    )


def _described(
    frame: gpd.GeoDataFrame, own_m2: np.ndarray, ground: np.ndarray, judged: np.ndarray, classes: np.ndarray,
    partners: np.ndarray, pair_object: np.ndarray, iou: np.ndarray,
) -> gpd.GeoDataFrame:
    """The objects with their judgement; own columns of the same names give way."""
    best = np.zeros(len(classes))
    np.maximum.at(best, pair_object, iou)
    match_class = np.full(len(frame), UNJUDGED, dtype=object)
    match_class[judged] = classes
    n_partners, best_iou = np.zeros(len(frame), np.int64), np.full(len(frame), np.nan)
    n_partners[judged], best_iou[judged] = partners, best
    return frame.assign(
        area_m2=own_m2, match_class=match_class, partners=n_partners, best_iou=best_iou,
        judged_share=_judged_share(ground), test_share=_test_share(ground),
    )


def _judged_share(ground: np.ndarray) -> np.ndarray:
    share: np.ndarray = (ground[:, JUDGED] + ground[:, ON_TEST]) / np.maximum(ground.sum(axis=1), 1)
    return share


def _test_share(ground: np.ndarray) -> np.ndarray:
    """Part of the judged pixels that lies on test ground."""
    share: np.ndarray = ground[:, ON_TEST] / np.maximum(ground[:, JUDGED] + ground[:, ON_TEST], 1)
    return share
