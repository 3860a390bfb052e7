"""From a series file or the options of one date to scenes on one grid, ready for the network."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays import scaling as scalings
from ...arrays.windows import shuffled, tiles
from ...contract.bands import BANDS, canonical
from ...contract.card import ModelCard, Scaling
from ...contract.dates import Days, days_text, middle, spanned
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

    @property
    def name(self) -> str:
        """The epoch's name."""
        return self.epoch.name

    @property
    def days(self) -> Days | None:
        """First and last day of its scenes, as far as they are known."""
        return spanned(*self.days_of(self.infos))

    @property
    def days_text(self) -> str:
        """The same as text, empty if nothing is known."""
        return days_text(self.days) if self.days else ""

    @property
    def date(self) -> datetime.date | None:
        """The day that stands for all of its scenes: the middle of the span, None if nothing is known."""
        return middle(self.days)

    def days_of(self, infos: Sequence[SceneInfo]) -> tuple[Days | None, ...]:
        """The days that each of some scenes may be of: its own date, else those of the epoch."""
        return tuple((info.date, info.date) if info.date else self.epoch.days for info in infos)


def series_of(params: Any) -> Series:
    """The series file of a stage, or a series of one epoch made from its options."""
    if params.series:
        series = read_series(Path(params.series))
        given = {name: getattr(params, name, None) for name in ("area", "dem")}
        return dataclasses.replace(series, **{name: value for name, value in given.items() if value})
    names = {f.name for f in dataclasses.fields(Epoch)} & {f.name for f in dataclasses.fields(params)} - {"name"}
    known = {name: getattr(params, name) for name in names}
    epoch = Epoch(name=params.date or Path(params.scene[0]).stem, scenes=params.scene, **known)
    return Series((epoch,), params.crs, params.pixel_size_m, params.area, getattr(params, "dem", None))


def describe_series(series: Series, report: Report) -> list[DatedScenes]:
    """Looks at every scene without reading pixels.

    Raises:
        InputError: A scene cannot be used, or two epochs would share the names of their files.
    """
    dated = [describe_epoch(epoch, report) for epoch in series.epochs]
    check_names(dated)
    return dated


def describe_epoch(epoch: Epoch, report: Report) -> DatedScenes:
    """Looks at the scenes of one epoch without reading pixels.

    Raises:
        InputError: A scene cannot be used.
        UsageError: The date of the epoch cannot be read.
    """
    days = epoch.days
    day = days[0] if days and days[0] == days[1] else None
    infos = tuple(describe(Path(scene), epoch.bands or None, day) for scene in epoch.scenes)
    for info in infos:
        for note in info.notes:
            report.warn(f"{info.path.name}: {note}")
        if days and info.date and not days[0] <= info.date <= days[1]:
            report.warn(f"{info.path.name}: its date ({info.date}) lies outside the days that are given for "
                        f"{epoch.name} ({epoch.date}).")
    return DatedScenes(epoch, infos)


def study_grid(dated: Sequence[DatedScenes], series: Series) -> Grid:
    """The one grid of all epochs.

    Raises:
        InputError: The area of interest cannot be used, or an epoch shows other ground than all others.
    """
    grid = grid_of(dated, series)
    for error in misplaced(dated, grid, series):
        raise error
    return grid


def grid_of(dated: Sequence[DatedScenes], series: Series) -> Grid:
    """The one grid of all epochs, wherever they lie.

    Raises:
        InputError: The area of interest cannot be used.
    """
    infos = [info for scenes in dated for info in scenes.infos]
    grid = choose_grid(infos, series.crs, series.pixel_size_m)
    if series.area is None:
        return grid
    area = in_crs(read_polygons(series.area, role="area of interest").frame, grid.crs)
    if area.empty:
        raise InputError("area.empty", f"{series.area} holds no polygon.", "Draw the area of interest.")
    return choose_grid(infos, series.crs, series.pixel_size_m, tuple(area.total_bounds))


