"""Pictures of what went right and wrong on the real Atsuma pair, from the maps that presets.py left.

Writes build/presets/atsuma/overview.png (both dates, the map's errors on all searched ground) and errors.png (the
windows of the test ground with the largest false alarms and misses, and the largest false alarms before the event).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from presets import BUILD, STEPS, series
from scipy import ndimage

from model_core.arrays.confusion import FN, FP, TP, classify
from model_core.geo.burn import burn_ids, burn_labels
from model_core.geo.grid import Grid
from model_core.geo.rasters import read_grid, read_window
from model_core.geo.scenes import SceneStack, describe
from model_core.geo.vectors import read_polygons

FOLDER = BUILD / "atsuma"
MODEL = f"step{len(STEPS) - 1}-seed0"
COLOURS = {TP: (0.1, 0.75, 0.2), FP: (0.95, 0.2, 0.2), FN: (0.2, 0.4, 1.0)}
CROP_PX = 96


def main() -> None:
    dates = {row["name"]: load(row) for row in series("atsuma", 0)}
    overview(dates)
    errors(dates)
    print(f"{FOLDER / 'overview.png'}\n{FOLDER / 'errors.png'}")


def load(row: dict) -> dict[str, np.ndarray]:
    raster = FOLDER / f"{MODEL}-map" / f"{row['name']}_binary.tif"
    grid = read_grid(raster)
    whole = slice(0, grid.height), slice(0, grid.width)
    codes = burn_labels(grid, read_polygons(row["landslides"]) if "landslides" in row else None,
                        read_polygons(row["searched"], role="searched"), min_area_m2=200.0)
    blocks = read_polygons(FOLDER / MODEL / "blocks.gpkg", layer="blocks").frame
    return {"image": picture(Path(row["scenes"][0]), row["bands"], grid),
            "classes": classify(read_window(raster, *whole), codes),
            "test": burn_ids(grid, blocks[blocks["role"] == "test"]) > 0}


def picture(path: Path, bands: list[str], grid: Grid) -> np.ndarray:
    """(H, W, 3) true colours, stretched between the 1st and the 98th percentile; white where nothing was observed."""
    with SceneStack([describe(path, bands)], grid, ("red", "green", "blue")) as stack:
        values, valid = stack.read(slice(0, grid.height), slice(0, grid.width))
    low, high = np.percentile(values[valid], [1, 98], axis=0)
    image = np.clip((values - low) / (high - low), 0, 1)
    image[~valid] = 1
    return image


def painted(date: dict[str, np.ndarray]) -> np.ndarray:
    image = date["image"].copy()
    for kind, colour in COLOURS.items():
        inner = date["classes"] == kind
        edge = inner & ~ndimage.binary_erosion(inner)
        image[edge] = colour
    return image


def overview(dates: dict[str, dict[str, np.ndarray]]) -> None:
    figure = Figure(figsize=(11, 10), layout="constrained")
    for axes, (name, date) in zip(figure.subplots(1, 2), dates.items(), strict=True):
        axes.imshow(painted(date))
        axes.contour(date["test"], [0.5], colors="yellow", linewidths=1)
        axes.set_title(f"{name} the earthquake; yellow: test ground")
        axes.set_axis_off()
    figure.suptitle("Green: found, red: false alarm, blue: missed (searched ground only)")
    figure.savefig(FOLDER / "overview.png", dpi=110)


def errors(dates: dict[str, dict[str, np.ndarray]]) -> None:
    rows = [("after", FP, "false alarm after"), ("after", FN, "missed"), ("before", FP, "false alarm before")]
    figure = Figure(figsize=(14, 17), layout="constrained")
    panels = figure.subplots(2 * len(rows), 4)
    for i, (name, kind, title) in enumerate(rows):
        date = dates[name]
        for j, (row, col) in enumerate(worst(date["classes"] == kind, date["test"])):
            part = slice(row, row + CROP_PX), slice(col, col + CROP_PX)
            panels[2 * i, j].imshow(date["image"][part], interpolation="nearest")
            panels[2 * i + 1, j].imshow(painted(date)[part], interpolation="nearest")
            panels[2 * i, j].set_title(f"{title} {j + 1}")
    for axes in panels.flat:
        axes.set_axis_off()
    figure.savefig(FOLDER / "errors.png", dpi=80)


def worst(wrong: np.ndarray, test: np.ndarray) -> list[tuple[int, int]]:
    """Corners of four windows with most wrong pixels on test ground, not overlapping."""
    density = ndimage.uniform_filter((wrong & test).astype(float), CROP_PX)
    found = []
    for _ in range(4):
        row, col = np.unravel_index(int(density.argmax()), density.shape)
        top = int(np.clip(row - CROP_PX // 2, 0, wrong.shape[0] - CROP_PX))
        left = int(np.clip(col - CROP_PX // 2, 0, wrong.shape[1] - CROP_PX))
        found.append((top, left))
        near = [slice(max(start - CROP_PX // 2, 0), start + CROP_PX * 3 // 2) for start in (top, left)]
        density[near[0], near[1]] = 0
    return found


if __name__ == "__main__":
    main()
