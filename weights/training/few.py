"""What a model gains from few drawn landslides, and what it is worth to start from: fine-tuned against from scratch.

On the real scene of Atsuma after the event: landslides drawn in one place of its north, judged on all of its mapped
south. Nothing of a bundled model is chosen by these numbers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from model_core.contract.card import read_card
from model_core.contract.jsonfile import read_json

from .atsuma import AFTER, do
from .patches import BANDS

COUNTS, SEEDS = (10, 30, 100), (0, 1, 2)
CRS, GUARD_M = "EPSG:32654", 300.0


def few_polygons(model: Path, data: Path, counts: tuple[int, ...] = COUNTS, seeds: tuple[int, ...] = SEEDS
                 ) -> list[dict[str, Any]]:
    """A row for the model as it is, then one for each number of landslides, place and kind of start.

    Args:
        model: Weights file with its card; the network from scratch has as many filters.
        data: Folder of the real data.
        counts: Numbers of landslides.
        seeds: Places to draw them in, and starts of the trainings.
    """
    rows = []
    filters = read_card(model).filters
    with tempfile.TemporaryDirectory(prefix="mtl-few-") as name:
        folder = Path(name)
        ground = _Ground(data / "atsuma", folder)
        rows.append({"landslides": 0, "seed": None, "start": "zero-shot", **ground.judge(model, "zero-shot")})
        for n in counts:
            for seed in seeds:
                drawn = ground.draw(n, seed)
                for start, words in (("fine-tuned", {"model": str(model)}), ("from scratch", {"filters": filters})):
                    out = folder / f"{start}-{n}-{seed}"
                    do("fine-tune" if "model" in words else "train", **ground.image, **drawn, **words, out=str(out),
                       split="whole", seed=seed)
                    found = ground.judge(next(out.glob("*.weights.h5")), f"{start}-{n}-{seed}-judged")
                    rows.append({"landslides": n, "seed": seed, "start": start, **found})
    return rows


class _Ground:
    """The scene, the part to draw in and the part to judge on."""

    def __init__(self, data: Path, folder: Path) -> None:
        source = data / "atsuma_2018.gpkg"
        self._folder, self._reference = folder, f"{source}|layername=landslides"
        _, day, stem = AFTER
        self.image = {"scene": [str(data / f"atsuma_2018_{stem}.tif")], "bands": list(BANDS), "date": day}
        self._landslides = gpd.read_file(source, layer="landslides").to_crs(CRS)
        mapped = gpd.read_file(source, layer="mapped_area").to_crs(CRS).union_all()
        west, south, east, north = mapped.bounds
        middle = float(self._landslides.representative_point().y.median())
        self._north = mapped.intersection(shapely.box(west, middle + GUARD_M, east, north))
        self._south = self._write("south", [mapped.intersection(shapely.box(west, south, east, middle))])

    def draw(self, n: int, seed: int) -> dict[str, str]:
        """The n landslides nearest to one of them, and a square around them that is searched completely."""
        points = self._landslides.representative_point()
        here = self._landslides[points.within(self._north)]
        points = here.representative_point()
        middle = points.iloc[np.random.default_rng(seed).integers(len(points))]
        away = np.maximum((points.x - middle.x).abs(), (points.y - middle.y).abs())
        reach = np.sort(away)[n - 1] + 1
        square = shapely.box(middle.x - reach, middle.y - reach, middle.x + reach, middle.y + reach)
        return {"landslides": self._write(f"landslides-{n}-{seed}", here.geometry[away <= reach]),
                "searched": self._write(f"searched-{n}-{seed}", [self._north.intersection(square)])}

    def judge(self, model: Path, name: str) -> dict[str, Any]:
        """Precision, recall and F1 on the south."""
        found = do("predict", **self.image, model=str(model), out=str(self._folder / name))
        binary = next(path for role, path in found.outputs.items() if role.startswith("binary"))
        accuracy = do("evaluate", prediction=binary, reference=self._reference, searched=self._south,
                      out=str(self._folder / f"{name}-accuracy"))
        pixels = read_json(Path(accuracy.outputs["accuracy"]))["pixels"][0]
        return {key: round(pixels[key], 4) for key in ("precision", "recall", "f1")}

    def _write(self, name: str, shapes: Any) -> str:
        path = self._folder / f"{name}.gpkg"
        gpd.GeoDataFrame(geometry=list(shapes), crs=CRS).to_file(path, layer=name)
        return str(path)


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: F1 by number of landslides, mean and spread over the places."""
    lines = ["| landslides | start | F1 of each place | mean F1 | precision | recall |", "|---|---|---|---|---|---|"]
    kinds = dict.fromkeys((row["landslides"], row["start"]) for row in rows)
    for n, start in kinds:
        own = [row for row in rows if (row["landslides"], row["start"]) == (n, start)]
        means = (np.mean([row[key] for row in own]) for key in ("f1", "precision", "recall"))
        each = " ".join(f"{row['f1']:.3f}" for row in own)
        lines.append(f"| {n} | {start} | {each} | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    return "\n".join(lines)
