"""From a series file or the options of one date to scenes on one grid, ready for the network."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays import scaling as scalings
from ...arrays.windows import shuffled, tiles
from ...contract.bands import BANDS, canonical
from ...contract.card import ModelCard, Scaling
from ...contract.errors import InputError, ModelError, UsageError
from ...contract.events import Report
from ...contract.series import Epoch, Series, read_series
from ...geo.grid import Grid, choose_grid
from ...geo.scenes import SceneInfo, SceneStack, describe
from ...geo.scenes.placement import Span, footprint
from ...geo.vectors import in_crs, read_polygons
from .mapping import Reader
from .runs import safe_name

# Statistics are taken from about this many pixels, in square windows spread over the scene.
SAMPLE_PX = 2_000_000
SAMPLE_WINDOW_PX = 128


@dataclass(frozen=True)
class DatedScenes:
    """The scenes of one epoch."""

    epoch: Epoch
    infos: tuple[SceneInfo, ...]
    date: datetime.date | None

    @property
    def name(self) -> str:
        """The epoch's name."""
        return self.epoch.name


def series_of(params: Any) -> Series:
    """The series file of a stage, or a series of one epoch made from its options."""
    if params.series:
        series = read_series(Path(params.series))
        if params.area:
            series = dataclasses.replace(series, area=params.area)
        return series
    names = {f.name for f in dataclasses.fields(Epoch)} & {f.name for f in dataclasses.fields(params)} - {"name"}
    known = {name: getattr(params, name) for name in names}
    epoch = Epoch(name=params.date or Path(params.scene[0]).stem, scenes=params.scene, **known)
    return Series((epoch,), params.crs, params.pixel_size_m, params.area)


def describe_series(series: Series, report: Report) -> list[DatedScenes]:
    """Looks at every scene without reading pixels.

    Raises:
        InputError: A scene cannot be used, or two epochs would share the names of their files.
    """
    dated = []
    for epoch in series.epochs:
        date = date_of(epoch.date)
        infos = tuple(describe(Path(scene), epoch.bands or None, date) for scene in epoch.scenes)
        for info in infos:
            for note in info.notes:
                report.warn(f"{info.path.name}: {note}")
        dated.append(DatedScenes(epoch, infos, date or infos[0].date))
    _check_names(dated)
    return dated


def date_of(text: str | None) -> datetime.date | None:
    """A day written as YYYY-MM-DD.

    Raises:
        UsageError: It is written otherwise.
    """
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError("params.date", f"{text!r} is not a date.", "Write it as YYYY-MM-DD.", date=text) from error


def study_grid(dated: Sequence[DatedScenes], series: Series) -> Grid:
    """The one grid of all epochs.

    Raises:
        InputError: The area of interest cannot be used, or an epoch shows other ground than all others.
    """
    infos = [info for scenes in dated for info in scenes.infos]
    grid = choose_grid(infos, series.crs, series.pixel_size_m)
    if series.area is None:
        _check_together(dated, grid)
        return grid
    area = in_crs(read_polygons(series.area, role="area of interest").frame, grid.crs)
    if area.empty:
        raise InputError("area.empty", f"{series.area} holds no polygon.", "Draw the area of interest.")
    grid = choose_grid(infos, series.crs, series.pixel_size_m, tuple(area.total_bounds))
    _check_inside(dated, grid)
    return grid


def chosen(dated: Sequence[DatedScenes], wanted: Sequence[str]) -> list[DatedScenes]:
    """The dates of these names, or all.

    Raises:
        UsageError: There is none of a name.
    """
    names = [scenes.name for scenes in dated]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise UsageError("series.no-epoch", f"The series has no date named {', '.join(unknown)}.",
                         f"Choose from: {', '.join(names)}.", names=unknown)
    return [scenes for scenes in dated if not wanted or scenes.name in wanted]


