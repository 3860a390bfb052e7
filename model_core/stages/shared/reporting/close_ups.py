"""Close-ups of landslides that the map tears apart or joins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from ....arrays.objects import AMALGAMATED, FRAGMENTED
from ....geo.grid import Grid
from ....geo.rasters import read_grid
from ....geo.vectors import in_crs, read_polygons
from ....report.maps import SKY, YELLOW, MapPanel, Rings, map_sheet
from ....report.pieces import Picture
from ..runs import safe_name
from .images import coarse, extent_m, in_words, painted, photograph, rings, stretches
from .sources import KINDS, Sources

_MOST = 3  # of each kind
_MARGIN, _LEAST_PX = 0.2, 40  # around a landslide, of its longer side; a smaller window shows nothing
_LONGEST_PX = 480


@dataclass(frozen=True)
class _Case:
    """One landslide, drawn or mapped, with its partners on the other side."""

    date: str
    kind: str
    area_m2: float
    drawn: gpd.GeoDataFrame
    mapped: gpd.GeoDataFrame
    grid: Grid

    @property
    def counts(self) -> str:
        return f"{len(self.drawn)} drawn, {len(self.mapped)} mapped"


@dataclass(frozen=True)
class _Objects:
    """All objects of a date on its grid."""

    drawn: gpd.GeoDataFrame
    mapped: gpd.GeoDataFrame


def close_ups(sources: Sources) -> Picture | None:
    """The largest landslides of all dates that came in parts, and those that were joined; None without any."""
    study, kind = sources.study, sources.study.best_map()
    objects: dict[str, _Objects] = {}
    cases: list[_Case] = []
    for epoch in study.series.epochs:
        step = study.step(f"accuracy/{kind}/{safe_name(epoch.name)}")
        if step is None:
            continue
        grid = read_grid(Path(step.outputs["confusion"]))
        mapped, reference = (in_crs(read_polygons(step.outputs["objects"], layer=layer).frame, grid.crs)
                             for layer in ("mapped", "reference"))
        objects[epoch.name] = _Objects(reference, mapped)
        cases += _cases(epoch.name, FRAGMENTED, reference, mapped, grid)
        cases += _cases(epoch.name, AMALGAMATED, mapped, reference, grid)
    chosen = [*_largest(cases, FRAGMENTED), *_largest(cases, AMALGAMATED)]
    if not chosen:
        return None
    shown = [_panel(case, objects[case.date], sources) for case in chosen]
    striped = any(not whole for _, whole in shown)
    png = map_sheet([panel for panel, _ in shown], study.series.remark,
                    unobserved="not observed" if striped else "", columns=min(len(shown), _MOST))
    return Picture("Torn apart and joined", _caption(sources, kind, chosen), png)


def _cases(date: str, kind: str, ones: gpd.GeoDataFrame, others: gpd.GeoDataFrame, grid: Grid) -> list[_Case]:
    """Every object that alone stands against several."""
    found = []
    partners = others[others["match_class"] == kind]
    for _, one in ones[(ones["match_class"] == kind) & (ones["partners"] > 1)].iterrows():
        shared = shapely.area(shapely.intersection(np.asarray(partners.geometry, dtype=object), one.geometry))
        # It may touch objects that are linked to others; its own ones share most with it.
        own = partners.iloc[np.sort(np.argsort(-shared, kind="stable")[:int(one["partners"])])]
        alone = gpd.GeoDataFrame(geometry=[one.geometry], crs=grid.crs)
        drawn, mapped = (alone, own) if kind == FRAGMENTED else (own, alone)
        found.append(_Case(date, kind, float(one["area_m2"]), drawn, mapped, grid))
    return found


def _largest(cases: list[_Case], kind: str) -> list[_Case]:
    """The largest ones, each place once: a landslide that lasts is torn apart anew every year."""
    chosen: list[_Case] = []
    for case in sorted((case for case in cases if case.kind == kind), key=lambda case: -case.area_m2):
        place = shapely.box(*_bounds(case))
        if len(chosen) < _MOST and not any(place.intersects(shapely.box(*_bounds(other))) for other in chosen):
            chosen.append(case)
    return chosen


def _panel(case: _Case, objects: _Objects, sources: Sources) -> tuple[MapPanel, bool]:
    """The panel, and whether all its ground was observed."""
    grid = coarse(_window(case), _LONGEST_PX)[0]
    photo = photograph(sources.dates.get(case.date), grid, sources.bands)
    panel = MapPanel(
        f"{case.date}: {case.counts}", painted(photo, grid.shape, stretches([photo])), extent_m(grid), [
            Rings(rings(objects.drawn, grid), YELLOW, width_pt=0.5),
            Rings(rings(objects.mapped, grid), SKY, width_pt=0.5),
            # Where both run together the wide one shows on both sides of the other.
            Rings(rings(case.drawn, grid), YELLOW, "drawn by hand", 2.1),
            Rings(rings(case.mapped, grid), SKY, "mapped", 0.9),
        ])
    return panel, photo is None or bool(photo.valid.all())


def _window(case: _Case) -> Grid:
    """A square of pixels around the objects."""
    left, bottom, right, top = _bounds(case)
    (c0, r0), (c1, r1) = ~case.grid.transform @ (left, top), ~case.grid.transform @ (right, bottom)
    side = max(round(max(c1 - c0, r1 - r0) * (1 + 2 * _MARGIN)), _LEAST_PX)
    row, col = round((r0 + r1 - side) / 2), round((c0 + c1 - side) / 2)
    return case.grid.window(slice(row, row + side), slice(col, col + side))


def _bounds(case: _Case) -> np.ndarray:
    both = np.array([case.drawn.total_bounds, case.mapped.total_bounds])
    return np.concatenate([both[:, :2].min(axis=0), both[:, 2:].max(axis=0)])


def _caption(sources: Sources, kind: str, chosen: list[_Case]) -> str:
    n = {name: sum(case.kind == name for case in chosen) for name in (FRAGMENTED, AMALGAMATED)}
    text = []
    if n[FRAGMENTED]:
        text.append(f"Fragmentation ({_panels(n[FRAGMENTED], 'first')}): one landslide drawn by hand is several on the "
                    "map.")
    if n[AMALGAMATED]:
        text.append(f"Amalgamation ({_panels(n[AMALGAMATED], 'last')}): several landslides drawn by hand are one on "
                    "the map.")
    text.append(f"Chosen are the largest of all dates, at most {_MOST} of each kind and each place once. Yellow: "
                f"drawn; light blue: mapped; thin lines are other landslides. {KINDS[kind]} The images are shown "
                f"{in_words(sources.bands)}, each with its own stretch of colours. North is up.")
    return " ".join(text)


def _panels(n: int, where: str) -> str:
    return f"{where} panel" if n == 1 else f"{where} {n} panels"
