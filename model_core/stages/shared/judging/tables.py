"""Puts a judgement into tables: one JSON file with everything, CSV files for people, a layer of objects.

Only ground that the model never learned from tells its accuracy; everything else is called agreement. Both are
agreement with a named reference: two people who trace the same ground agree at an F1 of about 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ....arrays.objects import (
    PREDICTED_CLASSES,
    REFERENCE_CLASSES,
    SIZE_CLASSES_M2,
    Detection,
    detection,
    size_class,
)
from ....geo.files import write_csv_atomic, write_json_atomic
from ....geo.vectors import write_layers
from .books import GroundResult
from .objects import ObjectResult
from .pixels import PixelResult

ACCURACY, AGREEMENT = "accuracy", "agreement"
LINKED = "linked"
DIGITS = 5


def write_tables(
    stem: str, folder: Path, reference: str, pixels: PixelResult, objects: ObjectResult, notes: Sequence[str],
    *, unseen: str | None,
) -> tuple[dict[str, str], dict[str, Any]]:
    """Writes the tables into a folder.

    Args:
        stem: Name of the main tables without ending.
        folder: Where to write.
        reference: Name of the reference.
        pixels, objects: What was found.
        notes: Sentences that belong to the numbers.
        unseen: Role of the ground that the model never learned from: "test", "" for the whole area, None for no ground.

    Returns:
        File names by role, and the tables to show at once.
    """
    pixel_rows = [_pixel_row(ground, reference, pixels.pixel_m2, unseen) for ground in pixels.grounds]
    object_grounds = [ground for ground in pixels.grounds if ground.tolerant_f1 is not None]
    object_rows = [row for ground in object_grounds for row in _object_rows(ground, objects)]
    class_rows = [row for ground in object_grounds for row in _class_rows(ground, objects)]
    perfect = [{"shift_px": _short(shift), "shift_m": _short(shift * pixels.pixel_m2**0.5), "f1": _short(f1)}
               for shift, f1 in pixels.perfect_f1.items()]
    write_json_atomic(folder / f"{stem}.json", {
        "reference": reference, "notes": list(notes), "pixels": pixel_rows, "objects": object_rows,
        "object_classes": class_rows, "f1_of_a_perfect_map": perfect,
    })
    write_csv_atomic(folder / f"{stem}.csv", pixel_rows)
    write_csv_atomic(folder / "objects.csv", object_rows)
    write_layers(folder / "objects.gpkg", {"mapped": objects.mapped, "reference": objects.reference},
                 {"reference": reference})
    names = {stem: f"{stem}.json", f"{stem}_table": f"{stem}.csv", "object_table": "objects.csv",
             "objects": "objects.gpkg", "confusion": "confusion.tif"}
    shown = {
        f"pixels, reference: {reference}": [_shown_pixels(row) for row in pixel_rows],
        "objects (sharing at least a tenth of the smaller one)": [
            {name: row[name] for name in ("ground", "reference", "found", "recall", "mapped", "right", "precision")}
            for row in object_rows if row["from_m2"] is None and row["match"] == LINKED],
        "kinds of match": [row for row in class_rows if row["mapped"] or row["reference"]],
    }
    return names, shown


def _pixel_row(ground: GroundResult, reference: str, pixel_m2: float, unseen: str | None) -> dict[str, Any]:
    counts, km2 = ground.counts, pixel_m2 / 1e6
    row: dict[str, Any] = {
        "ground": ground.name, "role": ground.role,
        "means": ACCURACY if ground.role == unseen else AGREEMENT, "reference": reference,
        "judged_km2": _short(counts.total * km2),
        "reference_km2": _short((counts.tp + counts.fn) * km2),
        "mapped_km2": _short((counts.tp + counts.fp) * km2),
    }
    for name, value in counts.measures().items():
        interval = ground.intervals[name]
        row[name] = _short(value)
        row[f"{name}_low"], row[f"{name}_high"] = map(_short, interval) if interval else (None, None)
    tolerant = ground.tolerant_f1 or {}
    for tolerance in (1.0, 2.0):
        row[f"f1_within_{tolerance:g}_px"] = _short(tolerant.get(tolerance))
    row["f1_without_largest"] = None if ground.without_largest is None else _short(ground.without_largest.f1)
    return {**row, "intervals_from": ground.drawn, "tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "tn": counts.tn}


def _shown_pixels(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of a pixel row that fit on a screen."""
    low, high = row["f1_low"], row["f1_high"]
    return {"ground": row["ground"], "means": row["means"], "precision": row["precision"], "recall": row["recall"],
            "F1": row["f1"], "95 % interval": None if low is None else f"{low:.2f} to {high:.2f}", "IoU": row["iou"]}


def _object_rows(ground: GroundResult, objects: ObjectResult) -> list[dict[str, Any]]:
    """Detection on some ground, of all objects and by size class, for both ways of matching."""
    mapped, reference = _on(ground, objects)
    mapped_size = size_class(objects.overlaps.predicted_m2)
    reference_size = size_class(objects.overlaps.reference_m2)
    rows = []
    for match, strict in ((LINKED, False), ("one to one, IoU >= 0.5", True)):
        whole = detection(objects.matches, strict=strict, predicted=mapped, reference=reference)
        rows.append(_object_row(ground.name, match, None, None, whole))
        for k, (low, high) in enumerate(pairwise(SIZE_CLASSES_M2)):
            part = detection(objects.matches, strict=strict, predicted=mapped & (mapped_size == k),
                             reference=reference & (reference_size == k))
            rows.append(_object_row(ground.name, match, low, high, part))
    return rows


def _object_row(ground: str, match: str, low: float | None, high: float | None, found: Detection) -> dict[str, Any]:
    return {
        "ground": ground, "match": match, "from_m2": low, "to_m2": high if high != math.inf else None,
        "reference": found.reference, "found": found.reference_matched, "recall": _short(found.recall),
        "mapped": found.predicted, "right": found.predicted_matched, "precision": _short(found.precision),
        "quality": _short(found.quality),
    }


def _class_rows(ground: GroundResult, objects: ObjectResult) -> list[dict[str, Any]]:
    """How many objects of either layer have which class."""
    mapped, reference = _on(ground, objects)
    matches = objects.matches
    classes = {"mapped": matches.predicted_class[mapped], "reference": matches.reference_class[reference]}
    names = dict.fromkeys((*REFERENCE_CLASSES, *PREDICTED_CLASSES))
    return [{"ground": ground.name, "class": name, **{layer: int((c == name).sum()) for layer, c in classes.items()}}
            for name in names]


def _on(ground: GroundResult, objects: ObjectResult) -> tuple[np.ndarray, np.ndarray]:
    """Which judged objects belong to some ground."""
    if ground.role == "test":
        return objects.mapped_on_test, objects.reference_on_test
    return np.ones_like(objects.mapped_on_test), np.ones_like(objects.reference_on_test)


def _short(value: float | None) -> float | None:
    return None if value is None else round(float(value), DIGITS)
