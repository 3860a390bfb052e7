"""One training with its calibration, its card and its judgement, and the table of all of them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model_core.contract.bands import BANDS
from model_core.contract.card import ModelCard, Scaling, read_card
from model_core.contract.errors import UsageError
from model_core.contract.events import Report
from model_core.contract.jsonfile import read_json
from model_core.geo.files import write_json_atomic
from model_core.stages.shared.models import load_network, now, save_model, versions

from . import atsuma, judge
from .ground import MAY_LACK, RULE, Block, as_scene, blocks_of, training_mosaic
from .mosaic import Mosaic
from .patches import KODAGU, PIXEL_M, SOURCE, TAIWAN, Patches, read_patches, read_unseen_five_bands
from .recipe import Recipe, train
from .simulated import simulated_patches

RESULTS = "runs.jsonl"
WARNING = ("It learned from Sentinel-2 images of Taiwan alone (10 m; blue, green, red). On other ground compare its "
           "map with landslides that you drew before you rely on it, and never use it for warning or planning alone.")
_QUANTITY = "counts"  # what the values of a scene mean does not matter: each is scaled by itself


def run(recipe: Recipe, name: str, folder: Path, data: Path, report: Report, device: Any,
        *, real_scene: bool = True) -> dict[str, Any]:
    """Trains, calibrates, saves and judges; what was done before in the same folder is not done again.

    Args:
        recipe: How to train.
        name: Of the model.
        folder: Gets `name/` with state, weights and card, and a line in `runs.jsonl`.
        data: Folder of the real data.
        report: Told the progress.
        device: From `backend.setup`.
        real_scene: Judge on the scene of Atsuma too.

    Returns:
        The line of the table.

    Raises:
        UsageError: A run of this name has another recipe.
    """
    began = time.monotonic()
    _claim(folder / name, recipe)
    taiwan = read_patches(data, TAIWAN)
    blocks = blocks_of(taiwan)
    ground = training_mosaic(taiwan)
    simulated = simulated_patches(folder, recipe.cut_px, recipe.batch_size, recipe.seed) if recipe.mix else None
    hard = _false_alarms(folder / recipe.hard_from, ground) if recipe.hard_share else None
    report.stage(f"Training {name}")
    model, fitted = train(recipe, ground, blocks, folder / name / "state", report, simulated, hard)
    minutes = (time.monotonic() - began) / 60
    card = save_model(model, _card(recipe, name, taiwan, blocks, model.count_params(), fitted, device),
                      folder / name, half=True)
    report.stage(f"Judging {name}")
    # From here on the network is what the file holds, kernels in half precision.
    model = load_network(card, folder / name)
    judged = [*(block for block in blocks if block.role != "train"), *blocks_of(read_patches(data, KODAGU))]
    maps = judge.map_blocks(model, judged)
    threshold = judge.calibrate(judged, maps)
    rows = judge.score(judged, maps, threshold)
    adapted = judge.score(judged, judge.map_blocks(model, judged, adapt=True), threshold)
    card = save_model(model, _with_results(card, threshold, rows), folder / name, half=True)
    line = {
        "name": name, "made": card.created, "recipe": dataclasses.asdict(recipe), "threshold": threshold,
        "best epoch": fitted.best_epoch, "minutes": round(minutes, 1), "blocks": rows,
        "blocks, adapted": [row for row in adapted if row["role"] == "together"],
        "variety": judge.score_variety(model, judged, threshold),
        "pixel sizes": judge.score_sizes(model, judged, threshold),
        "five bands": judge.score_five_bands(model, read_unseen_five_bands(data), threshold),
        "atsuma": atsuma.judge(folder / name / card.weights, data) if real_scene else [],
        "bytes": card.weights_bytes,
    }
    with (folder / RESULTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return line


def table(lines: Iterable[dict[str, Any]]) -> str:
    """Markdown: a row a run, with what differs from the bundled models' recipe."""
    head = ["run", "differs in", "validation F1", "test P", "test R", "test F1", "Kodagu F1", "Kodagu adapted",
            "false alarms [m²/km²]", "validation F1 in scenes 1 / 2 / 4 times as varied",
            "F1 at 3 / 5 / 10 / 15 m", "F1 5 / 3 bands", "Atsuma P", "R", "F1", "adapted F1",
            "before [m²/km²]", "threshold", "minutes"]
    rows = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for line in lines:
        together = {row["ground"]: row for row in line["blocks"] if row["role"] == "together"}
        adapted = {row["ground"]: row for row in line["blocks, adapted"]}
        sizes = {row["pixel size [m]"]: row["F1"] for row in line["pixel sizes"]}
        test, scene = together["Taiwan test"], [*line["atsuma"], {}, {}]
        cells = [
            line["name"], _difference(line["recipe"]), together["Taiwan validation"]["F1"], test["precision"],
            test["recall"], test["F1"], together[KODAGU]["F1"], adapted[KODAGU]["F1"],
            test["false alarms there [m²/km²]"], " / ".join(_cell(row["F1"]) for row in line.get("variety", ())),
            " / ".join(_cell(sizes.get(size)) for size in (3.0, 5.0, 10.0, 15.0)),
            " / ".join(_cell(row["F1"]) for row in line.get("five bands", ())),
            *(scene[0].get(key) for key in ("precision", "recall", "F1")), scene[1].get("F1"),
            scene[0].get("false alarms before [m²/km²]"), line["threshold"], line["minutes"],
        ]
        rows.append("| " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(rows)


def read_runs(folder: Path) -> list[dict[str, Any]]:
    """The lines of all runs below a folder, in the order in which they ended."""
    path = folder / RESULTS
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _claim(folder: Path, recipe: Recipe) -> None:
    """Notes the recipe of a new run; the engine's loop tells no other windows from those it began with."""
    path, asked = folder / "recipe.json", dataclasses.asdict(recipe)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_json_atomic(path, asked)
    elif (known := read_json(path)) != asked:
        changed = ", ".join(key for key in asked if known.get(key) != asked[key])
        raise UsageError("weights.other-recipe", f"{folder} holds a run with another {changed}.",
                         "Give the new run another name, or remove the folder.")


def _false_alarms(earlier: Path, ground: Mosaic) -> np.ndarray:
    card = read_card(earlier)
    return judge.false_alarms(load_network(card, earlier), as_scene(ground), card.threshold)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 2 else f"{value:.1f}"
    return "–" if value is None else str(value)


def _difference(recipe: dict[str, Any]) -> str:
    standard = dataclasses.asdict(Recipe())
    return ", ".join(f"{key} {value}" for key, value in recipe.items() if standard.get(key) != value) or "nothing"


def _card(
    recipe: Recipe, name: str, taiwan: Patches, blocks: Sequence[Block], parameters: int, fitted: Any, device: Any
) -> ModelCard:
    training = [block for block in blocks if block.role == "train"]
    centre, spread = (np.mean([getattr(block.scaling, part) for block in training], axis=0)
                      for part in ("centre", "spread"))
    lacking = len(BANDS) - len(centre)
    return ModelCard(
        name=name, created=now(), bands=BANDS, quantity=_QUANTITY,
        description=f"U-Net with {recipe.filters} filters that maps landslides on images with three to five bands, "
                    "trained on Landslide4Sense (Sentinel-2, Taiwan). A base to fine-tune, or to map from at once.",
        # Levelled values of the training blocks; red edge and near infrared were never there.
        scaling=Scaling(RULE, (*centre.tolist(), *[0.0] * lacking), (*spread.tolist(), *[1.0] * lacking),
                        training[0].scaling.clip),
        patch_size_px=recipe.window_px, filters=recipe.filters, up_convolutions="scaled", parameters=parameters,
        pixel_size_range_m=(round(PIXEL_M / recipe.magnify, 1), round(PIXEL_M * (1 + recipe.zoom), 1)),
        threshold=0.5, threshold_rule="fixed", weights=f"{name}.weights.h5", sha256="", loss=recipe.loss_card(),
        training={
            **dataclasses.asdict(recipe), "data": SOURCE["name"], "data_licence": SOURCE["licence"],
            "citation": SOURCE["citation"], "patches": int(sum((b.mosaic.factors > 0).sum() for b in training)),
            "blocks": [block.name for block in training], "best_epoch": fitted.best_epoch,
            "levelling": "each patch's divisor taken out along the edges that it shares with its neighbours",
        },
        versions=versions(device), warnings=(WARNING,), may_lack=MAY_LACK, unlearned=recipe.unlearned,
    )


def _with_results(card: ModelCard, threshold: float, rows: Sequence[dict[str, Any]]) -> ModelCard:
    together = {row["ground"]: row for row in rows if row["role"] == "together"}
    test, validation, kodagu = (together[name] for name in ("Taiwan test", "Taiwan validation", KODAGU))
    metrics = {
        "precision": test["precision"], "recall": test["recall"], "f1": test["F1"], "validation_f1": validation["F1"],
        "false_alarms_m2_per_km2": test["false alarms there [m²/km²]"], "kodagu_precision": kodagu["precision"],
        "kodagu_recall": kodagu["recall"], "kodagu_f1": kodagu["F1"],
        **{f"{row['ground'].lower().replace(' ', '_')}_f1": row["F1"] for row in rows if row["role"] != "together"},
    }
    return dataclasses.replace(
        card, threshold=threshold, threshold_rule="best F1 on the validation blocks of Taiwan", metrics=metrics,
        measured=f"{judge.MEASURED}. Kodagu, India, is another country that it never learned from. False alarms are "
                 "counted on squares of 640 m without a landslide.")
