"""Claim: the simulated years are hard; a threshold or a random forest maps them clearly worse than the U-Net.

Four rules, from weak to strong, learn and are judged on the same contiguous blocks as the pooled step of `mtl study`,
so that no pixel is mapped by a rule that saw it:

- value: the best threshold on the best band, sum or ratio of bands;
- change: a threshold on the change of NDVI since the date before (the first date has none), for all landslides and for
  the new ones alone, on ground that was no landslide before;
- forest: a random forest on the five bands;
- forest +: a random forest that also has mean and standard deviation around the pixel, and the slope.

All of them get bands scaled scene by scene as the network gets them, and choose their threshold on validation ground.
The same rules then learn from the training landslides outside the area and map the dates inside, as the zero-shot maps.
Objects below the study's minimum area are taken out of every map.

F1 over all dates of the sample with seed 0, beside a U-Net with 16 filters after a short training (40 epochs outside,
then 8 on each of three folds; single dates: 0.64 to 0.74 out of fold, 0.47 (2015) to 0.72 outside):

                 U-Net   forest +   forest   value   change   change, new
    out of fold   0.71       0.51     0.35    0.32     0.24          0.61
    outside       0.64       0.45     0.27    0.21

With seed 1 the same training outside gives 0.43, forest + 0.43 and forest 0.29 (15 trees): on a few dozen landslides
so short a training is not always enough.

The last column has another aim than the others: a landslide's first year is easy to see in two dates, its later years
are not.

    python benchmarks/per_pixel.py                       makes a simulated study (build/per_pixel/sample)
    python benchmarks/per_pixel.py --sample S --study T  of a sample and a study of it; puts the U-Net's rows beside
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier

from model_core.arrays import folds, scaling
from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE, NOWHERE, TEST, TRAIN, VALIDATION
from model_core.arrays.confusion import FN, FP, TP, Confusion, classify, from_classes
from model_core.contract.bands import BANDS
from model_core.contract.card import Scaling
from model_core.contract.events import Report
from model_core.contract.jsonfile import read_json
from model_core.contract.params.study import StudyParams
from model_core.contract.series import read_series
from model_core.geo.rasters import read_grid, read_window
from model_core.stages.shared.ground import Ground, load_grounds
from model_core.stages.shared.scenes import describe_series, study_grid
from model_core.stages.shared.split import cut_blocks

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "per_pixel"
SAMPLED, TREES, JOBS = 150_000, 60, 2
AROUND_PX = (3, 7)
SPLIT = ("n_blocks", "folds", "layout", "guard_px", "min_area_m2")
COLOURS = {TP: (0.1, 0.75, 0.2), FP: (0.95, 0.2, 0.2), FN: (0.2, 0.4, 1.0)}


@dataclass(frozen=True)
class Date:
    """A date with the one before it and its ground's slope (H, W) in degrees."""

    ground: Ground
    before: Ground | None
    slope_deg: np.ndarray

    @property
    def name(self) -> str:
        return self.ground.scenes.name


@dataclass(frozen=True)
class Pixels:
    """As many landslide pixels as others; weighted, they stand for all pixels that they were drawn from."""

    values: np.ndarray  # (n, F)
    landslide: np.ndarray  # (n,) bool
    weights: np.ndarray  # (n,)


@dataclass(frozen=True)
class Rule:
    """What a rule looks at, what it is to find, and how it learns that: (training, validation) -> its map of pixels."""

    features: Callable[[Date], np.ndarray]
    fit: Callable[[Pixels, Pixels], Callable[[np.ndarray], np.ndarray]]
    codes: Callable[[Date], np.ndarray] = lambda date: date.ground.codes
    two_dates: bool = False


