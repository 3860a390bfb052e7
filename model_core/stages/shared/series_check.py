"""Looks at a whole series before any work begins, and tells all that is wrong at once, with what to do."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from ...arrays import folds
from ...contract.dates import Days, days_text
from ...contract.errors import InputError, MtlError
from ...contract.events import Report
from ...contract.library import find_model
from ...contract.series import JUDGE, TRAIN, Series, examine_series
from ...geo.grid import Grid
from ...geo.rasters import read_grid
from ...geo.scenes import check_alike
from ...geo.scenes.placement import Span, footprint, pixels_under
from ...geo.terrain import check_dem
from ...geo.vectors import in_crs, read_polygons
from .ground import Labels, read_labels
from .scenes import DatedScenes, check_names, chosen, describe_epoch, grid_of, misplaced, needed_bands, network_bands
from .split import choose_split, cut_blocks, split_blocks

LABELS = ("landslides", "searched", "ignore", "unusable")
_HINT = "Mend all of these; nothing was begun."


@dataclass
class Survey:
    """What was found in a series.

    Attributes:
        dated: The epochs whose images can be used.
        grid: Of all of them; None if there is none.
        errors: What is wrong, each with the name of its epoch or "".
        layers: The polygons that were read, by epoch and role.
        dem: Where the elevation model lies; None if there is none.
    """

    dated: list[DatedScenes] = field(default_factory=list)
    grid: Grid | None = None
    errors: list[tuple[str, MtlError]] = field(default_factory=list)
    layers: dict[tuple[str, str], gpd.GeoDataFrame] = field(default_factory=dict)
    dem: Grid | None = None

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Keeps the error of what is done inside, and goes on after it."""
        try:
            yield
        except MtlError as error:
            self.errors.append((name, error))

    def sentences(self, where: str = "") -> list[str]:
        """All errors, each with what to do."""
        return [_sentence(f"{where}{name}".strip(), error) for name, error in self.errors]


def read_dates(
    series: Series, names: Sequence[str], report: Report, *, labels: bool = False
) -> tuple[list[DatedScenes], Grid]:
    """The dates of a series that a stage works on, and the grid of all of them.

    Args:
        series: All epochs.
        names: Of the dates to work on; empty: all.
        report: Told what is odd.
        labels: The stage reads landslides and searched ground too.

    Raises:
        MtlError: What is wrong. Where there is more than one thing, an InputError with all of them.
    """
    # A single date is read at once anyway, and a large layer need not be read once more.
    roles = LABELS if labels else ("unusable",)
    found = survey(series, report, roles if len(series.epochs) > 1 else (), names)
    if found.grid is not None and not found.errors:
        return chosen(found.dated, names), found.grid
    if len(found.errors) == 1:
        raise found.errors[0][1]
    problems = found.sentences()
    raise InputError("series.problems", "The series cannot be used. " + " ".join(problems), _HINT, problems=problems)


def survey(series: Series, report: Report, roles: Sequence[str], names: Sequence[str] = ()) -> Survey:
    """Looks at all that a series names, without reading pixels.

    Args:
        series: What to look at.
        report: Told what is odd.
        roles: Which layers of polygons to read.
        names: Epochs whose layers are read; empty: all.
    """
    found = Survey()
    for epoch in series.epochs:
        with found.of(epoch.name):
            scenes = describe_epoch(epoch, report)
            check_alike(scenes.infos)
            found.dated.append(scenes)
        for role in roles if not names or epoch.name in names else ():
            source = getattr(epoch, role)
            if source:
                with found.of(epoch.name):
                    found.layers[epoch.name, role] = read_polygons(source, role=role).frame
    with found.of(""):
        check_names(found.dated)
    if series.dem:
        with found.of(""):
            check_dem(Path(series.dem))
            found.dem = read_grid(Path(series.dem))
    if found.dated:
        with found.of(""):
            grid = grid_of(found.dated, series)
            wrong = misplaced(found.dated, grid, series)
            found.errors += [("", error) for error in wrong]
            found.grid = None if wrong else grid
    return found


