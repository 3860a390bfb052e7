"""The part of a study that asks what its maps and the drawn landslides say: inventory, changes, numbers, density."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....contract.events import Report
from ....contract.jsonfile import read_json
from ....contract.params.layers import INVENTORY, MANUAL, PREDICTED
from ....contract.paths import NONE
from ....contract.series import Epoch, Series
from ....geo.stamp import stamp
from ..making import making
from ..scenes import describe_series, study_grid
from .course import Course
from .differences import Spread, write_differences
from .folder import ZERO_SHOT, best_kind
from .grounds import DRAWN, DRAWN_AROUND, MAPPED, of_date, write_grounds

GROUNDS = "observed.gpkg"


class Findings:
    """What a study finds, from the maps that its course has left."""

    def __init__(self, course: Course, series: Series, labelled: Sequence[Epoch], report: Report) -> None:
        self._params, self._steps, self._series = course.params, course.steps, series
        self._report = report
        self._drawn = {epoch.name: epoch for epoch in labelled}
        self._kind = best_kind(course.maps)
        self._maps = {name: files for (kind, name), files in course.maps.items() if kind == self._kind}
        zero_shot = {name: files for (kind, name), files in course.maps.items() if kind == ZERO_SHOT}
        self._best = {epoch.name: files for epoch in series.epochs
                      if (files := self._maps.get(epoch.name) or zero_shot.get(epoch.name))}
        self._inventories: dict[str, str] = {}
        self._grounds: dict[tuple[str, str], str | None] = {}
        self._spread: dict[str, Spread] = {}

    def outline(self) -> None:
        """The observed ground of every date."""
        with stamp(making("study", self._params)):
            self._grounds = write_grounds(self._steps.folder / GROUNDS, self._series, self._best, self._report)

    def join(self) -> None:
        """The inventory of every date: what was drawn, and beside it what the best map of the date shows."""
        grid = study_grid(describe_series(self._series, Report()), self._series)
        found = self._steps.run("inventory", "inventory", {
            "series": self._params.series, "predictions": list(self._polygons(self._best).values()),
            "predicted_names": list(self._best), "min_area_m2": self._params.min_area_m2, "crs": grid.crs,
        })
        self._inventories = {epoch.name: of_date(found.outputs["inventory"], "inventory", "epoch", epoch.name)
                             for epoch in self._series.epochs if epoch.name in {*self._best, *self._drawn}}

    def compare(self) -> None:
        """Changes between the dates, on the ground that all of them show: of what was drawn, and of what was mapped."""
        values: dict[str, Any] = {"series": self._params.series, "min_area_m2": self._params.min_area_m2}
        # A date without any map has an image that cannot be read: nothing tells what it shows.
        searched = [epoch.name for epoch in self._series.epochs
                    if (epoch.landslides or epoch.searched) and epoch.name in self._best]
        if len(searched) > 1:
            self._steps.run("years/drawn", "compare-years", {**values, "names": searched})
        if len(self._maps) > 1:
            self._steps.run(f"years/{self._kind}", "compare-years", {
                **values, "landslides": list(self._polygons(self._maps).values()), "names": list(self._maps),
                "observed": [files["binary"] for files in self._maps.values()]})

    def count(self) -> None:
        """Numbers and sizes of what was drawn, of what was mapped and of the inventory, below each other."""
        # Name, source, what it is, its observed ground, and the date whose drawn landslides tell its error.
        layers: list[tuple[str, str, str, str, Epoch | None]] = []
        for name, source, ground in self._seen(DRAWN, self._drawings):
            layers.append((f"{name} drawn", source, MANUAL, ground, None))
        for name, source, ground in self._seen(MAPPED, self._polygons(self._maps)):
            layers.append((f"{name} {self._kind}", source, PREDICTED, ground, self._drawn.get(name)))
        for name, source, ground in self._seen(MAPPED, self._inventories):
            layers.append((f"{name} inventory", source, INVENTORY, ground, None))
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
        """Density of what was drawn, and with the same radius of what was mapped and of the inventory.

        Drawn landslides around the area count at its border where that ground was searched.
        """
        radius_m = None
        for used, kind, ground, sources in ((MANUAL, DRAWN, DRAWN_AROUND, self._drawings),
                                            (PREDICTED, self._kind, MAPPED, self._polygons(self._maps)),
                                            (INVENTORY, INVENTORY, MAPPED, self._inventories)):
            if seen := self._seen(ground, sources):
                names, landslides, observed = (list(column) for column in zip(*seen, strict=True))
                found = self._steps.run(f"density/{kind}", "density", {
                    "landslides": landslides, "names": names, "used": [used], "area": self._series.area,
                    "radius_m": radius_m, "observed": observed})
                rows = read_json(Path(found.outputs["summary"]))["densities"]
                self._spread[kind] = Spread.of(seen, rows, found)
                if used == MANUAL:
                    radius_m = next((row["radius_m"] for row in rows if row["n"]), None)

    def contrast(self) -> None:
        """The density of what was mapped minus that of what was drawn, of every date that has both."""
        write_differences(self._steps.folder / "density", self._spread.get(DRAWN), self._spread.get(self._kind),
                          self._series.area, self._report)

    def _seen(self, kind: str, sources: Mapping[str, str]) -> list[tuple[str, str, str]]:
        """Date, landslides and observed ground of the dates of which anything was observed.

        Of a date without a map nothing tells what was observed: NONE, which stands for the whole area.
        """
        grounds = ((name, source, self._grounds.get((kind, name), NONE)) for name, source in sources.items())
        return [(name, source, ground) for name, source, ground in grounds if ground is not None]

    @property
    def _drawings(self) -> dict[str, str]:
        return {name: str(epoch.landslides) for name, epoch in self._drawn.items()}

    @staticmethod
    def _polygons(maps: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        return {name: files["polygons"] for name, files in maps.items()}
