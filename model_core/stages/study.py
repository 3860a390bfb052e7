"""A whole study: base model, zero-shot maps, fine-tuned out-of-fold maps, and how good each of them is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..contract.errors import Cancelled, InputError, MtlError, OutputError
from ..contract.events import Report, Result
from ..contract.fields import to_dict
from ..contract.job import Job, to_json
from ..contract.jsonfile import read_json
from ..contract.library import find_model
from ..contract.params.layers import INVENTORY, MANUAL, PREDICTED
from ..contract.params.study import StudyParams
from ..contract.params.train import FineTuneParams, TrainParams
from ..contract.paths import NONE, relative
from ..contract.series import Epoch, Series, read_series
from ..geo.files import alone, write_csv_atomic, write_json_atomic
from ..geo.stamp import stamp
from ..geo.study_layers import write_study_layers
from ..geo.vectors import read_polygons
from .shared.making import making
from .shared.runs import JOB, safe_name
from .shared.scenes import describe_series, study_grid
from .shared.steps import Steps
from .shared.study_folder import SUMMARY, VERSION, StudyFolder
from .shared.study_layers import study_layers

LAYERS, ACCURACY = "study.gpkg", "accuracy.csv"
SHOWN = ("date", "map", "means", "precision", "recall", "F1", "drawn", "mapped", "drawn [km²]", "mapped [km²]")
DEVICE = ("device", "precision", "threads")


def run(params: StudyParams, report: Report) -> Result:
    """Does whatever of the study is not done yet.

    A date that fails is told and left out; the others go on.

    Raises:
        InputError: The series cannot be used; nothing was begun.
        ModelError: The base model cannot be used or trained.
        OutputError: The results cannot be written.
        Cancelled: Stopped on request; the same command goes on.
    """
    series = read_series(Path(params.series))
    _check(series, params, report)
    folder = Path(params.out)
    with alone(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_json_atomic(folder / JOB, to_json(Job("study", params), __version__))
        return _run(params, folder, series, report)


def _run(params: StudyParams, folder: Path, series: Series, report: Report) -> Result:
    course = _Course(params, Steps(folder, report), report)
    base = params.model or course.base()
    for epoch in series.epochs:
        course.attempt(epoch.name, course.map_with, base, "zero-shot", epoch)
    labelled = [epoch for epoch in series.epochs if epoch.landslides]
    if params.folds and labelled:
        pooled = course.attempt("all dates", course.fine_tune, base, "pooled", ())
        for epoch in labelled if pooled else ():
            course.attempt(epoch.name, course.judge_fold, "pooled", epoch, pooled)
    for epoch in labelled if params.folds and params.per_date else ():
        course.attempt(epoch.name, course.map_alone, base, epoch)
    course.attempt("inventory", course.join, series)
    course.attempt("statistics", course.count, labelled, series.area)
    course.attempt("density", course.spread, labelled, series.area)
    course.attempt("comparison of dates", course.compare, series)
    return _finish(folder, series, course, report)


class _Course:
    """The steps of a study, the rows of its accuracy table and what failed."""

    def __init__(self, params: StudyParams, steps: Steps, report: Report) -> None:
        self.params, self.steps, self._report = params, steps, report
        self.rows: list[dict[str, Any]] = []
        self.maps: dict[tuple[str, str], dict[str, str]] = {}
        self.inventories: dict[str, str] = {}
        self.failures: dict[str, str] = {}

    def attempt(self, name: str, work: Callable[..., Any], *args: Any) -> Any:
        """What the work gives, or None where it failed."""
        try:
            return work(*args)
        except (Cancelled, OutputError):  # on a full disk nothing else would succeed
            raise
        except MtlError as error:
            self.failures[name] = f"{error.message} {error.hint}"
            self._report.warn(f"{name} is left out: {error.message} {error.hint}")
            return None

    def base(self) -> str:
        """Trains the base model outside the study's area and gives its folder."""
        self._report.stage("Base model")
        weights = self.steps.run("base", "train", self._of(TrainParams, series=self.params.training, folds=0))
        return weights.outputs["weights"]

    def map_with(self, model: str, kind: str, epoch: Epoch) -> None:
        """Maps a date with a model as it is."""
        name = f"{kind}/{safe_name(epoch.name)}"
        found = self.steps.run(name, "predict", {
            "model": model, "series": self.params.series, "dates": [epoch.name],
            "min_area_m2": self.params.min_area_m2, **{key: getattr(self.params, key) for key in DEVICE},
        })
        binary, polygons = (found.outputs[f"{role}_{epoch.name}"] for role in ("binary", "polygons"))
        self.maps[kind, epoch.name] = {"binary": binary, "polygons": polygons}
        if epoch.landslides:
            self.judge(kind, epoch, binary, polygons, model=model)

    def fine_tune(self, model: str, name: str, dates: tuple[str, ...]) -> Result:
        """Fine-tunes on some dates, out of fold."""
        return self.steps.run(name, "fine-tune", self._of(
            FineTuneParams, series=self.params.series, model=model, dates=list(dates),
            training_epochs=self.params.fine_tuning_epochs, learning_rate=self.params.fine_tuning_rate,
        ))

    def map_alone(self, model: str, epoch: Epoch) -> None:
        """Fine-tunes on one date and maps it, out of fold."""
        self.judge_fold("per-date", epoch, self.fine_tune(model, f"per-date/{safe_name(epoch.name)}", (epoch.name,)))

    def judge_fold(self, kind: str, epoch: Epoch, found: Result) -> None:
        """Judges the out-of-fold map of a date: no pixel of it was predicted by a model that saw it."""
        stem = f"out_of_fold_{safe_name(epoch.name)}"
        polygons = Path(found.outputs[stem])
        binary = str(polygons.with_name(f"{stem}_binary.tif"))
        self.maps[kind, epoch.name] = {"binary": binary, "polygons": str(polygons)}
        self.judge(kind, epoch, binary, str(polygons), blocks=found.outputs["blocks"])

    def judge(self, kind: str, epoch: Epoch, binary: str, polygons: str, **known: str) -> None:
        """Compares a map with the landslides that were drawn; `known` tells what the model has seen."""
        found = self.steps.run(f"accuracy/{kind}/{safe_name(epoch.name)}", "evaluate", {
            "prediction": binary, "polygons": polygons, "reference": epoch.landslides, "searched": epoch.searched,
            "ignore": epoch.ignore, "reference_name": f"landslides drawn for {epoch.name}", **known,
            "min_area_m2": self.params.min_area_m2,
        })
        self.rows.append({"date": epoch.name, "map": kind, **_row(Path(found.outputs["accuracy"]))})

    def join(self, series: Series) -> None:
        """The inventory of every date: what was drawn, and beside it what the best map of the date shows."""
        best = {name: files["polygons"] for kind in ("zero-shot", "pooled")
                for (of, name), files in self.maps.items() if of == kind}
        mapped = {epoch.name: best[epoch.name] for epoch in series.epochs if epoch.name in best}
        found = self.steps.run("inventory", "inventory", {
            "series": self.params.series, "predictions": list(mapped.values()), "predicted_names": list(mapped),
            "min_area_m2": self.params.min_area_m2, "crs": study_grid(describe_series(series, Report()), series).crs,
        })
        for epoch in series.epochs:
            subset = "epoch = '{}'".format(epoch.name.replace("'", "''"))
            self.inventories[epoch.name] = f"{found.outputs['inventory']}|layername=inventory|subset={subset}"

    def count(self, labelled: Sequence[Epoch], area: str | None) -> None:
        """Numbers and sizes of what was drawn, of what was mapped and of the inventory, below each other."""
        kind, mapped = self._mapped()
        drawn = {epoch.name: epoch for epoch in labelled}
        layers: list[tuple[str, str, str, Epoch | None]] = [
            (f"{name} drawn", str(epoch.landslides), MANUAL, None) for name, epoch in drawn.items()]
        layers += [(f"{name} {kind}", source, PREDICTED, drawn.get(name)) for name, source in mapped.items()]
        layers += [(f"{name} inventory", source, INVENTORY, None) for name, source in self.inventories.items()]
        if not layers:
            return
        names, sources, used, known = (list(column) for column in zip(*layers, strict=True))
        values = {"landslides": sources, "names": names, "used": used, "area": area,
                  "min_area_m2": self.params.min_area_m2}
        if any(known):
            values["reference"] = [epoch.landslides if epoch else NONE for epoch in known]
            values["reference_ground"] = [(epoch and epoch.searched) or NONE for epoch in known]
        self.steps.run("statistics", "statistics", values)

    def compare(self, series: Series) -> None:
        """Changes between the dates, on the ground that all of them show: of what was drawn, and of what was mapped."""
        values: dict[str, Any] = {"series": self.params.series, "min_area_m2": self.params.min_area_m2}
        if sum(bool(epoch.landslides or epoch.searched) for epoch in series.epochs) > 1:
            self.steps.run("years/drawn", "compare-years", values)
        kind, mapped = self._mapped()
        if len(mapped) > 1:
            self.steps.run(f"years/{kind}", "compare-years", {
                **values, "landslides": list(mapped.values()), "names": list(mapped),
                "observed": [self.maps[kind, name]["binary"] for name in mapped]})

    def spread(self, labelled: Sequence[Epoch], area: str | None) -> None:
        """Density of what was drawn, and with the same radius of what was mapped and of the inventory."""
        radius_m = None
        if labelled:
            drawn = self.steps.run("density/drawn", "density", {"series": self.params.series})
            rows = read_json(Path(drawn.outputs["summary"]))["densities"]
            radius_m = next((row["radius_m"] for row in rows if row["n"]), None)
        for used, (kind, layers) in ((PREDICTED, self._mapped()), (INVENTORY, (INVENTORY, self.inventories))):
            if layers:
                self.steps.run(f"density/{kind}", "density", {
                    "landslides": list(layers.values()), "names": list(layers), "used": [used], "area": area,
                    "radius_m": radius_m})

    def _mapped(self) -> tuple[str, dict[str, str]]:
        """The best kind of map there is, and its polygons by date."""
        kind = "pooled" if any(kind == "pooled" for kind, _ in self.maps) else "zero-shot"
        return kind, {name: files["polygons"] for (of, name), files in self.maps.items() if of == kind}

    def _of(self, cls: Any, **changes: Any) -> dict[str, Any]:
        """The study's own values as far as a stage has them."""
        names = {field.name for field in dataclasses.fields(cls)} - {"out", "model", "series"}
        values = to_dict(self.params)
        return {**{name: values[name] for name in names if name in values}, **changes}


