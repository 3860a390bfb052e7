"""The simulated study in full, beside the paper's Tables 3 and 5 (docs/study.md holds what it prints).

Makes the sample of seven years (seed 0) and two studies of it with 16 filters:

- paper: preset `paper` as it is, with models of single dates too;
- recommended: preset `recommended` with 80 training epochs of the base model instead of 120 and 12 of fine-tuning
  instead of 60, because its patches overlap and an epoch takes four times as long.

About three hours on 2 cores. Run again it goes on, what is done is not done again.

    python benchmarks/simulated_study.py                  below build/simulated-study
    python benchmarks/simulated_study.py --build FOLDER   elsewhere
    python benchmarks/simulated_study.py --tables         prints the tables of what is there
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STUDIES = {
    "paper": ["--preset", "paper", "--per-date"],
    "recommended": ["--preset", "recommended", "--training-epochs", "80", "--fine-tuning-epochs", "12"],
}
FILTERS = "16"
# Bhuyan et al. (2023), Table 3: precision, recall, F1; Table 5: highest density, manual and predicted.
PAPER = {
    2013: ((0.752, 0.651, 0.697), (3.22, 2.59)), 2014: ((0.762, 0.696, 0.727), (3.62, 6.64)),
    2015: ((0.843, 0.450, 0.586), (16.46, 11.47)), 2016: ((0.927, 0.603, 0.731), (8.37, 11.54)),
    2017: ((0.882, 0.724, 0.795), (6.16, 7.46)), 2018: ((0.753, 0.633, 0.688), (4.85, 7.35)),
    2019: ((0.600, 0.759, 0.669), (4.70, 6.99)),
}
MEASURES = ("precision", "recall", "F1", "F1 low", "F1 high")
KINDS = ("zero-shot", "pooled", "per-date")


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "simulated-study")
    parser.add_argument("--tables", action="store_true", help="only print the tables of what is there")
    options = parser.parse_args(words)
    sample = options.build / "sample"
    if not options.tables:
        if not sample.exists():
            mtl("sample", sample)
        for name, settings in STUDIES.items():
            mtl("study", sample / "series.json", "--training", sample / "training.json", "--filters", FILTERS,
                *settings, "--out", options.build / name)
    for name in STUDIES:
        tables = options.build / name / "report" / "tables"
        if tables.is_dir():
            print(f"\n## {name}, {FILTERS} filters (SIMULATED; the paper's column is real)\n")
            print("\n".join([*accuracies(tables), "", *densities(tables), "", *objects(tables), "", *times(tables)]))


def mtl(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "model_core", *map(str, words)], cwd=ROOT, check=True)


def accuracies(tables: Path) -> Iterable[str]:
    """Precision, recall and F1 by year and kind of map, with the interval of F1 for out-of-fold maps."""
    rows = {(int(row["date"]), row["map"]): row for row in read(tables / "table_3_accuracy.csv")}
    kinds = [kind for kind in KINDS if (min(PAPER), kind) in rows]
    yield line("year", "paper (real): P R F1", *(f"{kind}: P R F1 (95 %)" for kind in kinds))
    yield line(*["---"] * (2 + len(kinds)))
    for year, (paper, _) in PAPER.items():
        cells = []
        for kind in kinds:
            row = {key: float(value) for key, value in rows[year, kind].items() if key in MEASURES}
            low, high = (numbers([row[key]]) for key in ("F1 low", "F1 high"))
            cells.append(f"{numbers(row[key] for key in MEASURES[:3])} ({low} to {high})")
        yield line(year, numbers(paper), *cells)
    means = (sum(float(rows[year, kind]["F1"]) for year in PAPER) / len(PAPER) for kind in kinds)
    yield line("mean F1", numbers([sum(paper[2] for paper, _ in PAPER.values()) / len(PAPER)]),
               *(numbers([mean]) for mean in means))


def densities(tables: Path) -> Iterable[str]:
    """Highest densities by year."""
    yield line("year", "paper: highest density, manual, predicted", "simulated: drawn, mapped", "n drawn, n mapped")
    yield line(*["---"] * 4)
    for row in read(tables / "table_5_density.csv"):
        high = PAPER[int(row["date"])][1]
        yield line(row["date"], f"{high[0]:.2f} {high[1]:.2f}",
                   f"{float(row['highest, manual']):.1f} {float(row['highest, mapped']):.1f}",
                   f"{row['n, manual']} {row['n, mapped']}")


def objects(tables: Path) -> Iterable[str]:
    """How many landslides are found, torn and joined in all years together, by kind of map."""
    rows = read(tables / "objects.csv")
    wanted = ("drawn", "found", "mapped", "false", "one to one", "fragmented 1:n, drawn", "amalgamated n:1, drawn")
    yield line("map, all years", *wanted)
    yield line(*["---"] * (1 + len(wanted)))
    for kind in KINDS:
        own = [row for row in rows if row["map"] == kind]
        if own:
            yield line(kind, *(sum(int(row[key]) for row in own) for key in wanted))


def times(tables: Path) -> Iterable[str]:
    """Minutes a step took."""
    yield "minutes: " + ", ".join(f"{row['step']} {float(row['time [s]']) / 60:.1f}"
                                  for row in read(tables / "run_time.csv"))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def line(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.3f}".lstrip("0") for value in values)


if __name__ == "__main__":
    main(sys.argv[1:])
