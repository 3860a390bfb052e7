"""Scenes with what is known about their ground: what training and judging stand on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...arrays import scaling as scalings
from ...arrays.codes import IGNORE
from ...arrays.windows import patch_windows
from ...contract.card import Scaling
from ...contract.dates import Days
from ...contract.errors import InputError
from ...contract.events import Report
from ...contract.series import JUDGE, PREDICT, TRAIN, Epoch
from ...geo.areas import apply_minimum
from ...geo.burn import burn_ids, burn_labels
from ...geo.files import check_space
from ...geo.grid import Grid
from ...geo.rasters import no_side_files
from ...geo.scenes import NO_SOURCE
from ...geo.vectors import PolygonLayer, read_polygons
from .scenes import DatedScenes, band_statistics, open_stack, scaled_reader, scene_samples, scene_scaling

READ_PX = 1024
# Images above this size are kept on disk and mapped into memory.
IN_MEMORY_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Labels:
    """What is known about the ground of one epoch.

    Attributes:
        scenes: Where it comes from.
        grid: The study's grid.
        codes: (H, W) uint8 label codes; unobserved pixels are ignored.
        ids: (H, W) int32, the landslide that lies on a pixel, 0 = none. Kept through the ignored ground.
        n_landslides: Landslides of at least the minimum area.
    """

    scenes: DatedScenes
    grid: Grid
    codes: np.ndarray
    ids: np.ndarray
    n_landslides: int


@dataclass(frozen=True)
class Ground(Labels):
    """One epoch on the study's grid, with its image.

    Attributes:
        image: (H, W, B) float32, network input.
        scaling: How the image's values became network input.
        valid: (H, W) bool, observed pixels.
        days: First and last day that each image in use may be of, None if unknown.
        sources: (H, W) uint8 image that each pixel came from, in the order of `days`; None where there is only one.
        lacking: Bands of the network that the images lack; they are 0 in `image`.
    """

    image: np.ndarray
    scaling: Scaling
    valid: np.ndarray
    days: tuple[Days | None, ...]
    sources: np.ndarray | None
    lacking: tuple[str, ...] = ()

    def read(self, rows: slice, cols: slice) -> tuple[np.ndarray, np.ndarray]:
        """Network input and valid mask of a window: a `mapping.Reader`."""
        return self.image[rows, cols], self.valid[rows, cols]


def load_grounds(
    dated: Sequence[DatedScenes], grid: Grid, bands: Sequence[str], scaling: Scaling | str, min_area_m2: float,
    report: Report, may_lack: Sequence[str] = (), *, leave_out: bool = False,
) -> list[Ground]:
    """Loads the epochs that models may learn from.

    Args:
        dated: All epochs; those of another role are left out.
        grid: The study's grid.
        bands: Bands of the network, in its order.
        scaling: A rule's name for a new network, or the scaling of a trained one.
        min_area_m2: Smaller landslides are ignored ground.
        report: Told the progress.
        may_lack: Bands that an image need not have; its pixels are 0 there.
        leave_out: An epoch whose files cannot be used is told and left out, as long as landslides remain.

    Raises:
        InputError: There is no such epoch, no landslide lies on an image, or a file cannot be used.
    """
    labelled = [scenes for scenes in dated if scenes.epoch.use == TRAIN]
    if not labelled:
        raise InputError("labels.none", "No landslides are given to learn from.",
                         "Give --landslides, or a series file in which an epoch of the role train has them.")
    report.stage("Reading images and labels")
    grounds = []
    failed: list[InputError] = []

    @contextmanager
    def may_fail(scenes: DatedScenes) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            if not leave_out:
                raise
            failed.append(error)
            report.warn(f"{scenes.name} is left out, neither learned from nor mapped: {error.message} {error.hint}")

    with no_side_files():
        if scaling == "fixed":
            samples: dict[str, np.ndarray] = {}
            for scenes in labelled:
                with may_fail(scenes), open_stack(scenes, grid, bands) as stack:
                    samples[scenes.name] = scene_samples(stack)
            labelled = [scenes for scenes in labelled if scenes.name in samples]
            if not labelled:
                raise failed[-1]
            scaling = _pooled_scaling(samples, bands)
        elif isinstance(scaling, str):
            scaling = Scaling(scaling, (), (), scalings.CLIP)
        for number, scenes in enumerate(labelled):
            with may_fail(scenes):
                grounds.append(_load(scenes, grid, bands, scaling, min_area_m2, report, may_lack))
            report.progress((number + 1) / len(labelled), scenes.name)
    if failed and not any(ground.n_landslides for ground in grounds):
        raise failed[-1]
    if not any(ground.n_landslides for ground in grounds):
        raise InputError(
            "labels.none-on-image",
            "None of the landslides lies on observed, searched ground of its image.",
            "Check that landslides, searched ground and image show the same place, and the minimum area.",
        )
    return grounds


def load_judged(
    dated: Sequence[DatedScenes], grid: Grid, bands: Sequence[str], scaling: Scaling, min_area_m2: float,
    report: Report, may_lack: Sequence[str] = (),
) -> list[Ground]:
    """Loads the epochs whose landslides only judge maps; the arguments are those of `load_grounds`.

    Args:
        scaling: Of the network; a rule that looks at each scene takes nothing but the rule from it.

    An epoch whose files cannot be used is told and left out.
    """
    loaded = []
    with no_side_files():
        for scenes in dated:
            if scenes.epoch.use == JUDGE:
                try:
                    loaded.append(_load(scenes, grid, bands, scaling, min_area_m2, report, may_lack))
                except InputError as error:  # no reason to learn nothing from the others
                    report.warn(f"{scenes.name} is not mapped: {error.message} {error.hint}")
    return loaded


def unlabelled_dates(dated: Sequence[DatedScenes]) -> list[DatedScenes]:
    """The epochs that are only mapped."""
    return [scenes for scenes in dated if scenes.epoch.use == PREDICT]


def read_labels(
    scenes: DatedScenes, grid: Grid, bands: Sequence[str], min_area_m2: float, report: Report
) -> Labels:
    """What `load_grounds` would know about the ground of an epoch, without keeping its image.

    Raises:
        InputError: A file cannot be used.
    """
    valid = np.zeros(grid.shape, bool)
    with no_side_files(), open_stack(scenes, grid, bands) as stack:
        for rows, cols in _windows(grid, report):
            valid[rows, cols] = stack.read(rows, cols)[1]
    return _labels(scenes, grid, valid, min_area_m2, report)


def _load(
    scenes: DatedScenes, grid: Grid, bands: Sequence[str], scaling: Scaling, min_area_m2: float, report: Report,
    may_lack: Sequence[str],
) -> Ground:
    with open_stack(scenes, grid, bands, may_lack) as stack:
        scaling = scene_scaling(stack, scaling)
        days = scenes.days_of(stack.scenes)
        sources = np.full(grid.shape, NO_SOURCE, np.uint8) if len(days) > 1 else None

        def keep(here: np.ndarray, row: int, col: int) -> None:
            if sources is not None:
                sources[row : row + here.shape[0], col : col + here.shape[1]] = here

        read = scaled_reader(stack, scaling, keep)
        image = _room_for((*grid.shape, len(bands)))
        valid = np.zeros(grid.shape, bool)
        for rows, cols in _windows(grid, report):
            image[rows, cols], valid[rows, cols] = read(rows, cols)
    known = _labels(scenes, grid, valid, min_area_m2, report)
    return Ground(scenes, grid, known.codes, known.ids, known.n_landslides, image, scaling, valid, days, sources,
                  stack.lacking)


def _windows(grid: Grid, report: Report) -> Iterator[tuple[slice, slice]]:
    """Windows that cover the grid; asks between them whether to stop."""
    for window in patch_windows(*grid.shape, READ_PX, READ_PX):
        report.check()
        yield (slice(window.rows.start, min(window.rows.stop, grid.height)),
               slice(window.cols.start, min(window.cols.stop, grid.width)))


def _labels(scenes: DatedScenes, grid: Grid, valid: np.ndarray, min_area_m2: float, report: Report) -> Labels:
    landslides = _polygons(scenes.epoch, "landslides", report)
    codes = burn_labels(grid, landslides, _polygons(scenes.epoch, "searched", report),
                        _polygons(scenes.epoch, "ignore", report), min_area_m2)
    codes[~valid] = IGNORE
    if landslides is None:
        ids = np.zeros(grid.shape, np.int32)
    else:
        large, small = apply_minimum(landslides.frame, min_area_m2)
        if len(small):
            report.log(f"{scenes.name}: {len(small)} landslides below {min_area_m2:g} m² are left out.")
        ids = burn_ids(grid, large)
    known = np.unique(ids[codes != IGNORE])
    n_landslides = int((known > 0).sum())
    if landslides is not None and len(landslides.frame) and not n_landslides:
        report.warn(f"{scenes.name}: none of its landslides lies on observed, searched ground of its image.")
    return Labels(scenes, grid, codes, ids, n_landslides)


def _pooled_scaling(samples: Mapping[str, np.ndarray], bands: Sequence[str]) -> Scaling:
    centre, spread = band_statistics(np.concatenate(list(samples.values())), "fixed", bands, ", ".join(samples))
    return Scaling("fixed", centre, spread, scalings.CLIP)


def _polygons(epoch: Epoch, role: str, report: Report) -> PolygonLayer | None:
    source = getattr(epoch, role)
    if source is None:
        return None
    layer = read_polygons(source, role=role)
    if role == "searched" and layer.frame.empty:
        raise InputError("labels.nothing-searched", f"{source} holds no polygon of searched ground.",
                         "Draw the ground that was searched, or leave the layer out if it was the whole image.",
                         path=source)
    if role == "landslides" and layer.frame.empty and not epoch.searched:
        raise InputError(
            "labels.empty", f"{source} holds no landslide polygon.",
            "Draw landslides, or give the searched ground if there are none.", path=source,
        )
    for message in layer.report.messages:
        report.log(f"{epoch.name}: {message}")
    return layer


def _room_for(shape: tuple[int, ...]) -> np.ndarray:
    """An array in memory, or in a scratch file that is gone when the array is."""
    if np.prod(shape) * 4 <= IN_MEMORY_BYTES:
        return np.zeros(shape, np.float32)
    check_space(Path(tempfile.gettempdir()), int(np.prod(shape)) * 4, "The images of this area")
    return np.memmap(tempfile.TemporaryFile(prefix="mtl-scene-"), np.float32, "w+", shape=shape)
