"""The part of a study that asks what its maps and the drawn landslides say: inventory, changes, numbers, density."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ....contract.events import Report
from ....contract.jsonfile import read_json
from ....contract.params.layers import INVENTORY, MANUAL, PREDICTED
from ....contract.paths import NONE
from ....contract.series import Epoch, Series
from ..scenes import describe_series, study_grid
from .course import Course
from .folder import ZERO_SHOT, best_kind


class Findings:
    """What a study finds, from the maps that its course has left."""

    def __init__(self, course: Course, series: Series, labelled: Sequence[Epoch]) -> None:
        self._params, self._steps, self._series = course.params, course.steps, series
        self._drawn = {epoch.name: epoch for epoch in labelled}
        self._kind = best_kind(course.maps)
        self._maps = {name: files for (kind, name), files in course.maps.items() if kind == self._kind}
        zero_shot = {name: files for (kind, name), files in course.maps.items() if kind == ZERO_SHOT}
        self._best = {epoch.name: files for epoch in series.epochs
                      if (files := self._maps.get(epoch.name) or zero_shot.get(epoch.name))}
        self._inventories: dict[str, str] = {}
        self._grounds: dict[str, dict[str, str]] = {}

    def join(self) -> None:
        """The inventory of every date: what was drawn, and beside it what the best map of the date shows."""
        grid = study_grid(describe_series(self._series, Report()), self._series)
        found = self._steps.run("inventory", "inventory", {
            "series": self._params.series, "predictions": list(self._polygons(self._best).values()),
            "predicted_names": list(self._best), "min_area_m2": self._params.min_area_m2, "crs": grid.crs,
        })
        self._inventories = {epoch.name: _of_date(found.outputs["inventory"], "inventory", "epoch", epoch.name)
                             for epoch in self._series.epochs}

    def compare(self) -> None:
        """Changes between the dates, on the ground that all of them show: of what was drawn, and of what was mapped."""
        values: dict[str, Any] = {"series": self._params.series, "min_area_m2": self._params.min_area_m2}
        # A date without any map has an image that cannot be read: nothing tells what it shows.
        searched = [epoch.name for epoch in self._series.epochs
                    if (epoch.landslides or epoch.searched) and epoch.name in self._best]
        if len(searched) > 1:
            self._compare("drawn", searched, {**values, "names": searched})
        if len(self._maps) > 1:
            self._compare(self._kind, list(self._maps), {
                **values, "landslides": list(self._polygons(self._maps).values()), "names": list(self._maps),
                "observed": [files["binary"] for files in self._maps.values()]})

    def _compare(self, kind: str, names: Sequence[str], values: dict[str, Any]) -> None:
        ground = self._steps.run(f"years/{kind}", "compare-years", values).outputs["common_ground"]
        self._grounds[kind] = {name: _of_date(ground, "own_ground", "name", name) for name in names}

    def count(self) -> None:
        """Numbers and sizes of what was drawn, of what was mapped and of the inventory, below each other."""
        # Name, source, what it is, its observed ground, and the date whose drawn landslides tell its error.
        layers: list[tuple[str, str, str, str, Epoch | None]] = []
        for name, epoch in self._drawn.items():
            layers.append((f"{name} drawn", str(epoch.landslides), MANUAL, self._ground("drawn", name), None))
        for name, source in self._polygons(self._maps).items():
            layers.append((f"{name} {self._kind}", source, PREDICTED, self._ground(self._kind, name),
                           self._drawn.get(name)))
        for name, source in self._inventories.items():
            layers.append((f"{name} inventory", source, INVENTORY, self._ground(self._kind, name), None))
        if not layers:
            return
        names, sources, used, observed, known = (list(column) for column in zip(*layers, strict=True))
        values = {"landslides": sources, "names": names, "used": used, "area": self._series.area,
                  "observed": observed, "min_area_m2": self._params.min_area_m2}
        if any(known):
            values["reference"] = [epoch.landslides if epoch else NONE for epoch in known]
            values["reference_ground"] = [(epoch and epoch.searched) or NONE for epoch in known]
        self._steps.run("statistics", "statistics", values)

    def spread(self) -> None:
        """Density of what was drawn, and with the same radius of what was mapped and of the inventory."""
        radius_m = None
        if self._drawn:
            drawn = self._steps.run("density/drawn", "density", {
                "landslides": [epoch.landslides for epoch in self._drawn.values()], "names": list(self._drawn),
                "used": [MANUAL], "area": self._series.area, "observed": self._observed("drawn", self._drawn)})
            rows = read_json(Path(drawn.outputs["summary"]))["densities"]
            radius_m = next((row["radius_m"] for row in rows if row["n"]), None)
        for used, kind, layers in ((PREDICTED, self._kind, self._polygons(self._maps)),
                                   (INVENTORY, INVENTORY, self._inventories)):
            if layers:
                self._steps.run(f"density/{kind}", "density", {
                    "landslides": list(layers.values()), "names": list(layers), "used": [used],
                    "area": self._series.area, "radius_m": radius_m, "observed": self._observed(self._kind, layers)})

    def _observed(self, kind: str, names: Iterable[str]) -> list[str]:
        """Observed ground of each date; nothing where that of one of them is not known."""
        grounds = [self._ground(kind, name) for name in names]
        return [] if NONE in grounds else grounds

    def _ground(self, kind: str, name: str) -> str:
        """Observed ground of a date, as the comparison of dates found it; NONE: the whole area."""
        return self._grounds.get(kind, {}).get(name, NONE)

    @staticmethod
    def _polygons(maps: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        return {name: files["polygons"] for name, files in maps.items()}


def _of_date(path: str, layer: str, column: str, name: str) -> str:
    """The features of one date in a layer of all."""
    quoted = name.replace("'", "''")
    return f"{path}|layername={layer}|subset={column} = '{quoted}'"
