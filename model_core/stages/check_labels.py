"""Checks digitised landslides: outlines, contrast with the image, and how far they lie beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from ..arrays.codes import IGNORE, LANDSLIDE
from ..arrays.contrast import ContrastMeter, Contrasts
from ..arrays.shifts import Shift, ShiftMeter, image_edges, label_edges
from ..arrays.tolerance import shift_counts, weighted_f1, whole_shifts
from ..arrays.windows import Window, clip, grow, inside
from ..contract.errors import InputError
from ..contract.events import Report, Result
from ..contract.params.check_labels import CheckLabelsParams
from ..geo.burn import burn_ids, burn_labels
from ..geo.files import write_json_atomic
from ..geo.grid import Grid
from ..geo.label_faults import Overlapping, outline_faults, share_within
from ..geo.rasters import no_side_files
from ..geo.vectors import PolygonLayer, in_crs, read_polygons, stacked, write_layers
from .shared.runs import new_run
from .shared.scenes import DatedScenes, describe_series, network_bands, open_stack, series_of, study_grid

# Margin around a block: the neighbourhood that edges are judged against, and more than any shift that is searched.
_MARGIN_PX = 32
_RING_PX = 3
_SIGNIFICANT = 0.05
_MAX_ERROR_PX = 1.0
_NOTABLE_SHIFT_PX = 0.5
_TOLERATED_SHARE = 0.05  # of a polygon that may lie outside the image or the searched ground
_MARKS = ("repaired", "duplicate", "overlapping", "sliver", "too_small", "outside_image", "outside_searched",
          "like_surroundings")


@dataclass(frozen=True)
class _Labels:
    """The polygons of one epoch, all on the study's grid."""

    landslides: PolygonLayer
    searched: PolygonLayer | None
    ignore: PolygonLayer | None


@dataclass(frozen=True)
class _Seen:
    """What the image says about the labels."""

    contrasts: Contrasts
    shift: Shift | None
    blocks: list[tuple[Window, Shift]]
    best_f1: float | None


def run(params: CheckLabelsParams, report: Report) -> Result:
    """Checks the landslides of every epoch that has them.

    Writes label_check.gpkg with the layers label_check (every polygon with its marks) and label_shift (the shift of
    each block as an arrow from where the image is to where the labels are), and label_check.json.

    Raises:
        InputError: No epoch has landslides, or a file cannot be used.
        OutputError: The results cannot be written.
    """
    series = series_of(params)
    dated = [scenes for scenes in describe_series(series, report) if scenes.epoch.landslides]
    if not dated:
        raise InputError("labels.none", "No landslides are given to check.",
                         "Give --landslides, or a series file in which an epoch has them.")
    grid = study_grid(dated, series)
    bands = network_bands(dated)
    checked, arrows, summaries = [], [], {}
    with new_run("check-labels", params) as folder, no_side_files():
        for scenes in dated:
            report.stage(f"Checking {scenes.name}")
            labels = _read(scenes, grid, report)
            frame, overlapping = outline_faults(labels.landslides.frame, grid.pixel_size_m, params.min_area_m2)
            seen = _look(scenes, grid, bands, labels, params, report)
            frame = _mark(frame, labels, seen, grid, params)
            checked.append(frame.assign(epoch=scenes.name))
            arrows.append(_arrows(seen.blocks, grid).assign(epoch=scenes.name))
            summaries[scenes.name] = _summary(frame, labels, overlapping, seen, grid)
            for sentence in _findings(summaries[scenes.name]):
                report.warn(f"{scenes.name}: {sentence}")
        write_layers(folder / "label_check.gpkg",
                     {"label_check": stacked(checked), "label_shift": stacked(arrows)})
        write_json_atomic(folder / "label_check.json", summaries)
    out = Path(params.out)
    rows = [{"date": name, **_headline(summary)} for name, summary in summaries.items()]
    return Result({"label_check": str(out / "label_check.gpkg"), "summary": str(out / "label_check.json")},
                  {"checked landslides": rows})


def _read(scenes: DatedScenes, grid: Grid, report: Report) -> _Labels:
    layers: dict[str, PolygonLayer | None] = {}
    for role in ("landslides", "searched", "ignore"):
        source = getattr(scenes.epoch, role)
        layer = None if source is None else read_polygons(source, role=role)
        if layer is not None:
            for message in layer.report.messages:
                report.log(f"{scenes.name}: {message}")
            layer = PolygonLayer(in_crs(layer.frame, grid.crs), layer.report)
        layers[role] = layer
    landslides = layers["landslides"]
    if landslides is None or landslides.frame.empty:
        raise InputError("labels.empty", f"{scenes.epoch.landslides} holds no landslide polygon.",
                         "Draw landslides first.", path=scenes.epoch.landslides)
    return _Labels(landslides, layers["searched"], layers["ignore"])


