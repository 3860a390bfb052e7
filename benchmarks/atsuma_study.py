"""A whole study of real ground: Atsuma, Hokkaido, before and after the earthquake of 2018-09-06.

The ground is divided by one parallel. North of it, where the image before shows nothing, the base model learns from the
landslides after the earthquake; the study's area is the mapped ground south of it, 300 m away. There both dates are
mapped with the base model as it is and with models fine-tuned out of fold. Before the earthquake nothing is drawn: all
that is mapped there is a false alarm.

Reduced so that it takes about ten minutes on 2 cores: 8 filters, 40 training epochs of the base model, 20 of
fine-tuning, 3 folds of 6 blocks. Run again it goes on below build/atsuma-study, what is done is not done again.

    python benchmarks/atsuma_study.py            # skips where the data is absent
    python benchmarks/atsuma_study.py --quick    # one training epoch each: only the course, no result
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
from shapely.geometry import box

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("MTL_REALDATA") or ROOT / ".." / "shared" / "data").resolve() / "atsuma"
BORDER_DEG, GUARD_DEG = 42.7350, 0.0027  # latitude that divides the ground; 300 m
SETTINGS = {"filters": 8, "training-epochs": 40, "fine-tuning-epochs": 20, "folds": 3, "n-blocks": 6}
QUICK = {"training-epochs": 1, "fine-tuning-epochs": 1}


def main(words: list[str]) -> None:
    if not DATA.is_dir():
        print(f"atsuma: skipped, no data at {DATA}")
        return
    quick = "--quick" in words
    build = ROOT / "build" / ("atsuma-study-quick" if quick else "atsuma-study")
    write_series(build)
    began = time.monotonic()
    study(build, {**SETTINGS, **(QUICK if quick else {})})
    print(f"{(time.monotonic() - began) / 60:.1f} minutes\n\n{table(build)}")


def write_series(build: Path) -> None:
    """The series of the study, and the one that the base model learns from."""
    build.mkdir(parents=True, exist_ok=True)
    source = DATA / "atsuma_2018.gpkg"
    mapped = gpd.read_file(source, layer="mapped_area")
    parts = {"north": box(-180, BORDER_DEG + GUARD_DEG, 180, 90), "south": box(-180, -90, 180, BORDER_DEG)}
    for name, part in parts.items():
        path = build / f"{name}.gpkg"
        if not path.exists():
            gpd.GeoDataFrame(geometry=mapped.intersection(part), crs=mapped.crs).to_file(path, layer=name)
    before, after = ({"name": name, "date": day, "scenes": [str(DATA / f"atsuma_2018_{which}.tif")],
                      "bands": ["blue", "green", "red"], "searched": "south.gpkg"}
                     for name, day, which in (("before", "2018-08-01", "pre"), ("after", "2018-10-01", "post")))
    after["landslides"] = f"{source}|layername=landslides"
    training = {**after, "searched": "north.gpkg"}
    write(build / "series.json", {"epochs": [before, after], "area": "south.gpkg"})
    write(build / "training.json", {"epochs": [training]})


def write(path: Path, data: dict) -> None:
    path.write_text(json.dumps(data, indent=2))


def study(build: Path, settings: dict[str, int]) -> None:
    words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    subprocess.run([sys.executable, "-m", "model_core", "study", "--series", str(build / "series.json"), "--training",
                    str(build / "training.json"), *words, "--out", str(build / "study")], cwd=ROOT, check=True)


def table(build: Path) -> str:
    """Markdown: accuracy after the earthquake, and what the same models map before it."""
    sys.path.insert(0, str(ROOT))
    from model_core.stages.shared.studying.folder import read_study

    found = read_study(build / "study")
    after = {row["map"]: row for row in found.accuracy if row["date"] == "after"}
    lines = ["Atsuma (real), area south of the parallel, agreement with the polygons traced after the earthquake", "",
             "| map | means | precision | recall | F1 | landslides drawn | mapped | found | drawn km² | mapped km² "
             "| mapped before the earthquake | km² | % of the ground seen |", "|---|" + "---|" * 12]
    for kind, row in after.items():
        before = found.maps[kind, "before"]
        n, mapped_km2, share = false_alarms(before["binary"], before["polygons"], build / "south.gpkg")
        lines.append(
            f"| {kind} | {row['means']} | {row['precision']:.3f} | {row['recall']:.3f} | {row['F1']:.3f} "
            f"({row['F1 low']:.3f} to {row['F1 high']:.3f}) | {row['drawn']} | {row['mapped']} | {row['found']:.3f} "
            f"| {row['drawn [km²]']:.2f} | {row['mapped [km²]']:.2f} | {n} | {mapped_km2:.2f} | {share:.2f} |")
    return "\n".join(lines)


def false_alarms(raster: str, polygons: str, area: Path) -> tuple[int, float, float]:
    """Number of polygons, km² and percent of the observed ground that are mapped within the area."""
    from model_core.geo.burn import burn_ids
    from model_core.geo.rasters import read_grid, read_window
    from model_core.geo.vectors import read_polygons

    grid = read_grid(Path(raster))
    classes = read_window(Path(raster), slice(0, grid.height), slice(0, grid.width))
    inside = burn_ids(grid, read_polygons(str(area), role="area of interest").frame) > 0
    mapped, seen = (int(np.count_nonzero(inside & where)) for where in (classes == 1, classes != 255))
    points = gpd.read_file(polygons).to_crs(4326).representative_point()
    n = int(points.within(gpd.read_file(area).union_all()).sum())
    return n, mapped * grid.pixel_area_m2 / 1e6, 100 * mapped / max(seen, 1)


if __name__ == "__main__":
    main(sys.argv[1:])
