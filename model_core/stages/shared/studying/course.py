"""The part of a study that makes maps and judges them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ....contract.errors import Cancelled, MtlError, OutputError
from ....contract.events import Report, Result
from ....contract.fields import to_dict
from ....contract.jsonfile import read_json
from ....contract.params.study import StudyParams
from ....contract.params.train import FineTuneParams, TrainParams
from ....contract.series import PREDICT, Epoch
from ..course import OUT_OF_FOLD
from ..fold_means import MEAN
from ..runs import safe_name
from .folder import PER_DATE, ZERO_SHOT
from .steps import Steps

DEVICE = ("device", "precision", "threads")
TEST, WHOLE = "test blocks", "whole area"


class Course:
    """Runs the steps of a study and keeps what they leave.

    Attributes:
        params, steps: Of the study.
        rows: Of its accuracy table.
        maps: By kind and date: `binary` and `polygons`.
        failures: What was left out, and why.
    """

    def __init__(self, params: StudyParams, steps: Steps, report: Report) -> None:
        self.params, self.steps, self._report = params, steps, report
        self.rows: list[dict[str, Any]] = []
        self.maps: dict[tuple[str, str], dict[str, str]] = {}
        self.failures: dict[str, str] = {}

    def attempt(self, name: str, work: Callable[..., Any], *args: Any) -> Any:
        """What the work gives, or None where it failed."""
        try:
            return work(*args)
        except (Cancelled, OutputError):  # on a full disk nothing else would succeed
            raise
        except MtlError as error:
            why = f"{error.message} {error.hint}"
            self.failures[name] = f"{self.failures[name]} {why}" if name in self.failures else why
            self._report.warn(f"{name} is left out: {error.message} {error.hint}")
            return None

    def base(self) -> str:
        """Trains the base model outside the study's area and gives its folder."""
        self._report.stage("Base model")
        weights = self.steps.run("base", "train", self._of(
            TrainParams, series=self.params.training, folds=0, min_slope_deg=None))
        return weights.outputs["weights"]

    def map_with(self, model: str, epoch: Epoch) -> None:
        """Maps a date with a model as it is."""
        found = self.steps.run(f"{ZERO_SHOT}/{safe_name(epoch.name)}", "predict", {
            "model": model, "series": self.params.series, "dates": [epoch.name],
            **{key: getattr(self.params, key) for key in (*DEVICE, "min_area_m2", "min_slope_deg")},
        })
        binary, polygons = (found.outputs[f"{role}_{epoch.name}"] for role in ("binary", "polygons"))
        self.maps[ZERO_SHOT, epoch.name] = {"binary": binary, "polygons": polygons}
        if epoch.landslides and epoch.use != PREDICT:
            self._judge(ZERO_SHOT, epoch, binary, polygons, model=model)

    def fine_tune(self, model: str, name: str, dates: tuple[str, ...]) -> Result:
        """Fine-tunes on some dates, out of fold; without dates on all."""
        return self.steps.run(name, "fine-tune", self._of(
            FineTuneParams, series=self.params.series, model=model, dates=list(dates),
            training_epochs=self.params.fine_tuning_epochs, learning_rate=self.params.fine_tuning_rate,
        ))

    def map_alone(self, model: str, epoch: Epoch) -> None:
        """Fine-tunes on one date and maps it, out of fold."""
        found = self.fine_tune(model, f"{PER_DATE}/{safe_name(epoch.name)}", (epoch.name,))
        self.judge_fold(PER_DATE, epoch, found, model)

    def judge_fold(self, kind: str, epoch: Epoch, found: Result, base: str) -> None:
        """Judges the out-of-fold map of a date: no fine-tuning saw it; whether the base model did, its card tells.

        The map of a date that is only mapped is that of all folds together, and is never judged: most of them have
        learned on its ground at other dates.
        """
        only_mapped = epoch.use == PREDICT
        stem = f"{MEAN if only_mapped else OUT_OF_FOLD}{safe_name(epoch.name)}"
        if stem not in found.outputs:  # an image that cannot be used, as the fine-tuning has told
            return
        polygons = Path(found.outputs[stem])
        binary = str(polygons.with_name(f"{polygons.stem.removesuffix('_polygons')}_binary.tif"))
        self.maps[kind, epoch.name] = {"binary": binary, "polygons": str(polygons)}
        if not only_mapped:
            self._judge(kind, epoch, binary, str(polygons), blocks=found.outputs["blocks"], model=base)

    def _judge(self, kind: str, epoch: Epoch, binary: str, polygons: str, **known: str) -> None:
        """Compares a map with the landslides that were drawn; `known` tells what the model has seen."""
        found = self.steps.run(f"accuracy/{kind}/{safe_name(epoch.name)}", "evaluate", {
            "prediction": binary, "polygons": polygons, "reference": epoch.landslides, "searched": epoch.searched,
            "ignore": epoch.ignore, "reference_name": f"landslides drawn for {epoch.name}", **known,
            "min_area_m2": self.params.min_area_m2,
        })
        self.rows.append({"date": epoch.name, "map": kind, **_row(read_json(Path(found.outputs["accuracy"])))})

    def _of(self, cls: Any, **changes: Any) -> dict[str, Any]:
        """The study's own values as far as a stage has them."""
        names = {field.name for field in dataclasses.fields(cls)} - {"out", "model", "series"}
        values = to_dict(self.params)
        return {**{name: values[name] for name in names if name in values}, **changes}


def main_ground(found: dict[str, Any]) -> str:
    """The ground that an accuracy file speaks of: test ground if it knows, which out of fold is everywhere."""
    return TEST if any(row["ground"] == TEST for row in found["pixels"]) else WHOLE


def _row(found: dict[str, Any]) -> dict[str, Any]:
    """What an accuracy file says of pixels and objects."""
    ground = main_ground(found)
    pixels = next(row for row in found["pixels"] if row["ground"] == ground)
    objects = next(row for row in found["objects"] if row["ground"] == ground and row["match"] == "linked"
                   and row["from_m2"] is None)
    return {
        "means": pixels["means"], "precision": pixels["precision"], "recall": pixels["recall"], "F1": pixels["f1"],
        "F1 low": pixels["f1_low"], "F1 high": pixels["f1_high"], "drawn": objects["reference"],
        "drawn [km²]": pixels["reference_km2"], "mapped": objects["mapped"], "mapped [km²]": pixels["mapped_km2"],
        "found": objects["recall"],
    }
