"""Writes what a study found as one page, and its tables as CSV files beside it."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from .. import __version__
from ..contract.events import Report, Result
from ..contract.params.report import ReportParams
from ..geo.files import check_new, write_csv_atomic, write_text_atomic
from ..report.page import page
from ..report.pieces import Section, Table
from .shared.reporting.accuracy import accuracy, objects
from .shared.reporting.inventory import comparison, inventories
from .shared.reporting.models import models, span
from .shared.reporting.papers import papers
from .shared.reporting.pictures import pictures
from .shared.reporting.reading import dates
from .shared.reporting.running import left_out, run_time, warnings
from .shared.reporting.sizes import sizes
from .shared.reporting.spread import density
from .shared.reporting.summary import summary
from .shared.reporting.tuning import tuning
from .shared.reporting.years import years
from .shared.runs import new_run
from .shared.studying.folder import StudyFolder, read_study

PAGE, TABLES = "report.html", "tables"
TITLE = "Landslides through time"


def run(params: ReportParams, report: Report) -> Result:
    """Writes report.html and tables/*.csv.

    Raises:
        InputError: There is no finished study in the folder, or what it left is gone.
        ModelError: A model card of the study is damaged.
        OutputError: The report cannot be written.
    """
    params = dataclasses.replace(params, out=params.out or str(_next(Path(params.study) / "report")))
    check_new(Path(params.out))
    study = read_study(Path(params.study))
    report.stage("Drawing the pictures")
    drawn = pictures(study, report)
    report.stage("Writing the report")
    sections = _numbered([
        summary(study),
        inventories(study, drawn),
        models(study),
        tuning(study, params.tuning),
        accuracy(study, drawn),
        objects(study, drawn),
        comparison(study),
        sizes(study),
        density(study, drawn),
        years(study),
        warnings(study),
        left_out(study),
        run_time(study),
        papers(),
    ])
    tables = [piece for section in sections for piece in section.pieces if isinstance(piece, Table)]
    remark = study.series.remark
    with new_run("report", params) as folder:
        write_text_atomic(folder / PAGE, page(TITLE, _lines(study), remark, sections, _footer()))
        (folder / TABLES).mkdir()
        for table in tables:
            # Beside the page nothing else says that numbers are simulated.
            rows = [{**row, "remark": remark} if remark else dict(row) for row in table.rows]
            write_csv_atomic(folder / TABLES / f"{table.name}.csv", rows)
        report.progress(1.0)
    out = Path(params.out)
    return Result({"report": str(out / PAGE), "tables": str(out / TABLES)},
                  {"sections": len(sections), "tables": len(tables),
                   "pictures": sum(len(section.pieces) for section in sections) - len(tables)})


def _next(folder: Path) -> Path:
    """The folder, or the first of folder-2, folder-3, ... that is free: an earlier report stays."""
    names = (folder.with_name(f"{folder.name}-{n}") for n in count(2))
    return folder if not folder.exists() else next(path for path in names if not path.exists())


def _lines(study: StudyFolder) -> list[str]:
    return [
        f"Study “{study.folder.resolve().name}”: {span(dates(study))}. Written {datetime.now(UTC):%Y-%m-%d} (UTC).",
        "Tables 1 to 5 and Figures 1, 4, 5 and 6 have the numbers that they have in Bhuyan et al. (2023); what that "
        "paper does not have is numbered A1, A2 and so on. Each table is a CSV file in the folder tables.",
    ]


def _footer() -> str:
    return f"Written by mtl report, engine {__version__}. Method: Bhuyan et al. (2023)."


def _numbered(sections: Sequence[Section]) -> list[Section]:
    """Titles that begin with "Table A." or "Figure A." get their numbers, in the order of the page.

    Pictures with the same title are one figure.
    """
    counted: Counter[str] = Counter()
    given: dict[str, str] = {}

    def number(title: str) -> str:
        found = re.match(r"(Table|Figure) A\. ", title)
        if found and title not in given:
            counted[found[1]] += 1
            given[title] = title.replace(" A. ", f" A{counted[found[1]]}. ", 1)
        return given.get(title, title)

    return [dataclasses.replace(section, pieces=[dataclasses.replace(piece, title=number(piece.title))
                                                 for piece in section.pieces]) for section in sections]
