"""Density of landslides by date: as drawn, as mapped, and the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from . import sheet as sheets
from .figures import png_bytes
from .sheet import DPI, LINE_IN, TEXT_PT, TITLE_PT, Extent

_DENSITY, _DIFFERENCE = "YlOrRd", "PuOr_r"
_UNKNOWN = "0.85"
_ROW_NAMES_IN, _BARS_IN = 0.22, 0.5
_ONE_LINE_IN = 1.0  # panels below it break their text
_FURTHEST = 2.0  # of the first row's highest value


@dataclass(frozen=True)
class DensityColumn:
    """One date.

    Attributes:
        title: Above it.
        fields: By row, (H, W) densities; NaN where nothing is known.
        texts: By row, short lines in the map; may be empty.
    """

    title: str
    fields: Sequence[np.ndarray]
    texts: Sequence[Sequence[str]]


def density_sheet(
    columns: Sequence[DensityColumn], row_names: Sequence[str], extent_m: Extent, area_m: Sequence[np.ndarray],
    unit: str, note: str, remark: str,
) -> bytes:
    """Draws a column a date. All rows share one scale of colours, but a third one is a difference with its own.

    The scales end at the highest value, or at twice the highest of the first row where the second one goes beyond: one
    bad map would leave all others pale.

    Args:
        columns: At least one, each with a field a row.
        row_names: One to three.
        extent_m: Left, right, bottom and top of all fields.
        area_m: (k, 2) x and y of each ring around the area.
        unit: Of the fields.
        note: Line below the maps, such as the radius.
        remark: Small below everything.

    Returns:
        A PNG, at most 7 inches wide at 200 dpi.
    """
    heads = len(row_names)
    below_in = sheets.footer_in(remark, 0) + LINE_IN + _BARS_IN
    found = sheets.layout(len(columns), extent_m, below_in, heads, _ROW_NAMES_IN)
    figure, every = sheets.sheet(len(columns), found, below_in, heads, _ROW_NAMES_IN)
    end, furthest = _ends(columns)
    scales = [(_DENSITY, 0.0, end), (_DENSITY, 0.0, end), (_DIFFERENCE, -furthest, furthest)]
    images = {}
    for i, axes in enumerate(every):
        number, row = divmod(i, heads)
        column = columns[number]
        name, low, high = scales[row]
        colours = mpl.colormaps[name].with_extremes(bad=_UNKNOWN)
        images[name] = axes.imshow(column.fields[row], extent=extent_m, cmap=colours, vmin=low, vmax=high,
                                   interpolation="nearest")
        axes.add_collection(LineCollection(list(area_m), colors="black", linewidths=0.7))
        sheets.dress(axes, found, extent_m, column.title if row == 0 else "")
        if number % found.columns == 0:
            axes.set_ylabel(row_names[row], fontsize=TITLE_PT, labelpad=3)
        text = (", " if found.wide_in > _ONE_LINE_IN else "\n").join(column.texts[row])
        axes.text(0.05, 0.95, text, transform=axes.transAxes, fontsize=TEXT_PT, ha="left", va="top",
                  path_effects=[withStroke(linewidth=2, foreground="white")])
        if i == 0:
            sheets.scale_bar(axes, extent_m)
            sheets.north_arrow(axes, found)
    labels = {_DENSITY: f"density [{unit}]", _DIFFERENCE: f"difference, mapped − drawn [{unit}]"}
    bars = []
    for name, image in images.items():
        fields = [field for column in columns for field, scale in zip(column.fields, scales, strict=False)
                  if scale[0] == name]
        bars.append((image, labels[name], _beyond(fields, *image.get_clim())))
    _colour_bars(figure, bars, sheets.footer_in(remark, 0) + LINE_IN)
    figure.text(0.5, (sheets.footer_in(remark, 0) - 0.02) / figure.get_figheight(), note, ha="center", va="bottom",
                fontsize=TEXT_PT)
    sheets.foot(figure, remark, (), 1)
    return png_bytes(figure, DPI)


def _ends(columns: Sequence[DensityColumn]) -> tuple[float, float]:
    """Where the scale of the densities ends, and on both sides that of the differences."""
    by_row = [max(_highest(column.fields[row]) for column in columns) for row in range(len(columns[0].fields[:2]))]
    end = min(max(by_row), _FURTHEST * by_row[0] or np.inf) or 1.0
    furthest = max((_highest(np.abs(field)) for column in columns for field in column.fields[2:]), default=0.0)
    return end, min(furthest, end) or 1.0


def _beyond(fields: Sequence[np.ndarray], low: float, high: float) -> str:
    """On which sides there are values that a scale does not reach, in matplotlib's words."""
    above = any(_highest(field) > high * (1 + 1e-6) for field in fields)
    below = any(_highest(-field) > -low * (1 + 1e-6) for field in fields)
    return "both" if above and below else "max" if above else "min" if below else "neither"


def _highest(field: np.ndarray) -> float:
    known = field[~np.isnan(field)]
    return float(known.max()) if known.size else 0.0


def _colour_bars(figure: Figure, bars: Sequence[tuple[ScalarMappable, str, str]], above_in: float) -> None:
    """Bars beside each other, with their labels below them."""
    high_in, wide = figure.get_figheight(), 0.38
    for number, (colours, label, extend) in enumerate(bars):
        left = 0.5 - wide / 2 if len(bars) == 1 else 0.08 + number * 0.47
        axes = figure.add_axes((left, (above_in + 0.32) / high_in, wide, 0.1 / high_in))
        bar = figure.colorbar(colours, cax=axes, orientation="horizontal", extend=extend)
        bar.ax.tick_params(labelsize=TEXT_PT, length=2, pad=1)
        bar.outline.set_linewidth(0.5)  # type: ignore[operator]
        bar.set_label(label, fontsize=TEXT_PT, labelpad=1)