def check_study(params: Any, report: Report) -> Series:
    """Looks at everything that a study reads before hours are spent.

    Args:
        params: Of the study.
        report: Told what is odd, but no reason to stop.

    Raises:
        InputError: A series file cannot be read at all, or something in it is wrong: `details["problems"]` has a
            sentence for each.
        ModelError: Nothing but the base model is wrong.
    """
    report.stage("Checking the series")
    series, found = _examined(params.series, report)
    for check in (_places, _order, _elevation):
        check(series, found, report)
    training: Survey | None = None
    if params.training:
        beside, training = _examined(params.training, report)
        if not any(epoch.landslides and epoch.use == TRAIN for epoch in beside.epochs):
            training.errors.append(("", InputError("labels.none", "no date has landslides to learn from.",
                                                   "Give one of them landslides and the role train.")))
    if params.min_slope_deg is not None and not series.dem:
        found.errors.append(("", InputError("series.no-dem", "A least slope is given, but the series has no elevation.",
                                            "Add the raster of elevations to it (dem), or leave the slope out.")))
    plan: list[Any] = []
    if params.folds and any(scenes.epoch.use == TRAIN for scenes in found.dated):
        with found.of(""):
            plan = folds.fold_plan(params.n_blocks, params.folds)
    model = Survey()
    with model.of(""):
        bands = needed_bands(find_model(params.model)[0]) if params.model else ()
    if not found.errors and not model.errors and (training is None or not training.errors):
        _draw_splits(params, found, training, bands, plan, report)
    _undated(found)  # last: it keeps nothing else from being looked at
    problems = [*found.sentences(), *(training.sentences("training ") if training else ()), *model.sentences()]
    if model.errors and len(problems) == 1:
        raise model.errors[0][1]
    if problems:
        raise InputError("study.problems", "The study cannot begin. " + " ".join(problems), _HINT, problems=problems)
    return series


def _examined(path: str, report: Report) -> tuple[Series, Survey]:
    series, faults = examine_series(Path(path))
    found = survey(series, report, LABELS)
    found.errors[:0] = [("", fault) for fault in faults]
    return series, found


def _places(_: Series, found: Survey, report: Report) -> None:
    """Layers of another place, and years that hold next to nothing."""
    for scenes in found.dated:
        for role, what in (("landslides", "landslides"), ("searched", "polygons of searched ground")):
            frame = found.layers.get((scenes.name, role))
            if frame is None or found.grid is None:
                continue
            if frame.empty and (role == "searched" or not scenes.epoch.searched):
                found.errors.append((scenes.name, InputError(
                    "labels.empty", f"{getattr(scenes.epoch, role)} holds no polygon.",
                    "Draw the ground that was searched." if role == "searched"
                    else "Draw landslides, or give the searched ground if there are none.")))
            elif len(frame) and not _touches(frame, scenes, found.grid):
                around = role == "landslides" and _around(frame, scenes, found.grid)
                if around and scenes.epoch.searched:
                    report.warn(f"{scenes.name}: all of its {len(frame)} landslides lie outside the study area: no "
                                "landslide was found in it.")
                    continue
                found.errors.append((scenes.name, InputError(
                    "labels.elsewhere", f"none of its {len(frame)} {what} touches its images in the study area.",
                    "Check the coordinate system of the layer, and whether it belongs to this place."
                    + (" If there are none in the area, give the searched ground." if around else ""))))
        slides = found.layers.get((scenes.name, "landslides"))
        if slides is not None and len(slides) == 1 and scenes.epoch.use in (TRAIN, JUDGE):
            report.warn(f"{scenes.name} has a single landslide: its sizes allow no fit, and its density has no radius "
                        "of its own.")


def _around(frame: gpd.GeoDataFrame, scenes: DatedScenes, grid: Grid) -> bool:
    """The polygons are an inventory of the region: they begin no further from the images than these are wide."""
    parts = [footprint(info, grid) for info in scenes.infos]
    images = shapely.union_all([_box(part, grid) for part in parts if not part.empty])
    region = in_crs(frame, grid.crs).total_bounds
    left, bottom, right, top = images.bounds
    return bool(np.isfinite(region).all()
                and images.distance(shapely.box(*region)) <= math.hypot(right - left, top - bottom))


def _box(part: Span, grid: Grid) -> shapely.Polygon:
    return shapely.box(*grid.window(slice(part.top, part.bottom), slice(part.left, part.right)).bounds)


def _touches(frame: gpd.GeoDataFrame, scenes: DatedScenes, grid: Grid) -> bool:
    area = Span(0, grid.height, 0, grid.width)
    parts = [footprint(info, grid).within(area) for info in scenes.infos]
    images = shapely.union_all([_box(part, grid) for part in parts if not part.empty])
    return bool(np.any(shapely.intersects(np.asarray(in_crs(frame, grid.crs).geometry), images)))


