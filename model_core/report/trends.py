"""Figure of how landslides change from date to date."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..arrays.paired import LESS, MORE, UNCLEAR, WITHIN_ERROR
from .figures import save_png

# Okabe and Ito's colours can be told apart by everybody.
_FOUND, _CORRECTED, _OWN = "#000000", "#d55e00", "0.65"
_STYLES = {  # colour, width and dashes of the line between two dates
    MORE: ("#d55e00", 2.2, "-"),
    LESS: ("#0072b2", 2.2, "-"),
    UNCLEAR: ("0.45", 1.2, "--"),
    WITHIN_ERROR: ("#cc79a7", 1.4, "-."),
}
_NOT_ASSESSED = ("0.6", 1.0, ":")
_ROOM = 1.25  # above the highest point, for the differences
_LABEL_IN = 0.75
_CROWDED_DAYS = 120  # names of dates closer than this would run into each other


@dataclass(frozen=True)
class TrendPoint:
    """A date.

    Attributes:
        day: Of the image.
        value: On the common ground.
        own: On all ground that was observed at the date.
        corrected, low, high: Of the value, corrected by a reference, with its 95 % interval; None: not assessed.
    """

    day: datetime.date
    value: float
    own: float
    corrected: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Span:
    """What changed between two dates that follow each other.

    Attributes:
        verdict: In a word of arrays.paired, or that it was not assessed.
        difference, low, high: With its 95 % interval; None: not assessed.
    """

    verdict: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class TrendPanel:
    """One quantity.

    Attributes:
        title: Of the axis, with unit.
        points: In the order of time, at least one.
        spans: Between them; their differences stand above them.
        whole_numbers: Whether the quantity is a count.
    """

    title: str
    points: Sequence[TrendPoint]
    spans: Sequence[Span]
    whole_numbers: bool = False


def trends(
    panels: Sequence[TrendPanel], names: Sequence[str], path: Path, *, title: str, remark: str = "",
    interval_note: str = "",
) -> None:
    """Draws quantities by date below each other as a PNG; the line between two dates tells what can be said of them.

    Args:
        panels: At least one.
        names: Of the dates, in the order of the points.
        path: PNG to write.
        title: Headline.
        remark: Stands below it, for example that the data are simulated.
        interval_note: Stands in the legend where there are no intervals.
    """
    n = len(names)
    figure = Figure(figsize=(max(7.5, min(0.95 * n + 2.5, 14)), 2.7 * len(panels) + 1.9), layout="constrained")
    every = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    for axes, panel in zip(every, panels, strict=True):
        _draw(axes, panel, figure.get_figwidth())
    days = [date2num(point.day) for point in panels[0].points]
    crowded = n > 1 and min(np.diff(days)) < max(_CROWDED_DAYS, (days[-1] - days[0]) / 14)
    labels = [name if name == point.day.isoformat() else f"{name}\n{point.day}"
              for name, point in zip(names, panels[0].points, strict=True)]
    every[-1].set_xticks(days, labels, fontsize="small", rotation=40 if crowded else 0,
                         ha="right" if crowded else "center")
    figure.suptitle(title, fontsize="large")
    if remark:
        every[0].set_title(remark, fontsize="medium", color="#b00000")
    handles = _legend(panels)
    if any(span.low is not None for panel in panels for span in panel.spans):
        handles.append(Line2D([], [], ls="none", label="numbers above: change (95 % interval)"))
    if interval_note:
        handles.append(Line2D([], [], ls="none", label=interval_note))
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    save_png(figure, path)


def _draw(axes: Axes, panel: TrendPanel, width_in: float) -> None:
    days = [date2num(point.day) for point in panel.points]
    for i, span in enumerate(panel.spans):
        colour, width, dashes = _STYLES.get(span.verdict, _NOT_ASSESSED)
        axes.plot(days[i:i + 2], [point.value for point in panel.points[i:i + 2]], color=colour, lw=width, ls=dashes)
    axes.plot(days, [point.own for point in panel.points], "o", color=_OWN, ms=7, mfc="none", zorder=1.5)
    axes.plot(days, [point.value for point in panel.points], "o", color=_FOUND, ms=4.5, zorder=3)
    for day, point in zip(days, panel.points, strict=True):
        if point.corrected is not None and point.low is not None and point.high is not None:
            axes.vlines(day, point.low, point.high, color=_CORRECTED, lw=1.4, zorder=2)
            axes.plot(day, point.corrected, "_", color=_CORRECTED, ms=11, mew=2, zorder=2.5)
    axes.set_ylabel(panel.title)
    axes.margins(x=0.06)
    axes.set_ylim(0, _ROOM * max([1e-3, *axes.dataLim.intervaly]))
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=panel.whole_numbers))
    decimals = 0 if panel.whole_numbers else max(0, 2 - math.floor(math.log10(axes.get_ylim()[1])))
    inches = 0.8 * width_in / max(days[-1] - days[0], 1)
    for i, span in enumerate(panel.spans):
        if span.low is not None and (days[i + 1] - days[i]) * inches > _LABEL_IN:
            axes.text((days[i] + days[i + 1]) / 2, 0.97, _change(span, decimals), fontsize=6.5, va="top", ha="center",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
                      color=_STYLES.get(span.verdict, _NOT_ASSESSED)[0], transform=axes.get_xaxis_transform())
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)


def _change(span: Span, decimals: int) -> str:
    """The difference with its interval below it."""
    digits = f"+,.{decimals}f"
    text = f"{span.difference:{digits}}\n({span.low:{digits}} to {span.high:{digits}})"
    return text.replace("-", "−")


def _legend(panels: Sequence[TrendPanel]) -> list[Line2D]:
    points = [point for panel in panels for point in panel.points]
    verdicts = dict.fromkeys(span.verdict for panel in panels for span in panel.spans)
    handles = [
        Line2D([], [], ls="none", marker="o", color=_FOUND, ms=4.5, label="on the common ground"),
        Line2D([], [], ls="none", marker="o", color=_OWN, mfc="none", ms=7, label="on all ground seen at the date"),
    ]
    if any(point.low is not None for point in points):
        handles.append(Line2D([], [], ls="none", marker="_", color=_CORRECTED, ms=11, mew=2,
                              label="corrected by the reference, 95 %"))
    for verdict in verdicts:
        colour, width, dashes = _STYLES.get(verdict, _NOT_ASSESSED)
        label = f"change: {verdict}" if verdict in _STYLES else "change: not assessed"
        handles.append(Line2D([], [], color=colour, lw=width, ls=dashes, label=label))
    return handles
