"""Figures of a training: learning curves, and the grid of settings as the paper's Table 2 shows it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

# Okabe and Ito's colours can be told apart by everybody.
_COLOURS = {"loss": "#000000", "val_loss": "#d55e00", "val_precision": "#0072b2", "val_recall": "#e69f00",
            "val_f1": "#009e73"}
_LABELS = {"loss": "training loss", "val_loss": "validation loss", "val_precision": "precision",
           "val_recall": "recall", "val_f1": "F1"}

_LETTERS_PER_IN = 12  # of a remark


def learning_curves(history: Sequence[Mapping[str, float]], best_epoch: int, title: str, path: Path) -> None:
    """Draws loss and, where there are any, validation metrics by training epoch as a PNG; the chosen epoch is marked.

    Args:
        history: A row a training epoch, counted from 1 in column `epoch`.
        best_epoch: The one whose weights were kept.
        title: Headline.
        path: PNG to write.
    """
    panels = {"Tversky loss": ("loss", "val_loss"),
              "on validation ground, threshold 0.5": ("val_precision", "val_recall", "val_f1")}
    drawn = {title: [name for name in names if name in history[0]] for title, names in panels.items()}
    drawn = {title: names for title, names in drawn.items() if names}
    figure = Figure(figsize=(4.5 * len(drawn), 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, (what, names) in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn.items(), strict=True):
        axes.set_title(what, fontsize="medium")
        for name in names:
            axes.plot(epochs, [row[name] for row in history], color=_COLOURS[name], label=_LABELS[name], lw=1.2)
        axes.axvline(best_epoch, color="0.6", lw=1, ls="--", label=f"kept: {best_epoch}")
        axes.set_xlabel("training epoch")
        axes.set_ylim(0, 1)
        axes.legend(frameon=False, fontsize="small")
    figure.suptitle(title)
    save_png(figure, path)


def tuning_grid(rows: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """Draws validation F1 of every cell of a grid: a panel a learning rate, filters across, batch sizes down.

    Args:
        rows: Columns learning_rate, filters, batch_size, val_f1 and val_f1_sd (None with one repetition).
        title: Headline.
        path: PNG to write.
    """
    rates = sorted({row["learning_rate"] for row in rows}, reverse=True)
    filters = sorted({row["filters"] for row in rows})
    batches = sorted({row["batch_size"] for row in rows})
    figure = Figure(figsize=(1.2 + 1.1 * len(rates) * max(len(filters), 2), 1.5 + 0.7 * len(batches)),
                    layout="constrained")
    panels = figure.subplots(1, len(rates), squeeze=False)[0]
    for axes, rate in zip(panels, rates, strict=True):
        values = np.full((len(batches), len(filters)), np.nan)
        for row in rows:
            if row["learning_rate"] == rate:
                i, j = batches.index(row["batch_size"]), filters.index(row["filters"])
                values[i, j] = np.nan if row["val_f1"] is None else row["val_f1"]
                spread = "" if row["val_f1_sd"] is None else f"\n±{row['val_f1_sd']:.2f}"
                axes.text(j, i, f"{values[i, j]:.2f}{spread}", ha="center", va="center", fontsize="small",
                          color="white" if values[i, j] < 0.5 else "black")
        axes.imshow(values, vmin=0, vmax=1, cmap=mpl.colormaps["viridis"], aspect="auto")
        axes.set_xticks(range(len(filters)), [str(f) for f in filters])
        axes.set_yticks(range(len(batches)), [str(b) for b in batches])
        axes.set_title(f"learning rate {rate:g}", fontsize="medium")
        axes.set_xlabel("filters")
    panels[0].set_ylabel("batch size")
    figure.suptitle(title)
    save_png(figure, path)


def mark(figure: Figure, remark: str) -> None:
    """Writes what must not be overlooked above a figure, for example that the data are simulated; or nothing."""
    if remark:
        figure.suptitle("\n".join(wrap(remark, int(figure.get_figwidth() * _LETTERS_PER_IN))), fontsize="medium",
                        color="#b00000")


def save_png(figure: Figure, path: Path) -> None:
    """Writes a figure beside and then renames it."""
    partial = path.with_name(path.name + ".partial")
    figure.savefig(partial, dpi=150, format="png")
    partial.replace(path)


def png_bytes(figure: Figure, dpi: float) -> bytes:
    """The figure as a PNG, for a page that holds its pictures itself."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=dpi, format="png")
    return buffer.getvalue()
