"""The study area at every date, with what was drawn there, and the landslides that the base model learned from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ....contract.errors import InputError
from ....contract.events import Report
from ....contract.jsonfile import read_json
from ....contract.paths import absolute
from ....contract.series import Series, read_series
from ....geo.grid import Grid
from ....geo.vectors import in_crs, stacked
from ....report.maps import ORANGE, SKY, YELLOW, MapPanel, Rings, map_sheet
from ....report.pieces import Picture
from ..runs import JOB
from ..scenes import study_grid
from .images import Photo, coarse, extent_m, in_words, painted, photograph, rings, stretches
from .sources import Sources, drawn, polygons, usable_dates

# Longest side of what is read for a panel, by how many panels there are.
_FEW, _FEW_PX, _MANY_PX = 4, 900, 500
_MARGIN = 0.03  # of the longer side


@dataclasses.dataclass(frozen=True)
class _View:
    """A panel before its colours are known: they hang on all photos."""

    title: str
    grid: Grid
    photo: Photo | None
    rings: list[Rings]


def study_area(sources: Sources, report: Report) -> Picture | None:
    """A panel a date, and one with the training landslides where there are any; None without any image."""
    series = sources.study.series
    if not sources.dates or not sources.bands:
        return None
    longest_px = _FEW_PX if len(series.epochs) <= _FEW else _MANY_PX
    whole = study_grid(list(sources.dates.values()), series)
    grid = coarse(_widened(whole), longest_px)[0]
    views = [_training(sources, longest_px, report), *_dates(sources, grid, report)]
    found = [view for view in views if view is not None]
    by_quantity = stretches(view.photo for view in found)
    shown = [
        MapPanel(view.title, painted(view.photo, view.grid.shape, by_quantity), extent_m(view.grid), view.rings,
                 scale=number == 0 or view.grid is not found[number - 1].grid)
        for number, view in enumerate(found)
    ]
    striped = any(view.photo is not None and not view.photo.valid.all() for view in found)
    png = map_sheet(shown, series.remark, unobserved="not observed" if striped else "")
    return Picture("Study area", _caption(sources, found, grid, len(by_quantity), striped), png)


def _dates(sources: Sources, grid: Grid, report: Report) -> list[_View]:
    views = []
    for epoch in sources.study.series.epochs:
        photo = photograph(sources.dates.get(epoch.name), grid, sources.bands)
        slides = drawn(epoch, report)
        if photo is None and slides is None:
            continue
        title = sources.title(epoch.name) + ("" if epoch.landslides else ", nothing drawn")
        views.append(_View(title, grid, photo, [
            _area_rings(sources, grid), Rings(rings(slides, grid), YELLOW, "drawn landslides")]))
    return views


def _training(sources: Sources, longest_px: int, report: Report) -> _View | None:
    """The landslides of the training series over the image of its first date that has some."""
    try:
        series = _training_series(sources)
        if series is None:
            return None
        labelled = [epoch for epoch in series.epochs if epoch.landslides]
        layers = [frame for epoch in labelled if (frame := drawn(epoch, report)) is not None and not frame.empty]
        dates = usable_dates(dataclasses.replace(series, epochs=tuple(labelled)), report)
        if not layers or not dates:
            return None
        grid = study_grid(list(dates.values()), series)
    except InputError as error:
        report.warn(f"The report's map of the study area lacks the training landslides: {error.message}")
        return None
    first = next(iter(dates.values()))
    slides = stacked([in_crs(layer, grid.crs) for layer in layers])
    searched = polygons(first.epoch.searched, "searched ground", report)
    grounds = [frame.total_bounds for frame in
               (slides, *(in_crs(frame, grid.crs) for frame in (searched, sources.area) if frame is not None))
               if not frame.empty]
    grid = coarse(_part(grid, np.array(grounds)), longest_px)[0]
    day = f" {first.days_text}".rstrip()
    return _View(f"training{day}", grid, photograph(first, grid, sources.bands), [
        _area_rings(sources, grid), Rings(rings(slides, grid), ORANGE, "training landslides")])


def _training_series(sources: Sources) -> Series | None:
    """The series that the base model learned from; None where it was given, not trained."""
    folder = sources.study.folder
    try:
        given = read_json(folder / JOB)["params"].get("training")
    except (OSError, ValueError, KeyError):
        return None
    return read_series(Path(absolute(given, folder))) if given else None


def _part(grid: Grid, bounds: np.ndarray) -> Grid:
    """The part of the grid around (n, 4) left, bottom, right, top, as far as these lie on it."""
    rows, cols = [], []
    for left, bottom, right, top in bounds:
        (c0, r0), (c1, r1) = ~grid.transform @ (left, top), ~grid.transform @ (right, bottom)
        if r1 > 0 and c1 > 0 and r0 < grid.height and c0 < grid.width:
            rows += [r0, r1]
            cols += [c0, c1]
    if not rows:
        return grid
    top_px, bottom_px = max(round(min(rows)), 0), min(round(max(rows)), grid.height)
    left_px, right_px = max(round(min(cols)), 0), min(round(max(cols)), grid.width)
    return grid.window(slice(top_px, max(bottom_px, top_px + 1)), slice(left_px, max(right_px, left_px + 1)))


def _widened(grid: Grid) -> Grid:
    margin = round(_MARGIN * max(grid.shape))
    return grid.window(slice(-margin, grid.height + margin), slice(-margin, grid.width + margin))


def _area_rings(sources: Sources, grid: Grid) -> Rings:
    return Rings(rings(sources.area, grid), SKY, "area of interest", 1.1)


def _caption(sources: Sources, views: list[_View], grid: Grid, n_quantities: int, striped: bool) -> str:
    n = sum(view.grid is grid for view in views)
    same = "the same stretch of colours for all dates" if n_quantities <= 1 else \
        "the same stretch of colours for all dates whose images have the same unit"
    text = [f"The study area at {n} date{'s' if n > 1 else ''}. The images are shown {in_words(sources.bands)}, with "
            f"{same}. Yellow lines are the landslides drawn by hand"
            + ("; the light blue line is the area of interest." if sources.area is not None else ".")]
    if any(view.grid is not grid for view in views):
        text.append("The panel “training” shows in orange the landslides that the base model learned from.")
    if striped:
        text.append("Striped ground was not observed: cloud, shadow or no image.")
    text.append("North is up.")
    return " ".join(text)
