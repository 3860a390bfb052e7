"""Blocks, roles and guards: nothing may leak from training ground to test ground."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist

from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE, NOWHERE, TEST, TRAIN, VALIDATION
from model_core.arrays.folds import (
    assign_roles,
    check_minimum,
    count_blocks,
    fold_plan,
    paper_role_map,
    paper_split,
    role_map,
    split_ground,
    summary,
)
from model_core.contract.errors import InputError, UsageError

LAYOUTS = ("strips", "compact")


def ground(height=240, width=150, seed=3):
    """Ragged observed ground with a hole, and landslides crowded in one part of it."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:height, :width]
    observed = (cols > 15 * np.sin(rows / 20) + 15) & ~((rows - 80) ** 2 + (cols - 90) ** 2 < 400)
    landslide = np.zeros((height, width), bool)
    for _ in range(60):
        r, c = int(height * rng.beta(2, 4)), rng.integers(0, width)
        landslide[r : r + rng.integers(3, 12), c : c + rng.integers(3, 9)] = True
    return observed, landslide


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n_blocks", [2, 3, 5, 8])
def test_blocks_hold_every_observed_pixel_once_and_nearly_equal_ground(layout, n_blocks):
    observed, landslide = ground()
    blocks = split_ground(observed, landslide, n_blocks, layout)
    assert np.array_equal(blocks != IGNORE, observed)
    sizes = np.bincount(blocks[observed]) / (observed.sum() / n_blocks)
    assert len(sizes) == n_blocks
    assert sizes.min() > 0.75
    assert sizes.max() < 1.25


@pytest.mark.parametrize("layout", LAYOUTS)
def test_landslide_area_is_more_even_than_with_equal_ground(layout):
    observed, landslide = ground()
    blocks = split_ground(observed, landslide, 4, layout)
    rows_before = np.cumsum(observed.sum(axis=1)) / observed.sum()
    naive = np.digitize(rows_before, [0.25, 0.5, 0.75])[:, None] * np.ones(observed.shape, int)
    found = landslide & observed
    spread, naive_spread = (np.bincount(b[found], minlength=4).std() for b in (blocks, naive))
    assert spread < naive_spread


def test_blocks_are_contiguous():
    blocks = split_ground(np.ones((300, 200), bool), np.zeros((300, 200), bool), 5, "compact")
    for number in range(5):
        assert ndimage.label(blocks == number)[1] == 1


def test_strips_run_across_the_longer_axis_of_the_observed_ground():
    observed = np.zeros((200, 200), bool)
    observed[90:110, 20:180] = True
    blocks = split_ground(observed, np.zeros_like(observed), 4)
    for number in range(4):
        cols = np.flatnonzero((blocks == number).any(axis=0))
        assert len(cols) == cols[-1] - cols[0] + 1 == 40


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ground_too_small_for_its_blocks_is_refused(layout):
    observed = np.zeros((50, 50), bool)
    with pytest.raises(InputError, match="too small"):
        split_ground(observed, observed, 3, layout)
    observed[7, 7:9] = True
    with pytest.raises(InputError, match="too small"):
        split_ground(observed, observed, 3, layout)


def test_wrong_number_of_blocks_and_layout_are_refused():
    observed, landslide = ground()
    with pytest.raises(UsageError, match="1 blocks"):
        split_ground(observed, landslide, 1)
    with pytest.raises(UsageError, match="hexagons"):
        split_ground(observed, landslide, 5, "hexagons")


@pytest.mark.parametrize("guard_px", [0, 1, 7, 20])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_pixel_lies_within_the_guard_of_more_protected_ground(layout, guard_px):
    observed, landslide = ground(100, 60)
    blocks = split_ground(observed, landslide, 5, layout)
    roles = role_map(blocks, assign_roles(blocks, {2}, {3}), guard_px)
    train, validation, test = (np.argwhere(roles == role) for role in (TRAIN, VALIDATION, TEST))
    assert len(train) and len(test)
    for inner, outer in ((train, test), (train, validation), (validation, test)):
        if len(inner) and len(outer):
            assert cdist(inner, outer, "chebyshev").min() > guard_px


