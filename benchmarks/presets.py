"""What the preset `recommended` changes against the paper's, step by step, and by how much.

Runs on the real Atsuma pair (where it is present) and on simulated pairs (of which each seed makes another). Blocks,
epoch and threshold are chosen without the test ground. Finished trainings stay below build/presets, not repeated.

    python benchmarks/presets.py            # everything, several hours on 2 cores
    python benchmarks/presets.py atsuma     # only the real pair
    python benchmarks/presets.py simulated
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "presets"
DATA = Path(os.environ.get("MTL_REALDATA") or ROOT / ".." / "shared" / "data").resolve()
SEEDS = {"atsuma": (0, 1, 2), "simulated": (0, 1)}
# 16 filters, so that the table takes hours and not days; six blocks: one to test, one to validate, four to train.
COMMON = {"filters": 16, "n_blocks": 6, "fold": 3}

PATCHES = {"stride_px": 64, "jitter_px": 32, "batch_size": 16, "momentum": 0.9, "schedule": "cosine",
           "training_epochs": 60}
LOSS = {"loss": "balanced", "monitor": "val_f1", "calibrate": True}
COLOUR = {"gain": 0.2, "offset": 0.2, "zoom": 0.1}
# Each step keeps what the steps before it changed.
STEPS: list[tuple[str, str, dict[str, Any]]] = [
    ("paper (on honest blocks)", "after", {}),
    ("+ overlapping, shifted patches; cosine schedule", "after", PATCHES),
    ("+ balanced loss, threshold and epoch by validation F1", "after", {**PATCHES, **LOSS}),
    ("+ contrast, brightness and scale at random", "after", {**PATCHES, **LOSS, **COLOUR}),
    ("+ the image before, as searched ground without landslides", "both", {**PATCHES, **LOSS, **COLOUR}),
]


def main(names: list[str]) -> None:
    for name in names or ["atsuma", "simulated"]:
        if name == "atsuma" and not (DATA / "atsuma").is_dir():
            print(f"atsuma: skipped, no data at {DATA}")
            continue
        for seed in SEEDS[name]:
            for number in range(len(STEPS)):
                train(name, number, seed)
        print(table(name))


def train(name: str, number: int, seed: int) -> dict[str, Any]:
    """One training and its map of both dates; its numbers come from a finished one where there is one."""
    _, dates, changes = STEPS[number]
    out = BUILD / name / f"step{number}-seed{seed}"
    if not (out / "accuracy.json").exists():
        everything = series(name, seed)
        rows = everything if dates == "both" else [row for row in everything if row["name"] == "after"]
        values = {"preset": "paper", **COMMON, **changes, "seed": seed, "series": write(name, rows, seed),
                  "out": str(out), "resume": True}
        run("train", values)
    if not (out.parent / f"{out.name}-map" / "job.json").exists():
        run("predict", {"series": write(name, series(name, seed), seed), "model": str(out),
                        "out": str(out.parent / f"{out.name}-map")})
    return measure(name, out, seed)


def measure(name: str, out: Path, seed: int) -> dict[str, Any]:
    """Accuracy on the test blocks after the event, and what the map shows there before it."""
    found: dict[str, Any] = {}
    for epoch in series(name, seed):
        reference = epoch.get("landslides")
        raster = out.parent / f"{out.name}-map" / f"{epoch['name']}_binary.tif"
        found[epoch["name"]] = counts(raster, out / "blocks.gpkg", epoch["searched"], reference)
    after, before = found["after"], found["before"]
    card = json.loads((out / f"{out.name}.json").read_text())["properties"]
    p, r = after["tp"] / max(after["tp"] + after["fp"], 1), after["tp"] / max(after["tp"] + after["fn"], 1)
    return {
        "validation F1": card["mtl:metrics"]["validation_f1"], "precision": p, "recall": r,
        "F1": 2 * after["tp"] / (2 * after["tp"] + after["fp"] + after["fn"]),
        "drawn before [% of test ground]": 100 * before["fp"] / max(before["fp"] + before["tn"], 1),
        "drawn before [% of scene]": before["scene"],
    }


def counts(raster: Path, blocks: Path, searched: str, reference: str | None) -> dict[str, Any]:
    """Pixel counts on the test blocks, by the engine's own burning and pooling; and the share of the scene drawn."""
    sys.path.insert(0, str(ROOT))
    from model_core.arrays.confusion import from_maps
    from model_core.geo.burn import burn_ids, burn_labels
    from model_core.geo.rasters import read_grid, read_window
    from model_core.geo.vectors import read_polygons

    grid = read_grid(raster)
    classes = read_window(raster, slice(0, grid.height), slice(0, grid.width))
    codes = burn_labels(grid, read_polygons(reference, role="landslides") if reference else None,
                        read_polygons(searched, role="searched"), min_area_m2=200.0)
    layer = read_polygons(blocks, layer="blocks").frame
    counted = from_maps(classes, codes, burn_ids(grid, layer[layer["role"] == "test"]) > 0)
    drawn = 100 * float((classes == 1).sum()) / max(float((classes != 255).sum()), 1.0)
    return {"tp": counted.tp, "fp": counted.fp, "fn": counted.fn, "tn": counted.tn, "scene": drawn}


def table(name: str) -> str:
    """Markdown: mean and standard deviation over the seeds."""
    rows = [[train(name, number, seed) for seed in SEEDS[name]] for number in range(len(STEPS))]
    columns = list(rows[0][0])
    kind = "real" if name == "atsuma" else "simulated"
    lines = [f"\n{name} ({kind}), test blocks, {len(SEEDS[name])} seeds, mean ± standard deviation", "",
             "| step | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for (title, _, _), repeats in zip(STEPS, rows, strict=True):
        cells = [f"{statistics.fmean(r[c] for r in repeats):.3f} ± {statistics.stdev(r[c] for r in repeats):.3f}"
                 for c in columns]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def series(name: str, seed: int) -> list[dict[str, Any]]:
    """The two dates, `before` and `after`."""
    if name == "atsuma":
        polygons = str(DATA / "atsuma" / "atsuma_2018.gpkg")
        rows = [{"name": when, "date": day, "scenes": [str(DATA / "atsuma" / f"atsuma_2018_{which}.tif")],
                 "bands": ["blue", "green", "red"], "searched": f"{polygons}|layername=mapped_area"}
                for when, day, which in (("before", "2018-08-01", "pre"), ("after", "2018-10-01", "post"))]
        return [rows[0], {**rows[1], "landslides": f"{polygons}|layername=landslides"}]
    sample = BUILD / name / f"sample{seed}"
    if not sample.exists():
        run("sample", {"out": str(sample), "kind": "pair", "seed": 100 + seed})
    rows = json.loads((sample / "series.json").read_text())["epochs"]
    for row, when in zip(rows, ("before", "after"), strict=True):
        row.update(name=when, scenes=[str(sample / scene) for scene in row["scenes"]],
                   **{key: str(sample / row[key]) for key in ("landslides", "searched") if key in row})
    return rows


def write(name: str, rows: list[dict[str, Any]], seed: int) -> str:
    path = BUILD / name / f"series-{'-'.join(row['name'] for row in rows)}-{seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"epochs": rows}))
    return str(path)


def run(stage: str, params: dict[str, Any]) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    job = BUILD / "job.json"
    job.write_text(json.dumps({"stage": stage, "params": params}))
    print(f"... {stage} {Path(params['out']).name}", flush=True)
    done = subprocess.run([sys.executable, "-m", "model_core", "run", str(job), "--events=json"], cwd=ROOT,
                          capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])


if __name__ == "__main__":
    main(sys.argv[1:])