def _order(_: Series, found: Survey, report: Report) -> None:
    """Epochs stand in the order of time, each date once."""
    known = [(scenes.name, scenes.days) for scenes in found.dated if scenes.days]
    taken: dict[Days, str] = {}
    for name, days in known:
        if days in taken:
            found.errors.append(("", InputError(
                "series.date-twice", f"{taken[days]} and {name} have the same date ({days_text(days)}).",
                "Join the tiles of one date into one epoch, or correct the dates.")))
        taken.setdefault(days, name)
    for (before, earlier), (name, days) in itertools.pairwise(known):
        if days < earlier:
            found.errors.append(("", InputError(
                "series.order", f"{name} ({days_text(days)}) stands after {before} ({days_text(earlier)}), but is "
                "older.", "Put the epochs in the order of time, or correct their dates.")))


def _undated(found: Survey) -> None:
    """A study compares dates and gives each landslide its own, so it cannot do without them."""
    for scenes in found.dated:
        if scenes.days is None:
            found.errors.append((scenes.name, InputError(
                "series.undated", "neither its images nor the series file tell its date.",
                'Give it to the epoch in the series file, for example "date": "2015-11-09".')))


def _elevation(series: Series, found: Survey, report: Report) -> None:
    """The elevation model shows the place of the study."""
    grid, dem = found.grid, found.dem
    if grid is None or dem is None:
        return
    needed = pixels_under(Span(0, grid.height, 0, grid.width), grid.transform, grid.crs, dem.transform, dem.crs)
    there = needed.within(Span(0, dem.height, 0, dem.width))
    if there.empty:
        found.errors.append(("", InputError(
            "terrain.elsewhere", f"The elevation model {series.dem} shows another place.",
            "Check its coordinate system, or take it out of the series.")))
    elif there != needed:
        report.warn(f"The elevation model {series.dem} does not cover the whole study area: landslides outside it get "
                    "no slope.")


def _draw_splits(
    params: Any, found: Survey, training: Survey | None, bands: Sequence[str], plan: Sequence[Any], report: Report
) -> None:
    """Draws the ground of all trainings to come, to know that each role will have enough."""
    if training is not None and training.grid is not None:
        with training.of(""):
            bands = _bands_of_all(training, params.model_bands)
            learning = [] if training.errors else _learnable(training, training.grid, bands, params)
            if learning:
                choose_split(learning, params, Report())
    with found.of(""):
        _bands_of_all(found, bands)
        if not plan or found.grid is None or found.errors:
            return
        if not any(scenes.epoch.landslides and scenes.epoch.use == TRAIN for scenes in found.dated):
            report.warn("No date has landslides to learn from: the base model maps all dates as it is.")
            return
        learning = _learnable(found, found.grid, bands, params)
        if not learning:
            return
        blocks = cut_blocks(learning, params)
        for number, (test, validation) in enumerate(plan, start=1):
            with found.of(f"fold {number} of all dates together"):
                split_blocks(learning, blocks, sorted(test), sorted(validation), params)
        for labels in learning if params.per_date else ():
            try:
                alone = cut_blocks([labels], params)
                for test, validation in plan:
                    split_blocks([labels], alone, sorted(test), sorted(validation), params)
            except InputError as error:
                report.warn(f"There will be no model of {labels.scenes.name} alone: {error.message}")


def _bands_of_all(found: Survey, wanted: Sequence[str]) -> tuple[str, ...]:
    """The bands of the network; every date that lacks one of the wanted is noted."""
    for scenes in found.dated:
        with found.of(scenes.name):
            network_bands([scenes], wanted)
    return tuple(wanted) if found.errors else network_bands(found.dated, wanted)


def _learnable(found: Survey, grid: Grid, bands: Sequence[str], params: Any) -> list[Labels]:
    """What the dates to learn from have; nothing where one of them cannot be read, which is noted for each."""
    labels: list[Labels] = []
    noted = len(found.errors)
    for scenes in found.dated:
        if scenes.epoch.use == TRAIN:
            with found.of(scenes.name):
                labels.append(read_labels(scenes, grid, bands, params.min_area_m2, Report()))
    if len(found.errors) > noted:
        return []
    if not any(ground.n_landslides for ground in labels):
        raise InputError("labels.none-on-image", "None of the landslides lies on observed, searched ground of its "
                         "image.", "Check searched ground, unusable ground and the minimum area.")
    return labels


def _sentence(where: str, error: MtlError) -> str:
    said = f"{error.message} {error.hint}".strip()
    # A name may be a letter or a year, which stands in many a message and path without naming the date.
    return said if not where or said.startswith((f"{where}:", f"{where} ")) else f"{where}: {said}"
