"""Table 2: the grid of training settings, where one was tried."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ....contract.errors import InputError
from ....report.pieces import Picture, Section, Table
from ..studying.folder import StudyFolder

_TITLE = "Training settings that were tried"
_COLUMNS = {"val_loss": "validation loss", "precision": "precision", "recall": "recall", "test_f1": "F1",
            "val_f1": "validation F1", "val_f1_sd": "± seeds"}


def tuning(study: StudyFolder, given: str | None) -> Section:
    """Table 2 and its figure, or the sentence how to get them.

    Args:
        study: May have a folder `tune`.
        given: Folder of `mtl tune`; None where it is not given.

    Raises:
        InputError: The folder that was given is none of `mtl tune`.
    """
    folder = Path(given) if given else study.folder / "tune"
    if not given and not (folder / "tuning.csv").exists():
        return Section(_TITLE, ["No grid of training settings (Table 2 of the paper) was tried for this study. `mtl "
                                "tune` tries one; give its output folder to `mtl report --tuning`."])
    try:
        with (folder / "tuning.csv").open(newline="", encoding="utf-8") as stream:
            rows = [_row(row) for row in csv.DictReader(stream)]
        png = (folder / "tuning.png").read_bytes()
    except (OSError, ValueError, KeyError) as error:
        raise InputError("report.tuning", f"{folder} is not a folder of `mtl tune`.",
                         "Give the output folder of `mtl tune`, or leave it out.", path=str(folder)) from error
    table = Table("table_2_training_settings", "Table 2. Training settings", (
        "Chosen by F1 on validation ground; the loss there is that of the training epoch that was kept. Precision, "
        "recall and F1 are those of test ground, which chose nothing. ± seeds: standard deviation over repetitions; "
        "smaller differences mean nothing."), rows)
    return Section(_TITLE, [], [table, Picture(
        "Figure A. F1 on validation ground by learning rate, filters and batch size", "The grid of Table 2.", png)])


def _row(row: dict[str, str]) -> dict[str, Any]:
    return {"learning rate": f"{float(row['learning_rate']):g}", "filters": int(row["filters"]),
            "batch size": int(row["batch_size"]),
            **{shown: float(row[name]) if row.get(name) else None for name, shown in _COLUMNS.items()}}
