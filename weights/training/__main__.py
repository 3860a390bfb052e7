"""The commands that make and try the bundled models.

Run from the project's root:

    python -m weights.training make      # both models into weights/; goes on where it stopped
    python -m weights.training try --recipe.filters 8 --recipe.training-epochs 40 --recipe.colours 0.5
    python -m weights.training table     # all runs as Markdown
    python -m weights.training few --model weights/NAME.weights.h5    # fine-tuned with few landslides, and from scratch
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Any

import tyro

from model_core.cli import share_heap
from model_core.contract.errors import MtlError
from model_core.contract.events import Report
from model_core.network import backend

from . import few, runs
from .patches import ROOT, data_folder
from .recipe import Recipe

BUILD = ROOT / "build" / "weights"
# Trained one after the other; the large one maps best, the small one runs three times as fast.
MODELS = {"landslide4sense-32": Recipe(filters=32), "landslide4sense-16": Recipe(filters=16)}


class Printed(Report):
    """Says in lines what goes on."""

    def emit(self, kind: str, **values: Any) -> None:
        """Prints stages, messages and the F1 on validation ground."""
        if kind == "stage":
            print(values["name"], flush=True)
        elif kind == "log":
            print(values["message"], flush=True)
        elif kind == "metric" and values["name"] == "val_f1":
            print(f"  training epoch {values['step']}: validation F1 {values['value']:.4f}", flush=True)


def make(build: Path = BUILD, target: Path = ROOT / "weights") -> None:
    """Trains the bundled models and puts them into weights/.

    Args:
        build: Folder for states and for the table of all runs.
        target: Folder for weights and cards.
    """
    for name, recipe in MODELS.items():
        _run(recipe, name, build, real_scene=True)
        for suffix in (".weights.h5", ".json"):
            shutil.copy2(build / name / f"{name}{suffix}", target)


def try_(recipe: Recipe, name: str, build: Path = BUILD, real_scene: bool = True) -> None:
    """Trains and judges one network and adds it to the table.

    Args:
        recipe: How to train.
        name: Of the run; the same name goes on with an unfinished one.
        build: Folder for states and for the table of all runs.
        real_scene: Judge on the scene of Atsuma too.
    """
    _run(recipe, name, build, real_scene)


def table(build: Path = BUILD) -> None:
    """Prints all runs as Markdown.

    Args:
        build: Folder that they lie in.
    """
    print(runs.table(runs.read_runs(build)))


def few_(model: Path) -> None:
    """Judges how much few drawn landslides gain with a model and without one.

    Args:
        model: Weights file with its card.
    """
    backend.setup()
    print(few.table(few.few_polygons(model, data_folder())))


def _run(recipe: Recipe, name: str, build: Path, real_scene: bool) -> None:
    data = data_folder()
    build.mkdir(parents=True, exist_ok=True)
    if any((line["name"], line["recipe"]) == (name, dataclasses.asdict(recipe)) for line in runs.read_runs(build)):
        print(f"{name} is done; take its line out of {build / runs.RESULTS} to judge it anew.")
        return
    line = runs.run(recipe, name, build, data, Printed(), backend.setup(seed=recipe.seed), real_scene=real_scene)
    print(runs.table([line]))


if __name__ == "__main__":
    share_heap()
    try:
        tyro.extras.subcommand_cli_from_dict({"make": make, "try": try_, "table": table, "few": few_})
    except MtlError as error:
        sys.exit(f"{error.message}\n{error.hint}")
