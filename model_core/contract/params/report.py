"""Parameters of report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..fields import param
from .inputs import require


@dataclass(frozen=True)
class ReportParams:
    """Writes what a study found as one page with tables and figures, to be read, printed or put behind a paper."""

    study: str = param("", label="Study", help="Output folder of `mtl study`.", role="folder", group="Input")
    tuning: Optional[str] = param(None, label="Tuning", help="Output folder of `mtl tune`, for the table of training "
                                  "settings. Default: the folder tune in the study, if there is one.", role="folder",
                                  group="Input")
    out: str = param("", label="Output folder", help="New folder for report.html and the tables as CSV. Default: "
                     "report, or report-2, report-3, ..., in the study.", role="output_folder", group="Output")

    def check(self) -> None:
        """Raises UsageError where the study is missing."""
        require(self, "study")