def _row(accuracy: Path) -> dict[str, Any]:
    """What an accuracy file says of pixels and objects: on test ground if it knows, which out of fold is everywhere."""
    found = read_json(accuracy)
    grounds = [row["ground"] for row in found["pixels"]]
    ground = "test blocks" if "test blocks" in grounds else "whole area"
    pixels = next(row for row in found["pixels"] if row["ground"] == ground)
    objects = next(row for row in found["objects"] if row["ground"] == ground and row["match"] == "linked"
                   and row["from_m2"] is None)
    return {
        "means": pixels["means"], "precision": pixels["precision"], "recall": pixels["recall"], "F1": pixels["f1"],
        "F1 low": pixels["f1_low"], "F1 high": pixels["f1_high"], "drawn": objects["reference"],
        "drawn [km²]": pixels["reference_km2"], "mapped": objects["mapped"], "mapped [km²]": pixels["mapped_km2"],
        "found": objects["recall"],
    }


def _check(series: Series, params: StudyParams, report: Report) -> None:
    """Looks at everything that the study reads before hours are spent, and tells all problems at once."""
    problems = []
    beside = read_series(Path(params.training)).epochs if params.training else ()
    for where, epoch in [*(("", epoch) for epoch in series.epochs), *(("training ", epoch) for epoch in beside)]:
        try:
            describe_series(Series((epoch,)), report)
            for role in ("landslides", "searched", "ignore", "unusable"):
                source = getattr(epoch, role)
                if source:
                    read_polygons(source, role=role)
        except MtlError as error:
            problems.append(f"{where}{epoch.name}: {error.message}")
    if params.training and not any(epoch.landslides for epoch in beside):
        problems.append("training: no date has landslides to learn from.")
    if params.model:
        find_model(params.model)
    if problems:
        raise InputError("study.problems", "The study cannot begin. " + " ".join(problems),
                         "Mend all of these; nothing was begun.", problems=problems)


