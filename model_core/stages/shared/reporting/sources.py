"""What all maps of a report are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd

from ....contract.errors import InputError
from ....contract.events import Report
from ....contract.series import Epoch
from ....geo.vectors import read_polygons
from ..scenes import DatedScenes
from ..studying.folder import StudyFolder
from .images import shown_bands, usable_dates

KINDS = {  # a sentence for captions
    "pooled": "The map was made by the model that was fine-tuned on all dates, out of fold: no pixel of a date with "
              "labels was mapped by a model that had seen it; other dates were mapped by all these models together.",
    "zero-shot": "The map was made by the base model, which was not fine-tuned.",
}


@dataclass(frozen=True)
class Sources:
    """A study with its images.

    Attributes:
        study: As it was run.
        dates: Whose images can be opened, by name.
        bands: That are shown; all of `dates` have them.
        area: The area of interest, in its own CRS.
    """

    study: StudyFolder
    dates: dict[str, DatedScenes]
    bands: tuple[str, ...]
    area: gpd.GeoDataFrame | None

    def title(self, name: str) -> str:
        """A date's name, with the day of its images where the name does not tell it."""
        scenes = self.dates.get(name)
        if scenes is None or scenes.days is None:
            return name
        day = scenes.days_text
        return day if day.startswith(name) else f"{name} ({day})"


def sources_of(study: StudyFolder, report: Report) -> Sources:
    """Looks at every image without reading pixels."""
    dates = usable_dates(study.series, report)
    area = polygons(study.series.area, "area of interest", report)
    return Sources(study, dates, shown_bands(list(dates.values())), area)


def drawn(epoch: Epoch, report: Report) -> gpd.GeoDataFrame | None:
    """The landslides drawn for a date; None where there is no inventory, or it cannot be read."""
    return polygons(epoch.landslides, "landslides", report)


def polygons(path: str | None, role: str, report: Report) -> gpd.GeoDataFrame | None:
    """A layer of the study; None where there is none, or it cannot be read, which is told."""
    if path is None:
        return None
    try:
        return read_polygons(path, role=role).frame
    except InputError as error:
        report.warn(f"The maps of the report lack the {role} of {path}: {error.message}")
        return None