def main() -> None:
    options = _options()
    if options.sample is None:
        options.sample = BUILD / "sample"
        if not options.sample.exists():
            subprocess.run([sys.executable, "-m", "model_core", "sample", "--kind", "years", "--out", options.sample],
                           cwd=ROOT, check=True)
    given = read_json(options.study / "job.json")["params"] if options.study else {}
    params = StudyParams(**{name: value for name, value in given.items() if name in SPLIT})
    inside, outside = (_dates(options.sample, name) for name in ("series", "training"))
    print("| rule | learned | " + " | ".join(date.name for date in inside) + " | all: P | R | F1 |")
    print("|" + "---|" * (len(inside) + 5))
    for kind, counts in _network_rows(options.study).items():
        _print("U-Net", kind, [counts.get(date.name) for date in inside])
    for name in options.rules or RULES:
        for learned, maps in (("out of fold", _out_of_fold(RULES[name], inside, params)),
                              ("outside", _from_outside(RULES[name], inside, outside, params))):
            counts = []
            for date in inside:
                classes = classify(_sieved(maps[date.name], params.min_area_m2 / date.ground.grid.pixel_area_m2),
                                   RULES[name].codes(date)) if date.name in maps else None
                counts.append(None if classes is None else from_classes(classes))
                if options.pictures and classes is not None:
                    _draw(date, classes, options.pictures / f"{name} {learned} {date.name}.png".replace(" ", "_"))
            if any(counts):
                _print(name, learned, counts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=Path, help="folder that `mtl sample --kind years` made")
    parser.add_argument("--study", type=Path, help="folder that `mtl study` made of it; may be unfinished")
    parser.add_argument("--rules", nargs="*", choices=list(RULES), help="default: all")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each map")
    return parser.parse_args()


def _dates(sample: Path, name: str) -> list[Date]:
    series = read_series(sample / f"{name}.json")
    dated = describe_series(series, Report())
    grid = study_grid(dated, series)
    grounds = load_grounds(dated, grid, BANDS, "scene-robust", StudyParams.min_area_m2, Report())
    slope = _slope_deg(sample / "dem.tif", grid)
    return [Date(ground, before, slope) for before, ground in zip([None, *grounds], grounds, strict=False)]


def _slope_deg(path: Path, grid: Any) -> np.ndarray:
    """(H, W) float32; the elevation model lies on the pixels of the scenes."""
    whole = read_grid(path)
    elevation_m = read_window(path, slice(0, whole.height), slice(0, whole.width))
    south, east = np.gradient(elevation_m, whole.pixel_size_m)
    col, row = (round(v) for v in ~whole.transform @ (grid.transform.c, grid.transform.f))
    return np.degrees(np.arctan(np.hypot(south, east)))[row : row + grid.height, col : col + grid.width]


# ---- what the rules look at

def single_values(date: Date) -> np.ndarray:
    """(H, W, 12) bands, brightness and ratios, each scaled scene by scene."""
    blue, green, red, edge, nir = bands = np.moveaxis(_reflectance(date.ground), -1, 0)
    return _scaled(np.stack([
        *bands, bands.mean(axis=0), (nir - red) / (nir + red), (nir - edge) / (nir + edge),
        (nir - green) / (nir + green), red / nir, red / green, red / blue,
    ], axis=-1), date.ground.valid)


def ndvi_change(date: Date) -> np.ndarray:
    """(H, W, 1) NDVI minus that of the date before, after both were scaled; 0 where one is unobserved."""
    now, before = (_scaled(((r := _reflectance(ground))[..., 4:] - r[..., 2:3]) / (r[..., 4:] + r[..., 2:3]),
                           ground.valid) for ground in (date.ground, date.before))
    return np.where((date.ground.valid & date.before.valid)[..., np.newaxis], now - before, 0)


def with_neighbours(date: Date) -> np.ndarray:
    """(H, W, 26) the bands, their mean and standard deviation around each pixel, and the slope."""
    image = date.ground.image
    found = [image, date.slope_deg[..., np.newaxis]]
    for size in AROUND_PX:
        mean = ndimage.uniform_filter(image, (size, size, 0))
        found += [mean, np.sqrt(np.maximum(ndimage.uniform_filter(image**2, (size, size, 0)) - mean**2, 0))]
    return np.concatenate(found, axis=-1, dtype=np.float32)


