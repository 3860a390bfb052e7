"""Where a threshold should come from: validation ground alone, or training and validation ground together.

Reads the maps that `benchmarks/presets.py` left below build/presets and makes no others. For each step it prints the
mean F1 on the test ground after the event, and how much of the scene before it is drawn, with the threshold 0.5, with
the best one of validation ground, with that of training and validation ground, and, for scale, with that of the test
ground itself.

    python benchmarks/thresholds.py
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

import presets

sys.path.insert(0, str(presets.ROOT))

import numpy as np

from model_core.arrays.confusion import from_maps
from model_core.arrays.thresholds import ThresholdCurve
from model_core.geo.burn import burn_ids, burn_labels
from model_core.geo.rasters import read_grid, read_window
from model_core.geo.vectors import read_polygons
from model_core.stages.shared.map_files import classes_of

CHOICES = {"validation": ("validation",), "training + validation": ("train", "validation"), "test itself": ("test",)}


def main() -> None:
    for name, seeds in presets.SEEDS.items():
        print(f"\n{name}, {len(seeds)} seeds: F1 on test ground after the event / % drawn before it at the threshold\n")
        print("| step | 0.5 | " + " | ".join(CHOICES) + " |\n|---|" + "---|" * (1 + len(CHOICES)))
        for number, (title, dates, _) in enumerate(presets.STEPS):
            runs = [presets.BUILD / name / f"step{number}-seed{seed}" for seed in seeds]
            if all(run.exists() for run in runs):
                row = [measure(run, presets.series(name, seed), dates) for run, seed in zip(runs, seeds, strict=True)]
                means = [[statistics.fmean(r[k][i] for r in row) for i in range(3)] for k in row[0]]
                cells = ["{:.3f} / {:.1f} at {:.2f}".format(*mean) for mean in means]
                print(f"| {title} | " + " | ".join(cells) + " |")


def measure(run: Path, series: list[dict[str, Any]], dates: str) -> dict[str, tuple[float, float, float]]:
    """F1 on test ground, % of the scene drawn before, and threshold, by where the threshold comes from."""
    maps = {epoch["name"]: read_map(run, epoch) for epoch in series}
    probability, codes, roles = maps["after"]
    before = maps["before"][0]
    learned = maps.values() if dates == "both" else [maps["after"]]
    thresholds = {"0.5": 0.5}
    for choice, grounds in CHOICES.items():
        curve = ThresholdCurve()
        for values, known, where in [maps["after"]] if grounds == ("test",) else learned:
            for ground in grounds:
                curve.feed(values, known, where[ground])
        thresholds[choice] = curve.choose("f1")
    return {choice: (from_maps(classes_of(probability, t), codes, roles["test"]).f1 or 0.0,
                     100 * float((before >= t).sum()) / np.isfinite(before).sum(), t)
            for choice, t in thresholds.items()}


def read_map(run: Path, epoch: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Probabilities, label codes, and where each role's ground is."""
    path = run.parent / f"{run.name}-map" / f"{epoch['name']}_probability.tif"
    grid = read_grid(path)
    landslides = read_polygons(epoch["landslides"], role="landslides") if epoch.get("landslides") else None
    codes = burn_labels(grid, landslides, read_polygons(epoch["searched"], role="searched"), min_area_m2=200.0)
    blocks = read_polygons(run / "blocks.gpkg", layer="blocks").frame
    roles = {role: burn_ids(grid, blocks[blocks["role"] == role]) > 0 for role in ("train", "validation", "test")}
    return read_window(path, slice(0, grid.height), slice(0, grid.width)), codes, roles


if __name__ == "__main__":
    main()
