"""Figure of landslide sizes: frequency density by area with what was fitted to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..arrays.frequency import log_bins
from ..arrays.inverse_gamma import InverseGamma
from ..arrays.power_law import PowerLaw
from .figures import mark, save_png

_COLUMNS = 3
# Okabe and Ito's colours can be told apart by everybody.
_POINTS, _TAIL, _WHOLE = "#000000", "#d55e00", "#0072b2"


@dataclass(frozen=True)
class SizePanel:
    """One layer of landslides.

    Attributes:
        title: Headline.
        areas_m2: (n,) the sizes.
        power_law, inverse_gamma: What is drawn; None where it is refused.
        remarks: Lines that stand in the panel.
    """

    title: str
    areas_m2: np.ndarray
    power_law: PowerLaw | None
    inverse_gamma: InverseGamma | None
    remarks: Sequence[str] = ()


def frequency_area(panels: Sequence[SizePanel], path: Path, *, remark: str = "") -> None:
    """Draws a panel a layer, all on the same logarithmic axes, as a PNG.

    Args:
        panels: At least one.
        path: PNG to write.
        remark: Stands above them, for example that the data are simulated.
    """
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(max(4.1 * columns, 6.5), 3.4 * rows + 0.5), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    handles: dict[str, Artist] = {}
    for axes, panel in zip(every, panels, strict=False):
        _draw(axes, panel)
        lines, names = axes.get_legend_handles_labels()
        handles.update(zip(map(str, names), lines, strict=True))
        axes.set_xlabel("area [m²]")
        axes.tick_params(labelbottom=True)
    for axes in every[len(panels):]:
        axes.set_axis_off()
    for axes in every[::columns]:
        axes.set_ylabel("probability density [1/m²]")
    mark(figure, remark)
    if handles:
        figure.legend(list(handles.values()), list(handles), loc="outside lower center", frameon=False,
                      ncols=5 if columns == _COLUMNS else 3, fontsize="small")
    save_png(figure, path)


def _draw(axes: Axes, panel: SizePanel) -> None:
    axes.set_title(panel.title, fontsize="medium")
    axes.text(0.97, 0.97, "\n".join(panel.remarks), transform=axes.transAxes, fontsize="x-small", ha="right", va="top")
    axes.set_xscale("log")
    axes.set_yscale("log")
    if len(panel.areas_m2) == 0:
        return
    smallest, largest = panel.areas_m2.min(), panel.areas_m2.max()
    axes.axvline(smallest, color="0.7", lw=0.8, label="smallest mapped")
    gamma, law = panel.inverse_gamma, panel.power_law
    if gamma is not None:
        areas = np.geomspace(gamma.from_m2, largest, 200)
        axes.plot(areas, gamma.density(areas), color=_WHOLE, lw=1.3, label="inverse gamma")
        if gamma.rollover_m2 is not None:
            axes.axvline(gamma.rollover_m2, color=_WHOLE, lw=1, ls=":", label="rollover, 95 % interval")
            axes.axvspan(gamma.rollover_low_m2 or smallest, gamma.rollover_high_m2 or largest, color=_WHOLE, alpha=0.12,
                         lw=0)
    if law is not None:
        areas = np.array([law.xmin_m2, largest])
        axes.plot(areas, law.density(areas), color=_TAIL, lw=1.8, label="power law")
    axes.plot(*log_bins(panel.areas_m2), "o", color=_POINTS, ms=3.5, label="mapped (bins)")
