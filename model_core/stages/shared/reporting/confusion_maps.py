"""Right and wrong of the study's maps on the ground, a panel a date."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....arrays.codes import IGNORE
from ....arrays.confusion import FN, FP, TN, TP
from ....geo.rasters import read_grid, read_window
from ....report.maps import BLACK, CLASS_COLOURS, MapPanel, Rings, class_image, map_sheet
from ....report.pieces import Picture
from ..runs import safe_name
from .images import coarse, extent_m, greyed, photograph, rings, stretches
from .sources import KINDS, Sources

_FEW, _FEW_PX, _MANY_PX = 4, 900, 500
_STRIPE_ROWS = 512
# A pixel of the map stands for a block of the raster's: it takes a landslide's class where these fill this much of it,
# so that small landslides stay visible.
_ENOUGH = 0.25
_LABELS = {TP: "right (true positive)", FP: "false alarm (false positive)", FN: "missed (false negative)"}


def confusion_maps(sources: Sources) -> Picture | None:
    """A panel a date whose map could be judged; None without any."""
    study, kind = sources.study, sources.study.best_map()
    judged = {epoch.name: Path(found.outputs["confusion"]) for epoch in study.series.epochs
              if (found := study.step(f"accuracy/{kind}/{safe_name(epoch.name)}")) is not None}
    if not judged:
        return None
    scores = {row["date"]: row["F1"] for row in study.accuracy if row["map"] == kind}
    panels, unjudged, steps = [], False, set()
    for number, (name, path) in enumerate(judged.items()):
        grid, step = coarse(read_grid(path), _FEW_PX if len(judged) <= _FEW else _MANY_PX)
        classes = class_view(path, step)
        photo = photograph(sources.dates.get(name), grid, sources.bands)
        image = class_image(classes, greyed(photo, stretches([photo])))
        panels.append(MapPanel(f"{name}: {_score(scores.get(name))}", image, extent_m(grid),
                               [Rings(rings(sources.area, grid), BLACK, "area of interest", 0.7)], scale=number == 0))
        unjudged |= bool((classes == IGNORE).any())
        steps.add(step)
    patches = [(CLASS_COLOURS[code], _LABELS[code]) for code in (TP, FP, FN)]
    png = map_sheet(panels, study.series.remark, patches, "not judged" if unjudged else "")
    return Picture("Right and wrong on the map", _caption(kind, unjudged, max(steps)), png)


def class_view(path: Path, step: int) -> np.ndarray:
    """A confusion raster in blocks of `step` by `step` pixels.

    Returns:
        (H // step, W // step) uint8: of each block IGNORE where most of it is not judged, the most frequent class of
        landslides where they fill a quarter of it, else TN.
    """
    height, width = read_grid(path).shape
    side = min(step, height, width)
    rows, cols = max(height // step, 1), max(width // step, 1)
    high = max(_STRIPE_ROWS // side, 1)
    parts = []
    for row in range(0, rows, high):
        n = min(high, rows - row)
        values = read_window(path, slice(row * side, (row + n) * side), slice(0, cols * side))
        blocks = values.reshape(n, side, cols, side)
        counts = np.stack([(blocks == code).sum(axis=(1, 3)) for code in (TP, FP, FN)])
        view = np.where(counts.sum(axis=0) >= _ENOUGH * side**2,
                        np.array([TP, FP, FN], np.uint8)[counts.argmax(axis=0)], np.uint8(TN))
        view[(blocks == IGNORE).sum(axis=(1, 3)) > side**2 / 2] = IGNORE
        parts.append(view)
    return np.concatenate(parts)


def _score(f1: float | None) -> str:
    return "F1 not defined" if f1 is None else f"F1 {f1:.2f}"


def _caption(kind: str, unjudged: bool, step: int) -> str:
    text = ["What is right and what is wrong on the maps, pixel by pixel, against the landslides drawn by hand. "
            f"{KINDS[kind]} Black: landslide on the map and drawn. Orange-red: on the map only. Blue: drawn only. The "
            "image of the date lies pale below. F1 is the harmonic mean of precision and recall over these pixels."]
    if unjudged:
        text.append("Striped ground is not judged: it was not observed, not searched, or lies outside the area.")
    if step > 1:
        text.append(f"A dot stands for up to {step} × {step} pixels and shows a landslide that fills a quarter of it.")
    text.append("North is up.")
    return " ".join(text)
