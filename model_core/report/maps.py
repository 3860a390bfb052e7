"""Maps of a report: images or classes with outlines, a panel a date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from ..arrays.codes import IGNORE
from ..arrays.confusion import FN, FP, TP
from .figures import png_bytes
from .sheet import DPI, Extent, dress, foot, footer_in, layout, north_arrow, scale_bar, sheet

# Okabe and Ito's colours can be told apart by everybody.
BLACK, ORANGE, SKY, YELLOW, BLUE, VERMILION = "#000000", "#e69f00", "#56b4e9", "#f0e442", "#0072b2", "#d55e00"
CLASS_COLOURS = {TP: BLACK, FP: VERMILION, FN: BLUE}
UNOBSERVED = (0.94, 0.72)  # grey of the ground and of the stripes on it
_STRIPE_PX = 6
_MOST_COLUMNS = 3  # of a legend


@dataclass(frozen=True)
class Rings:
    """Outlines of one kind.

    Attributes:
        lines: (k, 2) x and y in metres, one array a ring.
        colour: Of the line.
        label: In the legend; empty: not there.
        width_pt: Of the line.
        style: "-" or "--".
    """

    lines: Sequence[np.ndarray]
    colour: str
    label: str = ""
    width_pt: float = 0.7
    style: str = "-"


@dataclass(frozen=True)
class MapPanel:
    """One map.

    Attributes:
        title: Above it.
        image: (H, W, 3) colours from 0 to 1.
        extent_m: Left, right, bottom and top of the image.
        rings: Drawn over it, the first ones first.
        scale: Whether it has a scale bar of its own.
    """

    title: str
    image: np.ndarray
    extent_m: Extent
    rings: Sequence[Rings] = ()
    scale: bool = True


def map_sheet(panels: Sequence[MapPanel], remark: str, patches: Sequence[tuple[str, str]] = (),
              unobserved: str = "", columns: int | None = None) -> bytes:
    """Draws panels of one size on a sheet for print.

    Args:
        panels: At least one; the first one's shape is that of all.
        remark: Small below everything.
        patches: Colour and label of what the images' colours mean.
        unobserved: Label of striped ground; empty: there is none.
        columns: Panels in a row; None: as many as make them largest.

    Returns:
        A PNG, at most 7 inches wide at 200 dpi.
    """
    handles = _handles(panels, patches, unobserved)
    legend_columns = len(handles) if len(handles) <= _MOST_COLUMNS + 1 else _MOST_COLUMNS
    below_in = footer_in(remark, -(-len(handles) // max(legend_columns, 1)))
    found = layout(len(panels), panels[0].extent_m, below_in, columns=columns)
    figure, every = sheet(len(panels), found, below_in)
    for axes, panel in zip(every, panels, strict=True):
        axes.imshow(panel.image, extent=panel.extent_m, interpolation=_interpolation(panel.image, found.wide_in))
        for rings in panel.rings:
            axes.add_collection(LineCollection(
                list(rings.lines), colors=rings.colour, linewidths=rings.width_pt, linestyles=rings.style,
                path_effects=[withStroke(linewidth=rings.width_pt + 0.9, foreground="black", alpha=0.55)]
                if rings.colour != BLACK else None))
        dress(axes, found, panel.extent_m, panel.title)
        if panel.scale:
            scale_bar(axes, panel.extent_m)
        if axes is every[0]:
            north_arrow(axes, found)
    foot(figure, remark, handles, legend_columns)
    return png_bytes(figure, DPI)


def class_image(classes: np.ndarray, grey: np.ndarray | None) -> np.ndarray:
    """Colours of right and wrong over a pale grey image; ground that is not judged is striped.

    Args:
        classes: (H, W) classes of arrays/confusion.py, IGNORE where nothing is judged.
        grey: (H, W) brightness from 0 to 1; None: no image.

    Returns:
        (H, W, 3) from 0 to 1.
    """
    pale = np.full(classes.shape, 0.9) if grey is None else 0.6 + 0.4 * grey
    image = np.repeat(pale[..., np.newaxis], 3, axis=2)
    for kind, colour in CLASS_COLOURS.items():
        image[classes == kind] = rgb(colour)
    return striped(image, classes == IGNORE)


def striped(image: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The (H, W, 3) image with grey stripes where nothing is known."""
    rows, cols = np.ogrid[:where.shape[0], :where.shape[1]]
    stripe = (rows + cols) % _STRIPE_PX < _STRIPE_PX // 3
    out = image.copy()
    out[where & ~stripe], out[where & stripe] = UNOBSERVED
    return out


def rgb(colour: str) -> tuple[float, float, float]:
    """Red, green and blue from 0 to 1 of a colour like "#d55e00"."""
    red, green, blue = (int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _handles(panels: Sequence[MapPanel], patches: Sequence[tuple[str, str]], unobserved: str) -> list[Artist]:
    handles: list[Artist] = [Patch(color=colour, label=label) for colour, label in patches]
    kinds = {rings.label: rings for panel in panels for rings in panel.rings if rings.label and len(rings.lines)}
    for label, rings in kinds.items():
        casing = None if rings.colour == BLACK else [withStroke(linewidth=rings.width_pt + 1.4, foreground="black")]
        handles.append(Line2D([], [], color=rings.colour, lw=max(rings.width_pt, 1), ls=rings.style, label=label,
                              path_effects=casing))
    if unobserved:
        ground, stripe = str(UNOBSERVED[0]), str(UNOBSERVED[1])
        handles.append(Patch(facecolor=ground, edgecolor=stripe, hatch="//////", lw=0, label=unobserved))
    return handles


def _interpolation(image: np.ndarray, wide_in: float) -> str:
    """Pixels that are larger than a dot of the print stay sharp; matplotlib makes more of them smaller by itself."""
    return "nearest" if image.shape[1] <= wide_in * DPI else "antialiased"