def _look(
    scenes: DatedScenes, grid: Grid, bands: Sequence[str], labels: _Labels, params: CheckLabelsParams, report: Report
) -> _Seen:
    """Reads the image around the polygons, block by block."""
    frame = labels.landslides.frame
    block = (min(params.block_px, grid.height), min(params.block_px, grid.width))
    contrast = ContrastMeter(len(frame), len(bands), _RING_PX, seed=params.seed)
    whole, blocks = ShiftMeter(block, params.max_shift_px), []
    windows = list(_blocks_with(frame, grid, params.block_px))
    with open_stack(scenes, grid, bands) as stack:
        for number, window in enumerate(windows, start=1):
            around = grow(window, _MARGIN_PX, *grid.shape)
            core, here = inside(window, around), grid.window(around.rows, around.cols)
            image, valid = stack.read(around.rows, around.cols)
            contrast.add(image, valid, burn_ids(here, frame), core)
            codes = burn_labels(here, labels.landslides, labels.searched, labels.ignore)
            seen_edges, seen = image_edges(image, valid)
            drawn_edges, drawn = label_edges(codes == LANDSLIDE, codes != IGNORE)
            meter = ShiftMeter(block, params.max_shift_px)
            meter.add(seen_edges[core], drawn_edges[core], seen[core], drawn[core])
            whole.include(meter)
            shift = meter.shift()
            if shift is not None:
                blocks.append((window, shift))
            report.progress(number / max(len(windows), 1))
    shift = whole.shift()
    best = _best_f1(grid, labels, windows, shift) if shift is not None and _is_measured(shift) else None
    return _Seen(contrast.contrasts(), shift, blocks, best)


def _blocks_with(frame: gpd.GeoDataFrame, grid: Grid, block_px: int) -> Iterator[Window]:
    """The blocks of the grid that a polygon or its surroundings lie in."""
    tree = shapely.STRtree(np.asarray(frame.geometry, dtype=object))
    for top in range(0, grid.height, block_px):
        for left in range(0, grid.width, block_px):
            window = clip(Window(slice(top, top + block_px), slice(left, left + block_px)), *grid.shape)
            near = grow(window, _RING_PX, *grid.shape)
            if len(tree.query(shapely.box(*grid.window(near.rows, near.cols).bounds))):
                yield window


def _best_f1(grid: Grid, labels: _Labels, windows: Sequence[Window], shift: Shift) -> float | None:
    """F1 that a map without any error would get against labels that lie this far off."""
    parts = []
    for window in windows:
        around = grow(window, _MARGIN_PX, *grid.shape)
        here = grid.window(around.rows, around.cols)
        codes = burn_labels(here, labels.landslides, labels.searched, labels.ignore)
        for whole, weight in whole_shifts((shift.rows_px, shift.cols_px)):
            parts.append((shift_counts(codes, whole, inside(window, around)), weight))
    return weighted_f1(parts)


def _mark(
    frame: gpd.GeoDataFrame, labels: _Labels, seen: _Seen, grid: Grid, params: CheckLabelsParams
) -> gpd.GeoDataFrame:
    """Adds what image and searched ground say, and the marks in words."""
    contrasts = seen.contrasts
    # Pixels tell what is observed; of what lies beyond the grid there are none.
    on_grid = share_within(frame, gpd.GeoDataFrame(geometry=[shapely.box(*grid.bounds)], crs=grid.crs))
    observed = on_grid * np.where(contrasts.n_pixels > 0, contrasts.n_observed / np.maximum(contrasts.n_pixels, 1), 1)
    searched = np.ones(len(frame)) if labels.searched is None else share_within(frame, labels.searched.frame)
    frame = frame.assign(
        n_pixels=contrasts.n_pixels,
        observed_share=observed,
        searched_share=searched,
        contrast=contrasts.contrast,
        contrast_p=contrasts.p_value,
        repaired=frame["source_row"].isin(labels.landslides.report.rows_repaired),
        outside_image=observed < 1 - _TOLERATED_SHARE,
        outside_searched=searched < 1 - _TOLERATED_SHARE,
        like_surroundings=contrasts.p_value > params.like_surroundings,
    )
    marks = frame[list(_MARKS)].to_numpy(dtype=bool)
    frame["marks"] = [", ".join(np.array(_MARKS)[row].tolist()) or None for row in marks]
    return frame