def new_landslides(date: Date) -> np.ndarray:
    """(H, W) label codes without the ground that was landslide at the date before."""
    return np.where(date.before.codes == LANDSLIDE, IGNORE, date.ground.codes)


def _reflectance(ground: Ground) -> np.ndarray:
    centre, spread = (np.array(part, np.float32) for part in (ground.scaling.centre, ground.scaling.spread))
    return np.maximum(ground.image * spread + centre, 1e-3)


def _scaled(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    centre, spread = scaling.statistics(values[valid].astype(np.float32), "scene-robust")
    return scaling.apply(values.astype(np.float32), valid, Scaling("scene-robust", centre, spread, scaling.CLIP))


# ---- how they learn

def threshold(train: Pixels, validation: Pixels) -> Callable[[np.ndarray], np.ndarray]:
    """The feature, the side and the threshold with the best F1 on training ground."""
    sides = [(feature, sign) for feature in range(train.values.shape[1]) for sign in (1, -1)]
    found = [best_f1(sign * train.values[:, feature], train) for feature, sign in sides]
    number = int(np.argmax([f1 for f1, _ in found]))
    (feature, sign), (_, least) = sides[number], found[number]
    return lambda values: sign * values[:, feature] >= least


def forest(train: Pixels, validation: Pixels) -> Callable[[np.ndarray], np.ndarray]:
    """A random forest with the threshold that is best on validation ground."""
    trees = RandomForestClassifier(TREES, min_samples_leaf=5, n_jobs=JOBS, random_state=0)
    trees.fit(train.values, train.landslide)
    _, least = best_f1(trees.predict_proba(validation.values)[:, 1], validation)
    return lambda values: trees.predict_proba(values)[:, 1] >= least


def best_f1(score: np.ndarray, pixels: Pixels) -> tuple[float, float]:
    """The highest F1 of `score >= threshold`, and the threshold."""
    order = np.argsort(-score)
    score, landslide, weights = score[order], pixels.landslide[order], pixels.weights[order]
    tp, mapped = np.cumsum(weights * landslide), np.cumsum(weights)
    f1 = np.where(np.append(score[1:] < score[:-1], True), 2 * tp / (mapped + tp[-1]), 0)
    best = int(np.argmax(f1))
    return float(f1[best]), float(score[best])


RULES = {
    "value": Rule(single_values, threshold),
    "change": Rule(ndvi_change, threshold, two_dates=True),
    "change, new": Rule(ndvi_change, threshold, new_landslides, two_dates=True),
    "forest": Rule(lambda date: date.ground.image, forest),
    "forest +": Rule(with_neighbours, forest),
}


# ---- who learns from what

def _out_of_fold(rule: Rule, dates: Sequence[Date], params: StudyParams) -> dict[str, np.ndarray]:
    """By date a map (H, W) in which no pixel was mapped by a rule that saw it."""
    blocks = cut_blocks([date.ground for date in dates], params)
    dates = [date for date in dates if date.before or not rule.two_dates]
    roles = [folds.role_map(blocks, folds.assign_roles(blocks, test, validation), params.guard_px)
             for test, validation in folds.fold_plan(params.n_blocks, params.folds)]
    fitted = [_fitted(rule, dates, role) for role in roles]
    return {date.name: _mapped(rule, date, fitted, [role == TEST for role in roles]) for date in dates}


def _from_outside(
    rule: Rule, dates: Sequence[Date], outside: Sequence[Date], params: StudyParams
) -> dict[str, np.ndarray]:
    """By date a map (H, W) of a rule that learned from the ground outside, divided as for a base model."""
    if rule.two_dates:
        return {}
    blocks = cut_blocks([date.ground for date in outside], params)
    role = folds.role_map(blocks, folds.assign_roles(blocks, {0}, {1}), params.guard_px)
    fitted = _fitted(rule, outside, role)
    return {date.name: _mapped(rule, date, [fitted], [date.ground.codes != NOWHERE]) for date in dates}


def _fitted(rule: Rule, dates: Sequence[Date], role: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    return rule.fit(*(_drawn(rule, dates, role == wanted, rng) for wanted in (TRAIN, VALIDATION)))


def _drawn(rule: Rule, dates: Sequence[Date], where: np.ndarray, rng: np.random.Generator) -> Pixels:
    """Half landslide, half not, from all dates alike."""
    codes = [np.where(where, rule.codes(date), IGNORE).ravel() for date in dates]
    totals = {code: sum(int((known == code).sum()) for known in codes) for code in (LANDSLIDE, BACKGROUND)}
    values, landslide, weights = [], [], []
    for date, known in zip(dates, codes, strict=True):
        features = rule.features(date)
        features = features.reshape(-1, features.shape[-1])
        for code, total in totals.items():
            share = min(1.0, SAMPLED / 2 / total)
            here = np.flatnonzero(known == code)
            here = rng.choice(here, round(share * len(here)), replace=False)
            values.append(features[here])
            landslide.append(np.full(len(here), code == LANDSLIDE))
            weights.append(np.full(len(here), 1 / share))
    return Pixels(*(np.concatenate(parts) for parts in (values, landslide, weights)))


def _mapped(rule: Rule, date: Date, fitted: Sequence[Any], wheres: Sequence[np.ndarray]) -> np.ndarray:
    """(H, W) label codes, each place mapped by its own rule."""
    features = rule.features(date)
    result = np.full(date.ground.codes.shape, BACKGROUND, np.uint8)
    for predict, where in zip(fitted, wheres, strict=True):
        here = where & date.ground.valid
        result[here] = np.where(predict(features[here]), LANDSLIDE, BACKGROUND)
    return result


def _sieved(mapped: np.ndarray, smallest_px: float) -> np.ndarray:
    """Without objects below the minimum area; pixels that touch at a corner are one object, as in `mtl predict`."""
    labelled, _ = ndimage.label(mapped == LANDSLIDE, np.ones((3, 3)))
    large = np.bincount(labelled.ravel()) >= smallest_px
    return np.where(large[labelled], mapped, BACKGROUND)


# ---- what comes out

def _network_rows(study: Path | None) -> dict[str, dict[str, Confusion]]:
    """Pixel counts by kind of map and date, as far as the study has come."""
    found: dict[str, dict[str, Confusion]] = {}
    for path in sorted(study.glob("accuracy/*/*/accuracy.json")) if study else ():
        rows = {row["ground"]: row for row in read_json(path)["pixels"]}
        row = rows.get("test blocks", rows["whole area"])
        counts = Confusion(**{name: row[name] for name in ("tp", "fp", "fn", "tn")})
        found.setdefault(path.parent.parent.name, {})[path.parent.name] = counts
    return found


def _print(name: str, learned: str, counts: Sequence[Confusion | None]) -> None:
    pooled = sum((one for one in counts if one), Confusion())
    cells = [one.f1 if one else None for one in counts] + [pooled.precision, pooled.recall, pooled.f1]
    print(f"| {name} | {learned} | " + " | ".join("" if v is None else f"{v:.3f}" for v in cells) + " |", flush=True)


def _draw(date: Date, classes: np.ndarray, path: Path) -> None:
    """False colours (NIR, red, green) with what is right (green), mapped wrongly (red) and missed (blue)."""
    image = np.clip(date.ground.image[..., [4, 2, 1]] / 6 + 0.4, 0, 1)
    painted = image.copy()
    for kind, colour in COLOURS.items():
        painted[classes == kind] = colour
    figure = Figure((20, 10), layout="tight")
    for axes, picture in zip(figure.subplots(1, 2), (image, painted), strict=True):
        axes.imshow(picture)
        axes.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
