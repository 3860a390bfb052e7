"""What the steps of a study left, as the layers of one GeoPackage."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from ....contract.jsonfile import read_json
from ....contract.series import PREDICT as ONLY_MAPPED
from ....contract.series import Epoch
from ....geo.clipping import ground_of
from ....geo.grid import Grid
from ....geo.inventory import PREDICTED
from ....geo.study_layers import Part, StudyLayer
from ....geo.terrain import NUMBERS, terrain_columns
from ....geo.vectors import in_crs, read_polygons
from ..dates import year_of
from ..density.tables import WELL_OBSERVED
from ..objects import with_days
from ..runs import safe_name
from .folder import POOLED, ZERO_SHOT, StudyFolder

_NUMBER, _WHOLE, _TEXT, _YES, _DAY = "Float64", "Int64", "object", "boolean", "datetime64[s]"
_POLYGON = {"area_m2": _NUMBER, "perimeter_m": _NUMBER, "prob_mean": _NUMBER}
_PIXELS = ("judged_km2", "reference_km2", "mapped_km2", "precision", "precision_low", "precision_high", "recall",
           "recall_low", "recall_high", "f1", "f1_low", "f1_high", "iou", "iou_low", "iou_high", "mcc")
_OBJECTS = {"n_drawn": "reference", "n_found": "found", "n_mapped": "mapped", "n_right": "right"}
# How sure TL and TAL are, as `map_error.interval_columns` tells it; neither goes without.
_SURE = {"TL_corrected": _NUMBER, "TL_low": _NUMBER, "TL_high": _NUMBER, "TL_interval": _TEXT, "TAL_m2": _NUMBER,
         "TAL_corrected_m2": _NUMBER, "TAL_low_m2": _NUMBER, "TAL_high_m2": _NUMBER, "TAL_interval": _TEXT,
         "interval_reason": _TEXT}
_COUNTS = ("MinAL_m2", "MaxAL_m2", "mean_m2", "median_m2", "counted_twice_m2", "observed_km2",
           "number_per_km2", "area_density")


@dataclass(frozen=True)
class _Study:
    """A study with the days of its dates and the ground that its numbers hold for."""

    folder: StudyFolder
    dates: Mapping[str, datetime.date | None]
    grid: Grid

    def part(self, epoch: str | None, frame: gpd.GeoDataFrame, **columns: Any) -> Part:
        date = self.dates.get(epoch) if epoch else None
        return Part(frame, epoch, date, year_of(epoch, date) if epoch else None, columns)

    def dated(self, epoch: Epoch, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Drawn polygons with the dates of the images that they lie on, where the date is a mosaic that was mapped."""
        step = self.folder.step(f"{ZERO_SHOT}/{safe_name(epoch.name)}")
        sources = step.outputs.get(f"source_{epoch.name}") if step else None
        frame = frame.reset_index(drop=True)
        return with_days(frame, Path(sources)) if sources else frame

    def out_of_fold(self, kind: str, name: str) -> bool:
        """Whether each place of a map was mapped by a model that never saw it; all models map dates without labels."""
        return kind != ZERO_SHOT and any(epoch.name == name and epoch.use != ONLY_MAPPED
                                         for epoch in self.folder.series.epochs)

    def terrain(self, frame: gpd.GeoDataFrame) -> dict[str, Any]:
        """Slope, crown, toe and the like of polygons; no columns where the series has no elevations."""
        dem = self.folder.series.dem
        return dict(terrain_columns(frame, Path(dem))) if dem else {}

    def ground(self, epoch: Epoch) -> gpd.GeoDataFrame:
        """The area of interest, else the searched ground, else the whole grid; one feature."""
        source = self.folder.series.area or epoch.searched
        if source:
            return ground_of([in_crs(read_polygons(source, role="area").frame, self.grid.crs)], [])
        return gpd.GeoDataFrame(geometry=[shapely.box(*self.grid.bounds)], crs=self.grid.crs)


