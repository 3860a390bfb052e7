"""Figures of landslide density."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from .figures import mark, save_png

_SIZE_IN = 6.5
_MARK = "#0072b2"  # stands out from every colour of the map


def density_map(
    values: np.ndarray,
    extent_m: tuple[float, float, float, float],
    path: Path,
    *,
    title: str,
    unit: str,
    legend: Sequence[str],
    highest: float,
    points_m: np.ndarray,
    peak_m: tuple[float, float] | None,
    outlines_m: Sequence[np.ndarray],
    remark: str = "",
) -> None:
    """Draws a density as a PNG.

    Args:
        values: (H, W) density; NaN where nothing is known.
        extent_m: Left, right, bottom and top of it, in metres of its CRS.
        path: PNG to write.
        title: Headline.
        unit: Of the values, beside the colour bar.
        legend: Lines below the headline: how many landslides, which radius.
        highest: Upper end of the colours, the same for figures that are to be compared.
        points_m: (n, 2) x and y of the landslides.
        peak_m: x and y of the highest value.
        outlines_m: (k, 2) x and y of each ring around the area.
        remark: Stands above it, for example that the data are simulated.
    """
    left, right, bottom, top = extent_m
    ratio = min(max((top - bottom) / (right - left), 0.4), 2.5)
    wide, high = (_SIZE_IN, _SIZE_IN * ratio) if ratio <= 1 else (_SIZE_IN / ratio, _SIZE_IN)
    figure = Figure(figsize=(wide + 2, high + 1.2), layout="constrained")
    axes = figure.subplots()
    colours = mpl.colormaps["YlOrRd"].with_extremes(bad="0.9")
    image = axes.imshow(values, extent=(left, right, bottom, top), cmap=colours, vmin=0, vmax=highest or 1)
    for ring in outlines_m:
        axes.plot(ring[:, 0], ring[:, 1], color="black", lw=1)
    axes.plot(points_m[:, 0], points_m[:, 1], "o", color="black", ms=2, mew=0, label="landslides")
    if peak_m is not None:
        axes.plot(*peak_m, "+", color=_MARK, ms=12, mew=2, label="peak")
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    for axis, name in ((axes.xaxis, "east [m]"), (axes.yaxis, "north [m]")):
        axis.set_major_locator(MaxNLocator(4))
        axis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
        axis.set_label_text(name)
    axes.set_title(title)
    mark(figure, remark)
    figure.colorbar(image, ax=axes, shrink=0.8).set_label(unit)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, title="\n".join(legend))
    save_png(figure, path)
