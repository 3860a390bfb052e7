"""A whole study: base model, zero-shot maps, fine-tuned out-of-fold maps, how good they are and what they say."""

from __future__ import annotations

import dataclasses
from itertools import count
from pathlib import Path
from typing import Any

import geopandas as gpd

from .. import __version__
from ..contract.events import Report, Result
from ..contract.job import Job, to_json
from ..contract.jsonfile import read_json
from ..contract.params.study import StudyParams
from ..contract.paths import relative
from ..contract.series import TRAIN, Epoch, Series
from ..geo.content import digest_of
from ..geo.files import alone, write_csv_atomic, write_json_atomic
from ..geo.stamp import stamp
from ..geo.study_layers import write_study_layers
from ..geo.vectors import write_layers
from .shared.making import making
from .shared.runs import JOB
from .shared.scenes import describe_series, study_grid
from .shared.series_check import check_study
from .shared.studying.course import Course
from .shared.studying.findings import Findings
from .shared.studying.folder import POOLED, SUMMARY, VERSION, StudyFolder
from .shared.studying.layers import study_layers
from .shared.studying.steps import Steps

LAYERS, ACCURACY, NONE_FOUND = "study.gpkg", "accuracy.csv", "none_found.gpkg"
NEW_LAYERS, LAYERS_RECORD = "study.new.gpkg", ".layers.json"
SHOWN = ("date", "map", "means", "precision", "recall", "F1", "drawn", "mapped", "drawn [km²]", "mapped [km²]")


def run(params: StudyParams, report: Report) -> Result:
    """Does whatever of the study is not done yet.

    A date that fails is told and left out; the others go on.

    Raises:
        InputError: The series cannot be used; nothing was begun.
        ModelError: The base model cannot be used or trained.
        OutputError: The results cannot be written.
        Cancelled: Stopped on request; the same command goes on.
    """
    series = check_study(params, report)
    folder = Path(params.out)
    with alone(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_json_atomic(folder / JOB, to_json(Job("study", params), __version__))
        return _run(params, folder, series, report)


def _run(params: StudyParams, folder: Path, series: Series, report: Report) -> Result:
    course = Course(params, Steps(folder, report), report)
    base = params.model or course.base()
    with stamp(making("study", params)):
        epochs = _with_none_found(series, folder)
    for epoch in epochs:
        course.attempt(epoch.name, course.map_with, base, epoch)
    learning = [epoch for epoch in series.epochs if epoch.landslides and epoch.use == TRAIN]
    if params.folds and learning:
        # All dates are mapped here: those that only judge by models that saw neither their landslides nor their
        # ground, and those that are only mapped by all models together. So one kind of map serves all numbers.
        pooled = course.attempt("all dates", course.fine_tune, base, POOLED, ())
        for epoch in epochs if pooled else ():
            course.attempt(epoch.name, course.judge_fold, POOLED, epoch, pooled, base)
    for epoch in learning if params.folds and params.per_date else ():
        course.attempt(epoch.name, course.map_alone, base, epoch)
    findings = Findings(course, series, [epoch for epoch in epochs if epoch.landslides], report)
    course.attempt("observed ground", findings.outline)
    course.attempt("inventory", findings.join)
    course.attempt("comparison of dates", findings.compare)
    course.attempt("statistics", findings.count)
    course.attempt("density", findings.spread)
    course.attempt("difference of densities", findings.contrast)
    return _finish(folder, series, course, report)


def _with_none_found(series: Series, folder: Path) -> list[Epoch]:
    """The dates; those that were searched and where nothing was found get a layer without landslides.

    Zero is an answer: such a date is judged, counted and compared like any other.
    """
    if all(epoch.landslides or not epoch.searched for epoch in series.epochs):
        return list(series.epochs)
    path = folder / NONE_FOUND
    if not path.exists():
        write_layers(path, {"landslides": gpd.GeoDataFrame({"id": []}, geometry=[], crs="EPSG:4326")})
    return [dataclasses.replace(epoch, landslides=str(path)) if epoch.searched and not epoch.landslides else epoch
            for epoch in series.epochs]


def _replace_layers(folder: Path, written: Path, report: Report) -> None:
    """Puts new layers in the place of the old ones; those that somebody edited are moved aside, never overwritten.

    What was written last is known by its rows. It is noted before the layers take their place, together with what it
    replaces, so that a kill in between makes nobody an editor.
    """
    layers, record = folder / LAYERS, folder / LAYERS_RECORD
    known = read_json(record) if record.exists() else []
    if layers.exists() and known and digest_of(layers) not in known:
        names = (layers.with_name(f"study-edited-{number}.gpkg") for number in count(1))
        kept = next(path for path in names if not path.exists())
        layers.replace(kept)
        report.warn(f"{layers.name} was edited since it was written. It is kept as {kept.name}; give its inventory to "
                    "`mtl inventory --reviewed` to use the edits.")
    write_json_atomic(record, [*known[-1:], digest_of(written)])
    written.replace(layers)


def _finish(folder: Path, series: Series, course: Course, report: Report) -> Result:
    """Writes the tables and the layers of all dates."""
    report.stage("Collecting the results")
    dated = describe_series(series, Report())
    grid = study_grid(dated, series)
    study = StudyFolder(folder, series, course.maps, course.rows, course.failures, course.steps.done, __version__)
    written = folder / NEW_LAYERS
    with stamp(making("study", course.params)):
        write_study_layers(written, grid.crs,
                           study_layers(study, {scenes.name: scenes.date for scenes in dated}, grid))
    _replace_layers(folder, written, report)
    write_csv_atomic(folder / ACCURACY, course.rows)
    write_json_atomic(folder / SUMMARY, {
        "version": VERSION, "engine": __version__, "series": relative(course.params.series, folder),
        "remark": series.remark, "dates": [epoch.name for epoch in series.epochs],
        "maps": [{"date": name, "map": kind, **{role: relative(path, folder) for role, path in files.items()}}
                 for (kind, name), files in course.maps.items()],
        "accuracy": course.rows, "failures": course.failures, "steps": course.steps.done,
    })
    page = course.attempt("report", course.steps.run, "report", "report", {"study": str(folder)})
    shown = [{key: row[key] for key in SHOWN} for row in course.rows]
    summary: dict[str, Any] = {"accuracy over the whole area": shown}
    if course.failures:
        summary["left out"] = [{"what": name, "why": why} for name, why in course.failures.items()]
    return Result({"layers": str(folder / LAYERS), "accuracy": str(folder / ACCURACY), "study": str(folder / SUMMARY),
                   **(page.outputs if page else {})}, summary)
