"""The pictures of a report."""

from __future__ import annotations

from ....contract.events import Report
from ....report.pieces import Picture
from ..study_folder import StudyFolder


def pictures(study: StudyFolder, report: Report) -> dict[str, Picture]:
    """Pictures by key."""
    return {}