def test_guards_cost_the_less_protected_side_only():
    blocks = np.repeat(np.arange(3, dtype=np.uint8), 10)[:, None] * np.ones((30, 4), np.uint8)
    roles = role_map(blocks, assign_roles(blocks, {1}, {2}), 3)[:, 0]
    expected = [TRAIN] * 7 + [NOWHERE] * 3 + [TEST] * 10 + [NOWHERE] * 3 + [VALIDATION] * 7
    assert roles.tolist() == expected


def test_every_pixel_has_one_role_or_lies_in_a_guard():
    observed, landslide = ground()
    blocks = split_ground(observed, landslide, 5)
    roles = role_map(blocks, assign_roles(blocks, {0}, {1}), 10)
    assert set(np.unique(roles)) == {TRAIN, VALIDATION, TEST, NOWHERE}
    assert np.all(roles[~observed] == NOWHERE)
    lost = observed & (roles == NOWHERE)
    assert 0 < lost.sum() < 0.2 * observed.sum()
    assert np.array_equal(roles == TEST, blocks == 0)


@pytest.mark.parametrize(("test", "validation", "message"), [
    ({9}, {1}, "does not exist"), ({1}, {1}, "both"), ({0, 1}, {2, 3, 4}, "No block is left"),
])
def test_impossible_roles_are_refused(test, validation, message):
    blocks = split_ground(*ground(), 5)
    with pytest.raises(UsageError, match=message):
        assign_roles(blocks, test, validation)


@pytest.mark.parametrize(("n_blocks", "k"), [(5, 5), (5, 2), (8, 4), (7, 3), (3, 3), (10, 10)])
def test_every_block_is_tested_exactly_once_over_all_folds(n_blocks, k):
    plan = fold_plan(n_blocks, k)
    assert len(plan) == k
    assert sorted(block for test, _ in plan for block in test) == list(range(n_blocks))
    for test, validation in plan:
        assert test and validation
        assert not test & validation
        assert len(test | validation) < n_blocks


@pytest.mark.parametrize(("n_blocks", "k"), [(2, 2), (3, 2), (5, 1), (5, 6), (5, 0)])
def test_folds_that_cannot_be_are_refused(n_blocks, k):
    with pytest.raises(UsageError, match="folds"):
        fold_plan(n_blocks, k)


def test_out_of_fold_test_ground_is_all_ground():
    observed, landslide = ground()
    blocks = split_ground(observed, landslide, 5)
    tested = np.zeros(observed.shape, int)
    for test, validation in fold_plan(5, 5):
        tested += role_map(blocks, assign_roles(blocks, test, validation), 12) == TEST
    assert np.array_equal(tested, observed.astype(int))


def test_a_landslide_belongs_to_the_role_of_its_largest_part():
    roles = np.array([[TRAIN] * 4 + [NOWHERE] * 2 + [TEST] * 4], np.uint8)
    ids = np.array([[0, 1, 1, 1, 1, 2, 1, 1, 3, 0]], np.int32)
    codes = np.where(ids > 0, LANDSLIDE, BACKGROUND).astype(np.uint8)
    split = summary(roles, codes, ids)
    assert (split.train.ground_px, split.train.landslide_px, split.train.landslides) == (4, 3, 1)
    assert (split.test.ground_px, split.test.landslide_px, split.test.landslides) == (4, 3, 1)
    assert (split.guard_px, split.guard_landslides) == (2, 1)
    assert split.validation.landslides == 0


def test_a_landslide_in_equal_parts_belongs_to_the_more_protected_role():
    roles = np.array([[TRAIN, TRAIN, TEST, TEST]], np.uint8)
    ids = np.array([[0, 1, 1, 0]], np.int32)
    split = summary(roles, ids.astype(np.uint8), ids)
    assert (split.train.landslides, split.test.landslides) == (0, 1)


