"""Splits searched ground into contiguous blocks for training, validation and test.

Neighbouring pixels look alike, so a split of patches or landslides at random tests a network on ground that it has
all but seen. Blocks of contiguous ground with a guard between the roles do not; k folds of them test every pixel
once. The guard ignores pixels instead of dropping whole patches, so that small areas lose little.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..contract.errors import InputError, UsageError
from . import cuts
from .codes import IGNORE, LANDSLIDE, NOWHERE, ROLE_NAMES, TEST, TRAIN, VALIDATION

Mask = NDArray[np.bool_]
Codes = NDArray[np.uint8]

MAX_BLOCKS = 100


@dataclass(frozen=True)
class RoleSummary:
    """What one role has to work with."""

    ground_px: int
    landslide_px: int
    landslides: int


@dataclass(frozen=True)
class SplitSummary:
    """What each role has, and what the guards cost.

    Attributes:
        train, validation, test: What each role has.
        guard_px: Searched pixels that no role uses.
        guard_landslides: Landslides that lie wholly on such pixels.
    """

    train: RoleSummary
    validation: RoleSummary
    test: RoleSummary
    guard_px: int
    guard_landslides: int


def split_ground(
    observed: Mask, landslide: Mask, n_blocks: int = 5, layout: Literal["strips", "compact"] = "strips"
) -> Codes:
    """Cuts the observed ground into contiguous blocks of nearly equal size with roughly equal landslide area.

    Every cut is a straight line along rows or columns, so a block is all observed ground between its lines. It has an
    equal share of the ground, give or take a fifth; within that freedom the cuts lie where the landslide area is
    spread most evenly. "strips" cuts across the longer axis of the ground: the shortest borders, and thus the least
    ground lost to guards, where the area is elongated. "compact" halves the ground repeatedly across its longer side.

    Args:
        observed: (H, W) bool, ground that was observed and searched.
        landslide: (H, W) bool; only its observed part counts.
        n_blocks: Number of blocks, 2 to 100.
        layout: "strips" or "compact".

    Returns:
        (H, W) uint8 block number from 0; 255 where not observed.

    Raises:
        UsageError: `n_blocks` or `layout` is outside its limits.
        InputError: The ground is too small for so many blocks.
    """
    if not 2 <= n_blocks <= MAX_BLOCKS:
        raise UsageError("split.blocks", f"The ground cannot be cut into {n_blocks} blocks.",
                         f"Choose 2 to {MAX_BLOCKS}.", n_blocks=n_blocks)
    if layout not in ("strips", "compact"):
        raise UsageError("split.layout", f"There is no block layout {layout!r}.", "Choose strips or compact.")
    cut = cuts.strips if layout == "strips" else cuts.compact
    boxes = cut(observed, landslide & observed, n_blocks)
    if boxes is None:
        raise InputError("split.ground-too-small", f"The observed ground is too small for {n_blocks} blocks.",
                         "Use fewer blocks, or check the searched ground and the mask of unusable data.",
                         n_blocks=n_blocks)
    blocks = np.full(observed.shape, IGNORE, np.uint8)
    for number, box in enumerate(boxes):
        blocks[box][observed[box]] = number
    return blocks


def count_blocks(blocks: Codes) -> int:
    """Number of blocks in a block map."""
    used = blocks[blocks != IGNORE]
    return int(used.max()) + 1 if used.size else 0


def assign_roles(blocks: Codes, test: Collection[int], validation: Collection[int]) -> tuple[int, ...]:
    """The role of each block: `roles[block]` is TEST, VALIDATION or, for all others, TRAIN.

    Raises:
        UsageError: A block does not exist or has two roles, or none is left for training.
    """
    n_blocks = count_blocks(blocks)
    known, both = set(range(n_blocks)), set(test) & set(validation)
    unknown = (set(test) | set(validation)) - known
    if unknown or both:
        number = min(unknown or both)
        problem = "does not exist" if unknown else "is meant for both validation and test"
        raise UsageError("split.roles", f"Block {number} {problem}.",
                         f"Blocks are numbered 0 to {n_blocks - 1}; give each one role.", block=number)
    if not known - set(test) - set(validation):
        raise UsageError("split.no-train", "No block is left for training.", "Use more blocks, or test on fewer.")
    return tuple(TEST if b in test else VALIDATION if b in validation else TRAIN for b in range(n_blocks))


def role_map(blocks: Codes, roles: Sequence[int], guard_px: int) -> Codes:
    """The role of every pixel, with guards taken from the less protected side only.

    Test ground keeps every pixel. Validation pixels within `guard_px` of test ground, and then training pixels within
    `guard_px` of what is left of the protected ground, are used by no role. Distance is the larger of the distances
    in rows and in columns, because the network looks at squares.

    Args:
        blocks: (H, W) uint8 block numbers, 255 = not observed.
        roles: Role of each block.
        guard_px: Width of the guard; 0 for none.

    Returns:
        (H, W) uint8: TRAIN, VALIDATION, TEST or NOWHERE.
    """
    table = np.full(256, NOWHERE, np.uint8)
    table[: len(roles)] = roles
    result: Codes = table[blocks]
    if guard_px > 0:
        result[(result == VALIDATION) & _near(result == TEST, guard_px)] = NOWHERE
        protected = (result == TEST) | (result == VALIDATION)
        result[(result == TRAIN) & _near(protected, guard_px)] = NOWHERE
    return result


def fold_plan(n_blocks: int, k: int) -> list[tuple[frozenset[int], frozenset[int]]]:
    """(test blocks, validation blocks) of each of k folds; over all folds every block is tested exactly once.

    A fold tests a run of neighbouring blocks and validates on the run that follows it (the first blocks follow the
    last), of the same length unless that would leave less for training.

    Raises:
        UsageError: `k` is not between 2 and `n_blocks`, or a fold would have nothing to train or validate on.
    """
    runs = np.array_split(np.arange(n_blocks), k) if 2 <= k <= n_blocks else []
    if not runs or n_blocks - len(runs[0]) < 2:
        raise UsageError("split.folds", f"{n_blocks} blocks cannot be tested in {k} folds.",
                         "Use more blocks, or more folds (at most one for each block).", n_blocks=n_blocks, folds=k)
    plan = []
    for run in runs:
        n_validation = min(len(run), (n_blocks - len(run)) // 2)
        validation = (run[-1] + 1 + np.arange(n_validation)) % n_blocks
        plan.append((frozenset(run.tolist()), frozenset(validation.tolist())))
    return plan


def summary(roles: Codes, codes: Codes, object_ids: NDArray[np.int32]) -> SplitSummary:
    """Counts what each role has. A landslide belongs to the role with its largest part, guards left aside.

    Args:
        roles: (H, W) uint8 role of every pixel.
        codes: (H, W) uint8 label codes; ignored pixels count for nothing.
        object_ids: (H, W) int32, 0 = no landslide, else the landslide's number.
    """
    known = codes != IGNORE
    role = np.where(roles == NOWHERE, 3, roles)
    ground = np.bincount(role[known], minlength=4)
    found = np.bincount(role[codes == LANDSLIDE], minlength=4)
    owned = np.bincount(_owners(role[known], object_ids[known]), minlength=4)
    train, validation, test = (
        RoleSummary(int(ground[r]), int(found[r]), int(owned[r])) for r in (TRAIN, VALIDATION, TEST)
    )
    return SplitSummary(train, validation, test, guard_px=int(ground[3]), guard_landslides=int(owned[3]))


def check_minimum(
    split: SplitSummary,
    *,
    landslides: tuple[int, int, int] = (5, 2, 2),
    landslide_px: tuple[int, int, int] = (100, 20, 20),
) -> None:
    """Refuses a split in which a role has too little to learn or to measure from.

    Args:
        split: From `summary`.
        landslides: Least number of landslides for training, validation and test.
        landslide_px: Least number of landslide pixels likewise.

    Raises:
        InputError: Names the role and what it lacks.
    """
    for role, least, least_px in zip((TRAIN, VALIDATION, TEST), landslides, landslide_px, strict=True):
        name = ROLE_NAMES[role]
        has: RoleSummary = getattr(split, name)
        if has.landslides < least or has.landslide_px < least_px:
            raise InputError(
                "split.too-few",
                f"The {name} ground holds {has.landslides} landslides with {has.landslide_px} pixels; "
                f"at least {least} with {least_px} are needed.",
                "Use fewer blocks or a smaller guard, choose other blocks, or draw more landslides. With only a few, "
                "let all ground train (split: whole); the model's accuracy then stays unknown.",
                role=name, landslides=has.landslides, landslide_px=has.landslide_px,
            )


def paper_split(object_ids: NDArray[np.int32], seed: int, fraction: float = 0.7) -> Codes:
    """The paper's own split, kept for comparison: landslides at random, whatever lies beside them.

    Its test landslides touch training ground, so its numbers are too good (Bhuyan et al. 2023: 70 % of a year's
    landslides to train, 30 % to test).

    Args:
        object_ids: (H, W) int32, 0 = no landslide.
        seed: Seed of the draw.
        fraction: Share of the landslides to train with.

    Returns:
        (largest id + 1,) uint8 role of every landslide; NOWHERE for numbers without a pixel, 0 among them.
    """
    numbers = np.unique(object_ids)
    numbers = np.random.default_rng(seed).permutation(numbers[numbers > 0])
    n_train = round(fraction * len(numbers))
    roles = np.full(int(object_ids.max(initial=0)) + 1, NOWHERE, np.uint8)
    roles[numbers[:n_train]] = TRAIN
    roles[numbers[n_train:]] = TEST
    return roles


def paper_role_map(
    object_ids: NDArray[np.int32], roles: Codes, size_px: int, seed: int, validation_fraction: float = 0.1
) -> Codes:
    """Patches follow their landslides: every patch takes the role that has most landslide pixels in it.

    Patches without landslide have no role, and a tenth of the training patches validates (`validation_split=0.1`), as
    in the authors' notebook; here they are drawn at random instead of being the last ones.

    Args:
        object_ids: (H, W) int32, 0 = no landslide.
        roles: Role of every landslide, from `paper_split`.
        size_px: Side of the patches, which lie side by side from the upper left corner.
        seed: Seed of the draw.
        validation_fraction: Share of the training patches that validates; at least one patch.

    Returns:
        (H, W) uint8 role of every pixel.
    """
    height, width = object_ids.shape
    result = np.full((height, width), NOWHERE, np.uint8)
    training = []
    for top in range(0, height, size_px):
        for left in range(0, width, size_px):
            patch = slice(top, top + size_px), slice(left, left + size_px)
            role = roles[object_ids[patch]]
            role = role[role != NOWHERE]
            if role.size:
                result[patch] = np.bincount(role).argmax()
                if result[top, left] == TRAIN:
                    training.append(patch)
    n_validation = max(1, round(validation_fraction * len(training)))
    for number in np.random.default_rng(seed).permutation(len(training))[:n_validation]:
        result[training[number]] = VALIDATION
    return result


def _near(mask: Mask, distance_px: int) -> Mask:
    """Pixels within a square of the given half side around any True pixel."""
    near: Mask = ndimage.maximum_filter(mask, size=2 * distance_px + 1, mode="constant", cval=0)
    return near


def _owners(role: NDArray[np.uint8], object_ids: NDArray[np.int32]) -> NDArray[np.intp]:
    """Role (0 to 2; 3 = guards only) of every landslide that has a pixel; the more protected role wins a tie."""
    parts = np.bincount(object_ids.astype(np.int64) * 4 + role, minlength=4)
    parts = np.pad(parts, (0, -len(parts) % 4)).reshape(-1, 4)[1:]
    parts = parts[parts.any(axis=1)]
    return np.where(parts[:, :3].any(axis=1), 2 - parts[:, 2::-1].argmax(axis=1), 3)
