"""Sizes: the frequency-area figure and what was fitted to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....report.pieces import Picture, Section, Table
from ..size_fits import FITTED
from ..studying.folder import StudyFolder
from .inventory import counts
from .reading import picture_file

_TITLE = "Sizes of landslides"


def sizes(study: StudyFolder) -> Section:
    """The figure that the statistics drew, and their fits as a table."""
    known, result = counts(study), study.step("statistics")
    if result is None or not known:
        return Section(_TITLE, ["The sizes were not measured; see what was left out."])
    figure = Picture(
        "Figure A. Frequency and area of landslides",
        "Probability density of landslide areas in logarithmic bins (points), drawn and mapped, on the same axes. Fits "
        "are by maximum likelihood, not to the points; where they are refused, the panel says why.",
        picture_file(Path(result.outputs["figure"])))
    table = Table("sizes", "Table A. Fits to the sizes", (
        "n: landslides in the fit, without those that the border cuts. Alpha: exponent of a power law ± standard "
        "error, from xmin on, with the number of landslides in that tail and a p-value (Clauset et al. 2009); in "
        "brackets where it may not be used. Rollover: most frequent size of an inverse gamma distribution that begins "
        "at the smallest mapped size (Malamud et al. 2004). mL: logarithm of the number; mLS: magnitude by Tanyaş et "
        "al. (2018)."), [_row(name, row) for name, row in known.items()])
    return Section(_TITLE, [], [figure, table])


def _row(name: str, row: dict[str, Any]) -> dict[str, Any]:
    alpha = None if row["alpha"] is None else f"{row['alpha']:.2f} ± {row['alpha_se']:.2f}"
    if alpha and row["power_law"] != FITTED:
        alpha = f"({alpha})"
    return {
        "layer": name, "n": row["sizes"], "power law": row["power_law"], "alpha": alpha, "xmin [m²]": row["xmin_m2"],
        "tail": row["tail"], "p": row["p"], "inverse gamma": row["inverse_gamma"],
        "rollover [m²]": row["rollover_m2"], "rollover [m²] low": row["rollover_low_m2"],
        "rollover [m²] high": row["rollover_high_m2"], "mL": row["mL"], "mLS": row["mLS"],
    }
