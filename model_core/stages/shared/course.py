"""The course of a training: one model on one split, or k models so that every pixel is judged out of fold."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from scipy import ndimage

from ...arrays import folds
from ...arrays.blending import Block
from ...arrays.codes import IGNORE, NOWHERE, TEST
from ...arrays.confusion import Confusion, from_maps
from ...contract.card import ModelCard
from ...contract.events import Report, Result
from ...geo.files import write_json_atomic
from ...geo.polygonise import polygonise
from ...geo.vectors import write_layers
from .fold_means import map_mean
from .ground import Ground
from .map_files import classes_of, map_writer
from .objects import check_slopes, dates_of, slopes_of
from .runs import new_run, safe_name
from .scenes import DatedScenes
from .split import announce, blocks_layer, choose_split, cut_blocks, learned_ground, split_blocks
from .training import NetworkSpec, accuracy_row, train_on

STATE, OUT_OF_FOLD = "state", "out_of_fold_"


def run_course(
    stage: str, params: Any, grounds: Sequence[Ground], spec: NetworkSpec, build: Callable[[], Any],
    start_device: Callable[[], Any], report: Report, judged: Sequence[Ground] = (),
    predicted: Sequence[DatedScenes] = (), dem: str | None = None,
) -> Result:
    """Trains as the parameters say and writes everything into a new run folder.

    Args:
        stage: "train" or "fine-tune".
        params: Of that stage.
        grounds: Where the labels are.
        spec: What the network is.
        build: Gives the network to start from.
        start_device: Sets up the device; called after the input was checked, because it takes seconds.
        report: Told everything.
        judged: Dates whose landslides no model learns from. Each of k models maps its own test ground on them too, so
            that their maps are of unseen ground as well as of unseen dates.
        predicted: Dates without labels that count. All of k models map them together, see `fold_means.map_mean`.
        dem: Raster of elevations for the polygons of the maps of k models.
    """
    check_slopes(params, dem)
    name = safe_name(params.name or Path(params.out).name)
    with new_run(stage, params, resume=params.resume, keep_partial=True) as folder:
        if params.folds:
            return _out_of_fold(params, grounds, judged, predicted, dem, spec, build, start_device, folder, name,
                                report)
        return _single(params, grounds, spec, build, start_device, folder, name, report)


def _single(
    params: Any, grounds: Sequence[Ground], spec: NetworkSpec, build: Callable[[], Any],
    start_device: Callable[[], Any], folder: Path, name: str, report: Report,
) -> Result:
    split = choose_split(grounds, params, report)
    write_layers(folder / "blocks.gpkg", {"blocks": blocks_layer(split, grounds[0])})
    trained = train_on(grounds, split, params, spec, build, start_device(), folder, name, report, params.resume)
    rows = trained.table(grounds)
    _finish(folder, rows, split.table(grounds))
    out = Path(params.out)
    return Result(
        {"weights": str(out / trained.card.weights), "card": str(out / f"{name}.json"),
         "blocks": str(out / "blocks.gpkg"), "curves": str(out / "curves.png")},
        {"split": split.table(grounds), "accuracy on test ground": rows,
         "kept training epoch": trained.best_epoch, "threshold": trained.card.threshold},
    )


def _out_of_fold(
    params: Any, grounds: Sequence[Ground], judged: Sequence[Ground], predicted: Sequence[DatedScenes],
    dem: str | None, spec: NetworkSpec, build: Callable[[], Any], start_device: Callable[[], Any], folder: Path,
    name: str, report: Report,
) -> Result:
    blocks = cut_blocks(grounds, params)
    plan = folds.fold_plan(params.n_blocks, params.folds)
    splits = [split_blocks(grounds, blocks, sorted(test), sorted(validation), params) for test, validation in plan]
    device = start_device()
    nearest = _nearest_block(blocks)
    mapped = [*grounds, *judged]
    probability = [np.full(ground.grid.shape, np.nan, np.float32) for ground in mapped]
    classes = [np.full(ground.grid.shape, IGNORE, np.uint8) for ground in mapped]
    pooled = [Confusion()] * len(mapped)
    cards: list[ModelCard] = []
    thresholds: dict[int, float] = {}
    for number, (split, (test, _)) in enumerate(zip(splits, plan, strict=True), start=1):
        report.log(f"Fold {number} of {len(plan)}")
        announce(split, grounds, report)
        place = folder / f"fold-{number}"
        place.mkdir(exist_ok=True)
        trained = train_on(grounds, split, params, spec, build, device, place, f"{name}-fold-{number}", report,
                           params.resume, judged)
        cards.append(trained.card)
        thresholds |= dict.fromkeys(test, trained.card.threshold)
        own = np.isin(nearest, list(test))
        for i, found in enumerate((*trained.maps, *trained.beside)):
            there = classes_of(found, trained.card.threshold)
            probability[i][own] = found[own]
            classes[i][own] = there[own]
            tested = split.maps[i] == TEST if i < len(grounds) else own
            pooled[i] += from_maps(there, mapped[i].codes, tested)
    layer = blocks_layer(splits[0], grounds[0]).dissolve("block", as_index=False).drop(columns=["role", "area_m2"])
    write_layers(folder / "blocks.gpkg", {"blocks": layer.assign(role="test")})
    outputs = {"blocks": str(Path(params.out) / "blocks.gpkg")}
    learned = None if spec.base is None else learned_ground(spec.base)
    for i, ground in enumerate(mapped):
        stem = f"{OUT_OF_FOLD}{safe_name(ground.scenes.name)}"
        _write_out_of_fold(folder, stem, ground, probability[i], classes[i], thresholds, params, name, dem, learned)
        outputs[stem] = str(Path(params.out) / f"{stem}_polygons.gpkg")
    for scenes in predicted:
        found_there = map_mean(scenes, grounds[0].grid, cards, name, params, dem, folder, report)
        outputs |= {role: str(Path(params.out) / file) for role, file in found_there.items()}
    rows = [accuracy_row(ground.scenes.name, counts, ground.grid.pixel_area_m2)
            for ground, counts in zip(mapped, pooled, strict=True)]
    _finish(folder, rows, [])
    return Result(outputs, {"out-of-fold accuracy, whole area": rows})


def _write_out_of_fold(
    folder: Path, stem: str, ground: Ground, probability: np.ndarray, classes: np.ndarray,
    thresholds: Mapping[int, float], params: Any, name: str, dem: str | None, learned: gpd.GeoDataFrame | None,
) -> None:
    """Rasters and polygons in which no pixel was predicted by a model that learned from it in this course.

    The base model may have: its ground is marked in the polygons.
    """
    first, second = (folder / f"{stem}_{role}.tif" for role in ("probability", "binary"))
    tags = {"model": name, "date": ground.scenes.days_text, "note": "out of fold", **_threshold_tags(thresholds)}
    with map_writer(ground.grid, first, second, tags) as files:
        files.write(Block(0, 0, probability), classes)
    polygonise(second, first, folder / f"{stem}_polygons.gpkg", min_area_m2=params.min_area_m2, model_id=name,
               training_ground=None if learned is None else learned.geometry,
               **dates_of(ground.days, ground.sources), **slopes_of(params, dem))


def _threshold_tags(thresholds: Mapping[int, float]) -> dict[str, str]:
    """What a raster says of the threshold of each block: one number only if it is that of all ground."""
    if len(set(thresholds.values())) == 1:
        return {"threshold": f"{next(iter(thresholds.values())):g}"}
    listed = ", ".join(f"block {block}: {threshold:g}" for block, threshold in sorted(thresholds.items()))
    return {"threshold": "by block", "thresholds": listed}


def _nearest_block(blocks: np.ndarray) -> np.ndarray:
    """Block of every pixel; ground that nobody searched goes with the nearest block, whose model never saw it.

    The others learned right beside that ground, so that a mean of all models would be less independent, not better.
    """
    rows, cols = ndimage.distance_transform_edt(blocks == NOWHERE, return_distances=False, return_indices=True)
    nearest: np.ndarray = blocks[rows, cols]
    return nearest


def _finish(folder: Path, accuracy: list[dict[str, Any]], split: list[dict[str, Any]]) -> None:
    """Writes the tables and clears the state that only a resume needs."""
    write_json_atomic(folder / "accuracy.json", {"accuracy": accuracy, "split": split})
    for state in list(folder.rglob(STATE)):
        # Renamed first: killed halfway through it, half a state would be there to be resumed.
        shutil.rmtree(state.rename(state.with_name(f".{STATE}.partial")))
