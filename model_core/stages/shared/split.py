"""Divides the ground of a study into training, validation and test ground, and writes it as a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np
from shapely.geometry import shape

from ...arrays import folds
from ...arrays.codes import IGNORE, LANDSLIDE, NOWHERE, ROLE_NAMES, TEST, TRAIN, VALIDATION
from ...contract.card import ModelCard
from ...contract.errors import InputError
from ...contract.events import Report
from ...geo.areas import area_m2
from ...geo.burn import burn_ids
from ...geo.outlines import outlines
from ...geo.vectors import in_crs
from .ground import Labels

# Outlines of learned ground are simplified, so test ground may seem to share its rim.
SHARED_RIM = 0.02


@dataclass(frozen=True)
class Split:
    """Who may see which ground.

    Attributes:
        blocks: (H, W) uint8 block numbers, 255 = not searched; the same for every date.
        roles: Role of each block; empty for the paper's own split, which has no blocks.
        maps: A (H, W) uint8 role map for each ground, in their order.
        summaries: What each role has, for each ground.
    """

    blocks: np.ndarray
    roles: tuple[int, ...]
    maps: tuple[np.ndarray, ...]
    summaries: tuple[folds.SplitSummary, ...]

    def table(self, grounds: Sequence[Labels]) -> list[dict[str, Any]]:
        """One row a date and role, for people."""
        rows = []
        for ground, summary in zip(grounds, self.summaries, strict=True):
            for role in ("train", "validation", "test"):
                part = asdict(getattr(summary, role))
                rows.append({"date": ground.scenes.name, "role": role, "landslides": part["landslides"],
                             "landslide pixels": part["landslide_px"], "ground [km²]":
                             part["ground_px"] * ground.grid.pixel_area_m2 / 1e6})
            rows.append({"date": ground.scenes.name, "role": "guard", "landslides": summary.guard_landslides,
                         "ground [km²]": summary.guard_px * ground.grid.pixel_area_m2 / 1e6})
        return rows


def cut_blocks(grounds: Sequence[Labels], params: Any) -> np.ndarray:
    """Contiguous blocks over the ground that any date has searched, the same for all dates."""
    searched = np.any([ground.codes != IGNORE for ground in grounds], axis=0)
    landslide = np.any([ground.codes == LANDSLIDE for ground in grounds], axis=0)
    return folds.split_ground(searched, landslide, params.n_blocks, params.layout)


def split_blocks(
    grounds: Sequence[Labels], blocks: np.ndarray, test: Sequence[int], validation: Sequence[int], params: Any
) -> Split:
    """Gives the blocks their roles.

    Raises:
        InputError: A role has too few landslides over all dates.
    """
    roles = folds.assign_roles(blocks, frozenset(test), frozenset(validation))
    role_map = folds.role_map(blocks, roles, params.guard_px)
    summaries = tuple(folds.summary(role_map, ground.codes, ground.ids) for ground in grounds)
    split = Split(blocks, roles, (role_map,) * len(grounds), summaries)
    _check(split, params)
    return split


def split_as_paper(grounds: Sequence[Labels], params: Any) -> Split:
    """The paper's own split of each date's landslides at random; for comparison only."""
    maps = []
    for number, ground in enumerate(grounds):
        ids = np.where(ground.codes == LANDSLIDE, ground.ids, 0)
        seed = params.seed + number
        maps.append(folds.paper_role_map(ids, folds.paper_split(ids, seed), params.patch_size_px, seed))
    summaries = tuple(folds.summary(role_map, ground.codes, ground.ids)
                      for role_map, ground in zip(maps, grounds, strict=True))
    split = Split(np.full(maps[0].shape, NOWHERE, np.uint8), (), tuple(maps), summaries)
    _check(split, params)
    return split


def whole(grounds: Sequence[Labels], params: Any) -> Split:
    """All searched ground trains: for landslides too few to spare some; nothing is left to choose or judge by.

    Raises:
        InputError: There are too few landslides.
    """
    searched = np.any([ground.codes != IGNORE for ground in grounds], axis=0)
    role_map = np.where(searched, TRAIN, NOWHERE).astype(np.uint8)
    summaries = tuple(folds.summary(role_map, ground.codes, ground.ids) for ground in grounds)
    split = Split(np.where(searched, 0, NOWHERE).astype(np.uint8), (TRAIN,), (role_map,) * len(grounds), summaries)
    _check(split, params, spare=False)
    return split


def choose_split(grounds: Sequence[Labels], params: Any, report: Report) -> Split:
    """The one split that the parameters name, announced before any training."""
    if params.split == "paper":
        split = split_as_paper(grounds, params)
        report.warn("The paper's own split puts neighbouring ground into training and test: its accuracy is too good "
                    "and serves for comparison with the paper only.")
    elif params.split == "whole":
        split = whole(grounds, params)
        report.warn("All ground trains: nothing tells how good the model is. Judge its map on ground that it has not "
                    "seen before you rely on it.")
    else:
        validation = (params.fold + 1) % params.n_blocks
        split = split_blocks(grounds, cut_blocks(grounds, params), [params.fold], [validation], params)
    announce(split, grounds, report)
    return split


def announce(split: Split, grounds: Sequence[Labels], report: Report) -> None:
    """Says what each role has and what the guards cost."""
    for row in split.table(grounds):
        report.log(f"{row['date']}, {row['role']}: {row['landslides']} landslides, {row['ground [km²]']:.2f} km²")


def blocks_layer(split: Split, ground: Labels) -> gpd.GeoDataFrame:
    """The split as polygons: block (-1 for the paper's split), role, ground in m²; guards have the role 'guard'.

    The paper's split differs from date to date; where dates disagree, the first one that uses the ground counts.
    """
    role_map = split.maps[0]
    for other in split.maps[1:]:
        role_map = np.where(role_map == NOWHERE, other, role_map)
    searched = split.blocks != NOWHERE if split.roles else role_map != NOWHERE
    block = np.where(split.blocks == NOWHERE, -1, split.blocks).astype(np.int32)
    code = np.where(searched, (block + 1) * 4 + np.where(role_map == NOWHERE, 3, role_map), -1).astype(np.int32)
    layer = outlines(code, ground.grid, without=-1)
    names = {**ROLE_NAMES, 3: "guard"}
    layer["block"] = layer["value"] // 4 - 1
    layer["role"] = [names[value % 4] for value in layer["value"]]
    layer["area_m2"] = area_m2(layer.geometry, layer.crs)
    return layer[["block", "role", "area_m2", "geometry"]]


def seen_ground(split: Split, ground: Labels, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """GeoJSON geometry (WGS 84) of the ground whose labels train a model or choose its epoch and threshold.

    Args:
        split: Who may see what.
        ground: For its grid.
        before: What the model had seen before, likewise.
    """
    seen = np.any([np.isin(role_map, (TRAIN, VALIDATION)) for role_map in split.maps], axis=0).astype(np.uint8)
    layer = outlines(seen, ground.grid, without=0)
    # A pixel more or less does not matter here, and the card stays readable.
    simple = layer.geometry.simplify(2 * ground.grid.pixel_size_m).to_crs("EPSG:4326").iloc[0]
    geometry: dict[str, Any] = (simple if before is None else simple.union(shape(before))).__geo_interface__
    return geometry


def learned_ground(card: ModelCard) -> gpd.GeoDataFrame | None:
    """The ground whose labels a model has seen, as its card tells it; None if it does not tell."""
    if card.training_ground is None:
        return None
    return gpd.GeoDataFrame(geometry=[shape(card.training_ground)], crs="EPSG:4326")


def share_seen(split: Split, grounds: Sequence[Labels], card: ModelCard) -> float:
    """Share of the test ground of all dates that lies on ground which a model has learned from.

    Args:
        split: Who may see what.
        grounds: For their grid.
        card: Of the model.
    """
    learned = learned_ground(card)
    if learned is None:
        return 0.0
    grid = grounds[0].grid
    known = burn_ids(grid, in_crs(learned, grid.crs)) > 0
    test = [role_map == TEST for role_map in split.maps]
    total = sum(int(np.count_nonzero(where)) for where in test)
    return sum(int(np.count_nonzero(where & known)) for where in test) / total if total else 0.0


def _check(split: Split, params: Any, spare: bool = True) -> None:
    """Refuses a split in which a role has too few landslides over all dates together.

    Args:
        split: Who may see what.
        params: With `min_landslides`.
        spare: Whether validation and test ground are needed.
    """
    train, validation, test = (
        folds.RoleSummary(*(sum(getattr(getattr(summary, role), name) for summary in split.summaries)
                            for name in ("ground_px", "landslide_px", "landslides")))
        for role in ("train", "validation", "test")
    )
    together = folds.SplitSummary(train, validation, test, guard_px=0, guard_landslides=0)
    others = int(spare)
    folds.check_minimum(together, landslides=(params.min_landslides, others, others),
                        landslide_px=(20, 8 * others, 8 * others))
    if not any(s.train.ground_px for s in split.summaries):
        raise InputError("split.no-ground", "No training ground is left.", "Use a smaller guard or fewer blocks.")
