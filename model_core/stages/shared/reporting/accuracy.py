"""Table 3, and how single landslides fared: found, missed, in pieces, grown together."""

from __future__ import annotations

from typing import Any

from ....report.pieces import Picture, Section, Table
from ..judging.tables import LINKED
from ..studying.course import main_ground
from ..studying.folder import StudyFolder
from .models import loss_weights
from .reading import MAPS, judged, numbered, on_ground

NOTHING = "No date has a manual inventory that a map could be judged against."


def accuracy(study: StudyFolder, pictures: dict[str, Picture]) -> Section:
    """Table 3 and Figure 4."""
    title, figure = "Accuracy of the maps", numbered(pictures.get("figure_4"), "4")
    found = list(judged(study))
    if not found:
        return Section(title, [NOTHING], figure)
    kinds = [kind for kind in MAPS if any(kind == of for _, of, _ in found)]
    weights = {kind: loss_weights(study, kind) for kind in kinds}
    rows = [_row(date, kind, one, weights[kind]) for date, kind, one in found]
    said = _weights(weights)
    table = Table("table_3_accuracy", "Table 3. Accuracy by date and kind of map, pixel by pixel", (
        "Precision: share of the mapped ground that is drawn too; recall: share of the drawn ground that is mapped; "
        "F1: their harmonic mean, with an interval from drawing tiles of ground again and again. All judged pixels "
        "are pooled. Means: accuracy, where the model never learned from the ground; agreement elsewhere. Both "
        "are agreement with this inventory: two people who trace the same ground agree at an F1 of about 0.5. "
        "Within 1 px: outlines may lie a pixel apart. Without largest: without the largest drawn landslide. "
        + (f"Loss: Tversky loss of the finished map, 1 − TP / (TP + w_fn FN + w_fp FP), with the weights of the "
           f"training ({said})." if said else "The loss is not known: no model card is left.") + "\n"
        "In the paper (Bhuyan et al. 2023, Table 3): loss 0.165 to 0.362, precision 0.600 to 0.927, recall 0.450 to "
        "0.759, F1 0.586 to 0.795, on 30 % of the landslides of another area, without intervals."), rows)
    text = "Kinds of map: " + "; ".join(f"{kind}: {MAPS[kind]}" for kind in kinds) + "."
    return Section(title, [text], [table, *figure])


def _weights(known: dict[str, tuple[float, float] | None]) -> str:
    """The weights in words, by kind of map where they differ."""
    words = {kind: "w_fn {:g}, w_fp {:g}".format(*pair) for kind, pair in known.items() if pair}
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return "; ".join(f"{kind}: {text}" for kind, text in words.items())


def _row(date: str, kind: str, found: dict[str, Any], weights: tuple[float, float] | None) -> dict[str, Any]:
    row = on_ground(found["pixels"], main_ground(found))[0]
    return {
        "date": date, "map": kind, "means": row["means"], "loss": _loss(row, weights), "precision": row["precision"],
        "recall": row["recall"], "F1": row["f1"], "F1 low": row["f1_low"], "F1 high": row["f1_high"],
        "F1 within 1 px": row["f1_within_1_px"], "F1 without largest": row["f1_without_largest"],
        "judged [km²]": row["judged_km2"],
    }


def _loss(row: dict[str, Any], weights: tuple[float, float] | None) -> float | None:
    """Tversky loss of a map; without landslide in map and inventory there is none."""
    if weights is None:
        return None
    w_fn, w_fp = weights
    below = row["tp"] + w_fn * row["fn"] + w_fp * row["fp"]
    return 1 - row["tp"] / below if below else None


def objects(study: StudyFolder, pictures: dict[str, Picture]) -> Section:
    """How single landslides fared, and Figure 5."""
    title, figure = "Landslide by landslide", numbered(pictures.get("figure_5"), "5")
    rows = [object_row(date, kind, found) for date, kind, found in judged(study)]
    if not rows:
        return Section(title, [NOTHING], figure)
    text = ("A drawn landslide that is mapped in pieces (fragmented) or together with its neighbours (amalgamated) is "
            "found all the same, but numbers and sizes of landslides change by it.")
    table = Table("objects", "Table A. Drawn and mapped landslides that share ground", (
        "Two polygons belong together where they share at least a tenth of the smaller one. Missed: drawn only; false: "
        "mapped only; fragmented (1:n): drawn landslides with several mapped pieces, and those pieces; amalgamated "
        "(n:1): drawn landslides that were mapped as one, and those maps' polygons; n:m: both at once. Strict: drawn "
        "landslides with a mapped one of their own, shared area at least half of both together."), rows)
    return Section(title, [text], [table, *figure])


def object_row(date: str, kind: str, found: dict[str, Any]) -> dict[str, Any]:
    """Found, missed, false, in pieces and grown together, of one map."""
    ground = main_ground(found)
    linked, strict = (next(row for row in on_ground(found["objects"], ground) if row["from_m2"] is None
                           and (row["match"] == LINKED) == is_linked) for is_linked in (True, False))
    classes = {row["class"]: row for row in on_ground(found["object_classes"], ground)}
    row = {"date": date, "map": kind, "drawn": linked["reference"], "found": linked["found"],
           "missed": classes["missed"]["reference"], "mapped": linked["mapped"], "false": classes["false"]["mapped"],
           "one to one": classes["one_to_one"]["reference"]}
    for name, shown in (("fragmented", "fragmented 1:n"), ("amalgamated", "amalgamated n:1"),
                        ("many_to_many", "n:m")):
        row |= {f"{shown}, drawn": classes[name]["reference"], f"{shown}, mapped": classes[name]["mapped"]}
    return row | {"found, strict": strict["found"]}