def test_ignored_ground_counts_for_nothing():
    roles = np.full((2, 5), TRAIN, np.uint8)
    ids = np.ones((2, 5), np.int32)
    split = summary(roles, np.full((2, 5), IGNORE, np.uint8), ids)
    assert (split.train.ground_px, split.train.landslides, split.guard_px) == (0, 0, 0)


def test_object_counts_agree_with_counting_one_by_one():
    observed, landslide = ground()
    ids = ndimage.label(landslide)[0].astype(np.int32)
    codes = np.where(observed, landslide, IGNORE).astype(np.uint8)
    blocks = split_ground(observed, landslide, 5)
    roles = role_map(blocks, assign_roles(blocks, {2}, {4}), 8)
    split = summary(roles, codes, ids)
    expected = {TRAIN: 0, VALIDATION: 0, TEST: 0, NOWHERE: 0}
    for number in range(1, ids.max() + 1):
        parts = roles[(ids == number) & observed]
        sizes = {role: int((parts == role).sum()) for role in (TEST, VALIDATION, TRAIN)}
        if parts.size:
            expected[max(sizes, key=sizes.get) if max(sizes.values()) else NOWHERE] += 1
    assert (split.train.landslides, split.validation.landslides, split.test.landslides, split.guard_landslides) == (
        expected[TRAIN], expected[VALIDATION], expected[TEST], expected[NOWHERE])


def test_too_few_landslides_are_refused_in_plain_words():
    roles = np.array([[TRAIN, VALIDATION, TEST]], np.uint8).repeat(100, 0)
    ids = np.arange(300, dtype=np.int32).reshape(100, 3)
    ids[:, 2] = 0
    codes = np.where(ids > 0, LANDSLIDE, BACKGROUND).astype(np.uint8)
    split = summary(roles, codes, ids)
    with pytest.raises(InputError, match="test ground holds 0 landslides with 0 pixels; at least 2 with 20") as error:
        check_minimum(split, landslide_px=(20, 20, 20))
    assert "smaller guard" in error.value.hint
    check_minimum(split, landslides=(5, 2, 0), landslide_px=(20, 20, 0))


def test_paper_split_draws_landslides_by_the_seed():
    ids = np.arange(101, dtype=np.int32).reshape(1, -1)
    roles = paper_split(ids, seed=1)
    counts = [int((roles == role).sum()) for role in (TRAIN, VALIDATION, TEST)]
    assert counts == [70, 0, 30]
    assert roles[0] == NOWHERE
    assert np.array_equal(roles, paper_split(ids, seed=1))
    assert not np.array_equal(roles, paper_split(ids, seed=2))


def test_patches_follow_their_landslides():
    ids = np.zeros((8, 10), np.int32)
    ids[0, 0], ids[1, 1:4], ids[5, 5], ids[5, 0] = 1, 2, 3, 4
    roles = np.array([NOWHERE, TRAIN, TEST, TRAIN, TRAIN], np.uint8)
    patches = paper_role_map(ids, roles, 4, seed=0)
    assert np.all(patches[:4, :4] == TEST)
    assert sorted([patches[4, 0], patches[4, 4]]) == [TRAIN, VALIDATION]
    assert np.all(patches[4:, :4] == patches[4, 0])
    assert np.all(patches[:4, 4:] == NOWHERE)
    assert np.all(patches[:, 8:] == NOWHERE)


def test_a_tenth_of_the_training_patches_validates():
    ids = np.kron(np.arange(1, 401, dtype=np.int32).reshape(20, 20), np.ones((4, 4), np.int32))
    patches = paper_role_map(ids, paper_split(ids, seed=3), 4, seed=3)[::4, ::4]
    assert [int((patches == role).sum()) for role in (TRAIN, VALIDATION, TEST)] == [252, 28, 120]


def test_count_blocks_of_empty_ground_is_zero():
    assert count_blocks(np.full((3, 3), IGNORE, np.uint8)) == 0