def misplaced(dated: Sequence[DatedScenes], grid: Grid, series: Series) -> list[InputError]:
    """What speaks against one grid: epochs that show other ground than the others, or nothing of the area."""
    return _outside(dated, grid) if series.area else _apart(dated, grid)


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
        InputError: A band is missing that the model cannot do without.
        ModelError: The model scales with fixed numbers in another unit than the scene's.
    """
    network_bands(dated, needed_bands(card))
    _tell_lacking(card, dated, report)
    for warning in card.warnings:
        report.warn(f"The model {card.name}: {warning}")
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


def needed_bands(card: ModelCard) -> tuple[str, ...]:
    """The bands of a model that no image may lack."""
    return tuple(band for band in card.bands if band not in card.may_lack)


def open_stack(scenes: DatedScenes, grid: Grid, bands: Sequence[str], may_lack: Sequence[str] = ()) -> SceneStack:
    """The scenes of an epoch as one image on the grid; use it as a context manager.

    Args:
        scenes: The epoch.
        grid: The study's grid.
        bands: Of the network.
        may_lack: Those that its scenes need not have.
    """
    unusable = read_polygons(scenes.epoch.unusable, role="unusable ground").frame if scenes.epoch.unusable else None
    return SceneStack(scenes.infos, grid, bands, unusable, may_lack)


def scene_scaling(stack: SceneStack, scaling: Scaling) -> Scaling:
    """The scaling of one scene by a model's rule: with the scene's own statistics, or the fixed ones of the model.

    A band that the scene lacks is read as 0 and stays 0.
    """
    present = [place for place, band in enumerate(stack.bands) if band not in stack.lacking]
    if scaling.rule == "fixed":
        statistics = [[values[place] for place in present] for values in (scaling.centre, scaling.spread)]
    else:
        images = ", ".join(path.name for path in stack.paths)
        bands = [stack.bands[place] for place in present]
        statistics = [*map(list, band_statistics(scene_samples(stack)[:, present], scaling.rule, bands, images))]
    centre, spread = [0.0] * len(stack.bands), [1.0] * len(stack.bands)
    for place, middle_value, width in zip(present, *statistics, strict=True):
        centre[place], spread[place] = middle_value, width
    return dataclasses.replace(scaling, centre=tuple(centre), spread=tuple(spread))


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


def scaled_reader(
    stack: SceneStack, scaling: Scaling, tell_sources: Callable[[np.ndarray, int, int], None] | None = None
) -> Reader:
    """Reads windows of a stack as network input.

    Args:
        stack: The scenes of an epoch.
        scaling: How values become network input.
        tell_sources: Told of every window that is read: which scene each pixel came from, first row and column.
    """

    def read(rows: slice, cols: slice) -> tuple[np.ndarray, np.ndarray]:
        pixels, valid, sources = stack.read_sources(rows, cols)
        if tell_sources is not None:
            tell_sources(sources, rows.start, cols.start)
        return scalings.apply(pixels, valid, scaling, out=pixels), valid

    return read


def check_names(dated: Sequence[DatedScenes]) -> None:
    """Refuses epochs whose results would share their file names.

    Raises:
        InputError: It names both.
    """
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


def _tell_lacking(card: ModelCard, dated: Sequence[DatedScenes], report: Report) -> None:
    """Says once which images lack which bands, and which bands the model does not look at."""
    found: dict[tuple[str, ...], list[str]] = {}
    for info in (info for scenes in dated for info in scenes.infos):
        lacking = tuple(band for band in card.bands if band not in info.bands)
        found.setdefault(lacking, []).append(info.path.name)
    for lacking, names in found.items():
        if lacking:
            report.warn(f"{names[0]}{f' and {len(names) - 1} other images' if len(names) > 1 else ''} "
                        f"{'have' if len(names) > 1 else 'has'} no band {' and no band '.join(lacking)}: the network "
                        "gets 0 there, the middle of each band. The model learned to do without.")
    unused = [band for band in card.unlearned if any(band not in lacking for lacking in found)]
    if unused:
        report.warn(f"The model has not learned from the band {' and the band '.join(unused)} and does not look at "
                    "it until it is fine-tuned." if len(unused) == 1 else
                    f"The model has not learned from the bands {' and '.join(unused)} and does not look at them until "
                    "it is fine-tuned.")


def _apart(dated: Sequence[DatedScenes], grid: Grid) -> list[InputError]:
    """What speaks against one grid over all epochs: over images that lie apart it would be larger than any memory."""
    errors = []
    spans = [[footprint(info, grid) for info in scenes.infos] for scenes in dated]
    for i, own in enumerate(spans):
        others = [span for j, there in enumerate(spans) if j != i for span in there]
        if others and all(one.within(other).empty for one in own for other in others):
            errors.append(InputError(
                "series.apart", f"The images of {dated[i].name} show other ground than those of the other dates.",
                "Check their coordinate systems, or make a series for each place.", name=dated[i].name,
            ))
    # Where all lie apart, the last one is as good a place as any.
    return errors[:-1] if len(errors) == len(dated) else errors


def _outside(dated: Sequence[DatedScenes], grid: Grid) -> list[InputError]:
    """Epochs without any image in the area, told before the first one is worked on."""
    area = Span(0, grid.height, 0, grid.width)
    return [
        InputError("scene.no-overlap", f"{scenes.name}: no part of its images lies in the area of interest.",
                   "Check their coordinate systems and the area.", name=scenes.name)
        for scenes in dated if all(footprint(info, grid).within(area).empty for info in scenes.infos)
    ]