def _finish(folder: Path, series: Series, course: _Course, report: Report) -> Result:
    """Writes the tables and the layers of all dates."""
    report.stage("Collecting the results")
    dated = describe_series(series, Report())
    grid = study_grid(dated, series)
    study = StudyFolder(folder, series, course.maps, course.rows, course.failures, course.steps.done, __version__)
    with stamp(making("study", course.params)):
        write_study_layers(folder / LAYERS, grid.crs,
                           study_layers(study, {scenes.name: scenes.date for scenes in dated}, grid))
    write_csv_atomic(folder / ACCURACY, course.rows)
    write_json_atomic(folder / SUMMARY, {
        "version": VERSION, "engine": __version__, "series": relative(course.params.series, folder),
        "remark": series.remark, "dates": [epoch.name for epoch in series.epochs],
        "maps": [{"date": name, "map": kind, **{role: relative(path, folder) for role, path in files.items()}}
                 for (kind, name), files in course.maps.items()],
        "accuracy": course.rows, "failures": course.failures, "steps": course.steps.done,
    })
    written = course.attempt("report", course.steps.run, "report", "report", {"study": str(folder)})
    shown = [{key: row[key] for key in SHOWN} for row in course.rows]
    summary: dict[str, Any] = {"accuracy over the whole area": shown}
    if course.failures:
        summary["left out"] = [{"what": name, "why": why} for name, why in course.failures.items()]
    return Result({"layers": str(folder / LAYERS), "accuracy": str(folder / ACCURACY), "study": str(folder / SUMMARY),
                   **(written.outputs if written else {})}, summary)