def _arrows(blocks: Sequence[tuple[Window, Shift]], grid: Grid) -> gpd.GeoDataFrame:
    lines, rows = [], []
    for window, shift in blocks:
        row, col = (window.rows.start + window.rows.stop) / 2, (window.cols.start + window.cols.stop) / 2
        ends = [grid.transform * (col, row), grid.transform * (col + shift.cols_px, row + shift.rows_px)]
        lines.append(shapely.LineString(ends))
        rows.append(_shift_row(shift, grid))
    names = [f.name for f in dataclasses.fields(Shift)] + ["east_m", "north_m", "distance_m", "significant"]
    return gpd.GeoDataFrame(rows, columns=names, geometry=lines, crs=grid.crs)


def _shift_row(shift: Shift, grid: Grid) -> dict[str, Any]:
    east, north = shift.cols_px * grid.transform.a, shift.rows_px * grid.transform.e
    return {
        **dataclasses.asdict(shift),
        "east_m": east,
        "north_m": north,
        "distance_m": float(np.hypot(east, north)),
        "significant": _is_measured(shift),
    }


def _is_measured(shift: Shift) -> bool:
    """Not by chance, and the blocks agree: relief alone lets outlines follow edges a little, each block elsewhere."""
    errors = [error for error in (shift.rows_error_px, shift.cols_error_px) if error is not None]
    return shift.p_value <= _SIGNIFICANT and max(errors, default=0.0) <= _MAX_ERROR_PX


def _summary(
    frame: gpd.GeoDataFrame, labels: _Labels, overlapping: Overlapping, seen: _Seen, grid: Grid
) -> dict[str, Any]:
    report = labels.landslides.report
    return {
        "read": report.n_read,
        "left_out_empty": report.n_empty,
        "left_out_not_polygon": report.n_not_polygon,
        "polygons": len(frame),
        "area_sum_m2": overlapping.area_m2,
        "area_union_m2": overlapping.union_m2,
        "drawn_twice_m2": overlapping.area_m2 - overlapping.union_m2,
        "overlapping_pairs": overlapping.n_pairs,
        "marked": int(frame["marks"].notna().sum()),
        "marks": {mark: int(frame[mark].sum()) for mark in _MARKS},
        "contrast_undecided": int(frame["contrast_p"].isna().sum()),
        "shift": None if seen.shift is None else _shift_row(seen.shift, grid),
        "best_f1_at_shift": seen.best_f1,
        "blocks": len(seen.blocks),
        "blocks_significant": sum(_is_measured(shift) for _, shift in seen.blocks),
        "messages": list(report.messages),
    }


def _headline(summary: dict[str, Any]) -> dict[str, Any]:
    shift = summary["shift"]
    known = shift is not None and shift["significant"]
    return {
        "landslides": summary["polygons"],
        "marked": summary["marked"],
        "east [m]": shift["east_m"] if known else None,
        "north [m]": shift["north_m"] if known else None,
        "best F1": summary["best_f1_at_shift"],
    }


def _findings(summary: dict[str, Any]) -> Iterator[str]:
    """What an analyst should do something about, one sentence each."""
    for mark, count in summary["marks"].items():
        if count:
            yield f"{count} of {summary['polygons']} polygons {_SENTENCES[mark]}."
    shift = summary["shift"]
    if shift is None or not shift["significant"]:
        yield "No shift could be measured: the outlines follow no edges of the image, or too few."
    elif np.hypot(shift["rows_px"], shift["cols_px"]) >= _NOTABLE_SHIFT_PX:
        yield (f"The labels lie {shift['distance_m']:.1f} m ({shift['east_m']:+.1f} m east, {shift['north_m']:+.1f} m "
               f"north) beside the image; a perfect map would get F1 {summary['best_f1_at_shift']:.2f} against them.")


_SENTENCES = {
    "repaired": "had invalid rings and were repaired",
    "duplicate": "were drawn before",
    "overlapping": "share ground with others",
    "sliver": "are narrower than a pixel",
    "too_small": "are below the minimum area",
    "outside_image": "lie partly or wholly where the image has no data",
    "outside_searched": "lie partly or wholly outside the searched ground",
    "like_surroundings": "look like the ground around them",
}
