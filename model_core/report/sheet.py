"""A sheet of small maps for print: where the panels stand, and what every map has (scale bar, north, frame)."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke

DPI = 200
WIDTH_IN = 7.0  # between the margins of A4
HIGHEST_IN = 8.6  # leaves room for a caption
TEXT_PT, TITLE_PT = 7.0, 8.0
LINE_IN = 0.15  # of text

_EDGE_IN, _GAP_IN, _TITLE_IN = 0.04, 0.1, 0.2
_WIDEST_PANEL_IN = 5.0
_ARROW_PT = 24.0
_FLATTEST, _TALLEST = 0.4, 1.6  # height of a panel by its width
_LETTER_IN = 0.06  # width of a letter of a title
_REMARK_LETTERS = 125  # a line

Extent = tuple[float, float, float, float]  # left, right, bottom, top in metres


@dataclass(frozen=True)
class Layout:
    """Where the panels of a sheet stand.

    Attributes:
        columns: Panels in a row.
        wide_in, high_in: Size of a panel.
    """

    columns: int
    wide_in: float
    high_in: float


def layout(
    n: int, extent_m: Extent, footer_in: float, heads: int = 1, left_in: float = 0.0, columns: int | None = None
) -> Layout:
    """The columns that make panels largest on a page.

    Args:
        n: Panels; where a column holds `heads` panels, columns.
        extent_m: Of the maps; panels of very long ground leave room at their sides, else no title would fit.
        footer_in: What legend and remark need.
        heads: Panels below each other that stay together.
        left_in: Room left of the panels.
        columns: Where it matters what stands below each other.
    """
    left, right, bottom, top = extent_m
    ratio = min(max((top - bottom) / (right - left), _FLATTEST), _TALLEST)
    best = Layout(1, 0.0, 0.0)
    for across_n in range(1, n + 1) if columns is None else (columns,):
        rows = -(-n // across_n)
        across = (WIDTH_IN - left_in - 2 * _EDGE_IN - (across_n - 1) * _GAP_IN) / across_n
        down = ((HIGHEST_IN - footer_in - rows * _TITLE_IN) / rows / heads - _GAP_IN) / ratio
        wide = min(across, down, _WIDEST_PANEL_IN)
        if wide > best.wide_in + 1e-6:
            best = Layout(across_n, wide, wide * ratio)
    return best


def sheet(n: int, found: Layout, footer_in: float, heads: int = 1, left_in: float = 0.0) -> tuple[Figure, list[Axes]]:
    """A figure with panels in rows from the upper left.

    Returns:
        The figure, and n times `heads` axes; those that stand below each other follow each other.
    """
    rows, step = -(-n // found.columns), found.high_in + _GAP_IN
    block_in = _TITLE_IN + heads * step
    high_in = rows * block_in + footer_in
    figure = Figure(figsize=(WIDTH_IN, high_in))
    wide_in = min(n, found.columns) * (found.wide_in + _GAP_IN) - _GAP_IN
    start_in = left_in + (WIDTH_IN - left_in - wide_in) / 2
    every = []
    for i in range(n):
        row, column = divmod(i, found.columns)
        for head in range(heads):
            left = start_in + column * (found.wide_in + _GAP_IN)
            top = row * block_in + _TITLE_IN + head * step
            every.append(figure.add_axes((
                left / WIDTH_IN, 1 - (top + found.high_in) / high_in,
                found.wide_in / WIDTH_IN, found.high_in / high_in)))
    return figure, every


def dress(axes: Axes, found: Layout, extent_m: Extent, title: str = "") -> None:
    """Frame, extent and title of a map; north is up."""
    left, right, bottom, top = extent_m
    ratio = found.high_in / found.wide_in
    x, y, half = (left + right) / 2, (bottom + top) / 2, max((right - left) / 2, (top - bottom) / 2 / ratio)
    axes.set_xlim(x - half, x + half)
    axes.set_ylim(y - half * ratio, y + half * ratio)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_linewidth(0.5)
    axes.set_title(_fitted(title, found.wide_in), fontsize=TITLE_PT, pad=3)


def scale_bar(axes: Axes, extent_m: Extent) -> None:
    """A bar of a round length in the lower left corner."""
    left, right, bottom, top = extent_m
    length_m = round_length_m((right - left) * 0.4)
    unit = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    halo = [withStroke(linewidth=2.5, foreground="white")]
    x, y = left + 0.05 * (right - left), bottom + 0.05 * (top - bottom)
    axes.plot([x, x + length_m], [y, y], color="black", lw=2, solid_capstyle="butt", zorder=6,
              path_effects=[withStroke(linewidth=4, foreground="white")], gid="scale bar")
    axes.annotate(unit, (x + length_m / 2, y), xytext=(0, 2.5), textcoords="offset points", ha="center", va="bottom",
                  fontsize=TEXT_PT, path_effects=halo, zorder=6)


def north_arrow(axes: Axes, found: Layout) -> None:
    """An arrow to the north in the lower right corner."""
    halo: list[AbstractPathEffect] = [withStroke(linewidth=2.5, foreground="white")]
    long = _ARROW_PT / 72 / found.high_in
    arrow = axes.annotate("N", xy=(0.93, 0.03 + long), xytext=(0.93, 0.03), xycoords="axes fraction", ha="center",
                          va="bottom", fontsize=TEXT_PT, zorder=6, path_effects=halo,
                          arrowprops={"arrowstyle": "-|>", "lw": 1, "color": "black", "shrinkA": 1, "shrinkB": 0})
    if arrow.arrow_patch is not None:
        arrow.arrow_patch.set_path_effects(halo)


def round_length_m(longest_m: float) -> float:
    """The longest of 1, 2 and 5 times a power of ten that is not above `longest_m`."""
    power = 10.0 ** math.floor(math.log10(longest_m))
    return max(step * power for step in (1, 2, 5) if step * power <= longest_m * (1 + 1e-9))


def footer_in(remark: str, legend_rows: int) -> float:
    """Height that the remark and the legend need."""
    return 0.06 + LINE_IN * len(_lines(remark)) + 0.2 * legend_rows


def foot(figure: Figure, remark: str, handles: Sequence[Artist], columns: int) -> None:
    """Writes the remark at the lower edge, and the legend above it."""
    high_in = figure.get_figheight()
    lines = _lines(remark)
    if lines:
        figure.text(0.5, 0.03 / high_in, "\n".join(lines), ha="center", va="bottom", fontsize=TEXT_PT, style="italic")
    if handles:
        y = (0.04 + LINE_IN * len(lines)) / high_in
        figure.legend(handles=list(handles), loc="lower center", bbox_to_anchor=(0.5, y), ncols=columns, frameon=False,
                      fontsize=TEXT_PT, borderaxespad=0, borderpad=0, labelspacing=0.5, columnspacing=1.6)


def _fitted(title: str, wide_in: float) -> str:
    """A title without its middle where it is too long: it begins with the date and ends with the score."""
    room = int((wide_in + _GAP_IN) / _LETTER_IN)
    return title if len(title) <= room else f"{title[:(room - 1) // 2]}…{title[-(room - 1) // 2:]}"


def _lines(remark: str) -> list[str]:
    return textwrap.wrap(remark, _REMARK_LETTERS)