def study_layers(
    folder: StudyFolder, dates: Mapping[str, datetime.date | None], grid: Grid
) -> dict[str, StudyLayer]:
    """All layers of a study; those of steps that were not done are empty.

    Args:
        folder: What the steps left.
        dates: The day of every date by name.
        grid: Of the study.

    Raises:
        InputError: A file of a step cannot be read.
    """
    study = _Study(folder, dates, grid)
    note = f" {folder.series.remark}" if folder.series.remark else ""
    mosaics = any(len(epoch.scenes) > 1 for epoch in folder.series.epochs)
    days = dict.fromkeys(("date_from", "date_to"), _DAY) if mosaics else {}
    own_day = (" date: of the image that most of the landslide lies on; date_from, date_to: first and last day of its "
               "images, where these differ.") if mosaics else ""
    terrain = {**dict.fromkeys(NUMBERS, _NUMBER), "review": _TEXT} if folder.series.dem else {}
    layers = {
        "inventory": StudyLayer(
            "Drawn landslides and, where nothing is drawn, mapped ones; no ground twice within a date. uncertain: "
            f"mapped and reviewed by nobody. Areas in m², lengths in m.{own_day}",
            {**days, "origin": _TEXT, "reviewed": _YES, "uncertain": _YES, "cut": _YES, **_POLYGON, "source": _TEXT,
             "source_id": _TEXT}, list(_inventory(study)), keep_others=True),
        "manual": StudyLayer(f"Landslides as they were drawn. Areas in m².{own_day}",
                             {**days, "area_m2": _NUMBER, "id": _TEXT, **terrain}, list(_manual(study))),
        "predicted": StudyLayer(
            "Mapped landslides. map: zero-shot by the base model, or by fine-tuned models. out_of_fold: these did not "
            "see the place; dates without labels are mapped by all of them together. Areas in m², lengths in m, "
            f"probabilities from 0 to 1.{own_day}",
            {**days, "map": _TEXT, "out_of_fold": _YES, "id": _WHOLE, **_POLYGON, "prob_min": _NUMBER,
             "model_id": _TEXT, "in_training": _YES, **terrain}, list(_predicted(study))),
        "blocks": StudyLayer("Blocks that were each mapped by a model that did not see them.",
                             {"map": _TEXT, "block": _WHOLE, "role": _TEXT, "area_m2": _NUMBER},
                             list(_blocks(study))),
        "statistics": StudyLayer(
            "Numbers and areas of landslides on the ground shown. used: manual, predicted or inventory. TL: number; "
            "TAL: area of their union in m²; corrected, low and high: what these stand for when a map's error is "
            "corrected by drawn landslides, with 95 % interval; where interval says 'not assessed' there is none, and "
            "interval_reason says why. area_density: share of the ground.",
            {"name": _TEXT, "used": _TEXT, "TL": _WHOLE, **_SURE, **dict.fromkeys(_COUNTS, _NUMBER)},
            list(_statistics(study))),
        "accuracy": StudyLayer(
            "How far a map agrees with the drawn landslides, by ground. means: accuracy where the model did not see "
            "the ground, else agreement. low and high: 95 % intervals. Areas in km².",
            {"map": _TEXT, "ground": _TEXT, "block": _WHOLE, "means": _TEXT, **dict.fromkeys(_PIXELS, _NUMBER),
             **dict.fromkeys(_OBJECTS, _WHOLE), "intervals_from": _TEXT}, list(_accuracy(study))),
        "density_peaks": StudyLayer(
            "Where landslides lie most densely. used: manual, predicted or inventory. few: fewer than 30 landslides; "
            "near_border: much of the ground around it was not observed.",
            {"name": _TEXT, "used": _TEXT, "value": _NUMBER, "unit": _TEXT, "n": _WHOLE, "n_around": _WHOLE,
             "radius_m": _NUMBER, "few": _YES, "near_border": _YES, "observed_share": _NUMBER}, list(_peaks(study))),
    }
    return {name: StudyLayer(layer.description + note, layer.columns, layer.parts, layer.keep_others)
            for name, layer in layers.items()}


def _inventory(study: _Study) -> Iterator[Part]:
    step = study.folder.step("inventory")
    if step is not None:
        frame = read_polygons(step.outputs["inventory"], role="inventory").frame
        for epoch in study.folder.series.epochs:
            here = frame[frame["epoch"] == epoch.name]
            mapped = here["origin"] == PREDICTED  # by its own map's date already
            yield study.part(epoch.name, study.dated(epoch, here[~mapped]))
            yield study.part(epoch.name, here[mapped])