def network_bands(dated: Sequence[DatedScenes], wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The bands that the network uses: the wanted ones, else all that every scene has.

    Raises:
        InputError: A wanted band is missing in a scene, or the scenes have no band in common.
    """
    infos = [info for scenes in dated for info in scenes.infos]
    names = tuple(canonical(band) for band in wanted)
    for info in infos:
        missing = [band for band in names if band not in info.bands]
        if missing:
            raise InputError(
                "scene.band-missing",
                f"{info.path.name} has no band {', '.join(missing)}; it has {', '.join(info.bands)}.",
                "Choose another image or another model, or name the image's bands with --bands.",
                missing=missing, path=str(info.path),
            )
    common = set.intersection(*(set(info.bands) for info in infos))
    if not common:
        raise InputError("scene.no-common-band", "The scenes have no band in common.",
                         "Name the bands of each scene: blue, green, red, red_edge, nir.")
    others = sorted(common - set(BANDS))
    return names or tuple(band for band in (*BANDS, *others) if band in common)


def check_fit(card: ModelCard, dated: Sequence[DatedScenes], grid: Grid, report: Report) -> None:
    """Refuses scenes that the model cannot read, and warns about those that it was not trained for.

    Raises:
        InputError: A band of the model is missing.
        ModelError: The model scales with fixed numbers in another unit than the scene's.
    """
    network_bands(dated, card.bands)
    low, high = card.pixel_size_range_m
    if not low <= grid.pixel_size_m <= high:
        report.warn(f"The model learned from pixels of {low:g} to {high:g} m; these are {grid.pixel_size_m:g} m. "
                    "Expect a poorer map, or fine-tune the model.")
    for info in (info for scenes in dated for info in scenes.infos):
        if info.quantity != card.quantity and card.scaling.rule == "fixed":
            raise ModelError(
                "model.quantity",
                f"The model reads {card.quantity.replace('_', ' ')}; {info.path.name} holds "
                f"{info.quantity.replace('_', ' ')}.",
                "Use a model with scene-wise scaling, or an image with metadata.",
                path=str(info.path),
            )


def open_stack(scenes: DatedScenes, grid: Grid, bands: Sequence[str]) -> SceneStack:
    """The scenes of an epoch as one image on the grid; use it as a context manager."""
    unusable = read_polygons(scenes.epoch.unusable, role="unusable ground").frame if scenes.epoch.unusable else None
    return SceneStack(scenes.infos, grid, bands, unusable)


def scene_scaling(stack: SceneStack, scaling: Scaling) -> Scaling:
    """The scaling of one scene by a model's rule: with the scene's own statistics, or the fixed ones of the model."""
    if scaling.rule == "fixed":
        return scaling
    images = ", ".join(path.name for path in stack.paths)
    centre, spread = band_statistics(scene_samples(stack), scaling.rule, stack.bands, images)
    return dataclasses.replace(scaling, centre=centre, spread=spread)


def band_statistics(
    samples: np.ndarray, rule: str, bands: Sequence[str], images: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Centre and spread of each band of (N, B) samples.

    Raises:
        InputError: There is no sample, or a band is flat; the message names the images and the band.
    """
    try:
        return scalings.statistics(samples, rule)
    except InputError as error:
        if "band" not in error.details:
            raise InputError(error.code, f"{images}: no pixel is observed in the study area.", error.hint) from error
        band = bands[error.details["band"] - 1]
        raise InputError(
            error.code, f"{images}: the band {band} has almost one value everywhere.",
            "Check the image in QGIS: is the band really there, and is empty ground marked as nodata?", band=band,
        ) from error


def scene_samples(stack: SceneStack) -> np.ndarray:
    """(N, B) float32 observed pixels in windows spread over the scene.

    The same pixels in training and prediction, and few enough to cost little on a large scene.
    """
    height, width = stack.grid.shape
    windows = tiles(height, width, SAMPLE_WINDOW_PX)
    if height * width > SAMPLE_PX:
        windows = shuffled(windows)
    samples: list[np.ndarray] = []
    for window in windows:
        pixels, valid = stack.read(*window)
        samples.append(pixels[valid])
        if sum(map(len, samples)) >= SAMPLE_PX:
            break
    return np.concatenate(samples)


def scaled_reader(stack: SceneStack, scaling: Scaling) -> Reader:
    """Reads windows of a stack as network input."""

    def read(rows: slice, cols: slice) -> tuple[np.ndarray, np.ndarray]:
        pixels, valid = stack.read(rows, cols)
        return scalings.apply(pixels, valid, scaling, out=pixels), valid

    return read


def _check_names(dated: Sequence[DatedScenes]) -> None:
    taken: dict[str, str] = {}
    for scenes in dated:
        stem = safe_name(scenes.name).lower()  # Windows tells no upper from lower case
        if stem in taken:
            raise InputError(
                "series.name-twice",
                f"The epochs {taken[stem]} and {scenes.name} of the series would get the same file names.",
                "Give them names that differ in letters or digits.",
            )
        taken[stem] = scenes.name


def _check_together(dated: Sequence[DatedScenes], grid: Grid) -> None:
    """One grid over images that lie apart would be mostly empty, and larger than any memory."""
    spans = [[footprint(info, grid) for info in scenes.infos] for scenes in dated]
    for i, own in enumerate(spans):
        others = [span for j, there in enumerate(spans) if j != i for span in there]
        if others and all(one.within(other).empty for one in own for other in others):
            raise InputError(
                "series.apart", f"The images of {dated[i].name} show other ground than those of the other dates.",
                "Check their coordinate systems, or make a series for each place.", name=dated[i].name,
            )


def _check_inside(dated: Sequence[DatedScenes], grid: Grid) -> None:
    """Told before the first date is worked on, not when the turn comes to the one that lies elsewhere."""
    area = Span(0, grid.height, 0, grid.width)
    for scenes in dated:
        if all(footprint(info, grid).within(area).empty for info in scenes.infos):
            raise InputError(
                "scene.no-overlap", f"{scenes.name}: no part of its images lies in the area of interest.",
                "Check their coordinate systems and the area.", name=scenes.name,
            )
