"""The maps of a study's report, after Figures 1, 4, 5 and 6 of Bhuyan et al. 2023."""

from __future__ import annotations

from collections.abc import Callable

from ....contract.errors import InputError
from ....contract.events import Report
from ....report.pieces import Picture
from ..studying.folder import StudyFolder
from .close_ups import close_ups
from .confusion_maps import confusion_maps
from .densities import densities
from .sources import sources_of
from .study_area import study_area


def pictures(study: StudyFolder, report: Report) -> dict[str, Picture]:
    """Draws what the study has the results for.

    A picture that cannot be drawn is told and left out.

    Returns:
        Of "figure_1" (study area), "figure_4" (right and wrong on the map), "figure_5" (landslides torn apart and
        joined) and "figure_6" (density) those that there are.

    Raises:
        Cancelled: Stopped on request.
    """
    report.stage("Drawing maps")
    sources = sources_of(study, report)
    makers: dict[str, Callable[[], Picture | None]] = {
        "figure_1": lambda: study_area(sources, report),
        "figure_4": lambda: confusion_maps(sources),
        "figure_5": lambda: close_ups(sources),
        "figure_6": lambda: densities(sources, report),
    }
    found = {}
    for number, (key, make) in enumerate(makers.items(), start=1):
        try:
            picture = make()
        except InputError as error:
            report.warn(f"A map of the report is left out: {error.message}")
            picture = None
        if picture is not None:
            found[key] = picture
        report.progress(number / len(makers))
    return found