def _manual(study: _Study) -> Iterator[Part]:
    for epoch in study.folder.series.epochs:
        if epoch.landslides:
            frame = read_polygons(epoch.landslides).frame
            ids = frame["id"] if "id" in frame else frame["source_row"] + 1
            frame = frame[["geometry"]].assign(id=ids.astype(str), **study.terrain(frame))
            yield study.part(epoch.name, study.dated(epoch, frame))


def _predicted(study: _Study) -> Iterator[Part]:
    for (kind, name), files in study.folder.maps.items():
        frame = read_polygons(files["polygons"], role="predicted").frame
        yield study.part(name, frame, map=kind, out_of_fold=study.out_of_fold(kind, name))


def _blocks(study: _Study) -> Iterator[Part]:
    """For every date that was mapped out of fold; without such, those that the base model was judged on."""
    kinds = sorted({kind for kind, _ in study.folder.maps if kind != ZERO_SHOT}, key=POOLED.__ne__)
    for kind, name in study.folder.maps:
        if kinds and kind == kinds[0] and study.out_of_fold(kind, name):
            yield study.part(name, _blocks_of(study, kind, name), map=kind)
    base = study.folder.step("base")
    if not kinds and base is not None and "blocks" in base.outputs:
        yield study.part(None, read_polygons(base.outputs["blocks"], role="blocks").frame, map="base")


def _blocks_of(study: _Study, kind: str, name: str) -> gpd.GeoDataFrame:
    step = study.folder.step(POOLED if kind == POOLED else f"{kind}/{safe_name(name)}")
    if step is None or "blocks" not in step.outputs:
        return gpd.GeoDataFrame({"block": [], "role": []}, geometry=[], crs=study.grid.crs)
    return in_crs(read_polygons(step.outputs["blocks"], role="blocks").frame, study.grid.crs)


def _statistics(study: _Study) -> Iterator[Part]:
    step = study.folder.step("statistics")
    rows = read_json(Path(step.outputs["statistics"]))["layers"] if step else []
    for epoch in study.folder.series.epochs if rows else ():
        ground = study.ground(epoch)
        for row in rows:
            if row["name"].rpartition(" ")[0] == epoch.name:  # "2015 drawn"
                columns = {key: row.get(key) for key in ("name", "used", "TL", *_SURE, *_COUNTS)}
                yield study.part(epoch.name, ground, **columns)


def _accuracy(study: _Study) -> Iterator[Part]:
    epochs = {epoch.name: epoch for epoch in study.folder.series.epochs}
    for kind, name in study.folder.maps:
        step = study.folder.step(f"accuracy/{kind}/{safe_name(name)}")
        if step is None:
            continue
        found = read_json(Path(step.outputs["accuracy"]))
        blocks = _blocks_of(study, kind, name)
        for row in found["pixels"]:
            number = int(row["ground"].removeprefix("block ")) if row["ground"].startswith("block ") else None
            if number is not None:
                place = blocks[blocks["block"] == number]
            elif row["ground"] == "test blocks" and len(blocks):
                place = blocks[blocks["role"] == "test"]
            else:
                place = study.ground(epochs[name])
            objects: dict[str, Any] = next((counts for counts in found["objects"] if counts["ground"] == row["ground"]
                                            and counts["match"] == "linked" and counts["from_m2"] is None), {})
            yield study.part(
                name, gpd.GeoDataFrame(geometry=[place.union_all()], crs=place.crs), map=kind, ground=row["ground"],
                block=number, means=row["means"], intervals_from=row["intervals_from"],
                **{key: row[key] for key in _PIXELS}, **{key: objects.get(of) for key, of in _OBJECTS.items()})


def _peaks(study: _Study) -> Iterator[Part]:
    for step_name in study.folder.steps:
        step = study.folder.step(step_name)
        if not step_name.startswith("density/") or step is None:
            continue
        found = read_json(Path(step.outputs["summary"]))
        for row in found["densities"]:
            if row["peak_x"] is not None and row["layer"] in study.dates:
                point = gpd.GeoDataFrame(geometry=[shapely.Point(row["peak_x"], row["peak_y"])], crs=found["crs"])
                yield study.part(
                    row["layer"], point, name=f"{row['layer']} {step_name.removeprefix('density/')}",
                    value=row["peak"], near_border=row["peak_observed"] < WELL_OBSERVED,
                    observed_share=row["peak_observed"],
                    **{key: row.get(key) for key in ("used", "unit", "n", "n_around", "radius_m", "few")})
