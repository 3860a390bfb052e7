"""Matching against drawings that can be judged by eye, and against brute force."""

from itertools import permutations

import numpy as np
import pytest

from model_core.arrays.objects import (
    AMALGAMATED,
    FALSE,
    FRAGMENTED,
    MANY_TO_MANY,
    MISSED,
    ONE_TO_ONE,
    Overlaps,
    detection,
    match,
    size_class,
)


def overlaps(pairs, predicted_m2, reference_m2):
    i, j, shared = (np.array(column) for column in zip(*pairs, strict=True)) if pairs else (np.zeros(0),) * 3
    return Overlaps(i.astype(np.int64), j.astype(np.int64), shared.astype(float),
                    np.array(predicted_m2, float), np.array(reference_m2, float))


def scene():
    """Predicted 0 = reference 0; 1 and 2 are pieces of 1; 3 spans 2 and 3; 4, 5 and 4, 5 entangle; 6 is false, 6
    missed, and 7 and 7 hardly touch."""
    return overlaps(
        [(0, 0, 90), (1, 1, 40), (2, 1, 50), (3, 2, 80), (3, 3, 70), (4, 4, 60), (4, 5, 30), (5, 5, 60), (7, 7, 9)],
        [100, 40, 60, 200, 100, 100, 100, 100],
        [100, 120, 80, 90, 100, 100, 100, 100],
    )


def test_every_object_gets_the_class_of_its_group():
    matches = match(scene())
    assert matches.predicted_class.tolist() == [
        ONE_TO_ONE, FRAGMENTED, FRAGMENTED, AMALGAMATED, MANY_TO_MANY, MANY_TO_MANY, FALSE, FALSE]
    assert matches.reference_class.tolist() == [
        ONE_TO_ONE, FRAGMENTED, AMALGAMATED, AMALGAMATED, MANY_TO_MANY, MANY_TO_MANY, MISSED, MISSED]
    assert matches.predicted_partners.tolist() == [1, 1, 1, 2, 2, 1, 0, 0]
    assert matches.reference_partners.tolist() == [1, 2, 1, 1, 1, 2, 0, 0]


def test_detection_counts_matched_objects_of_either_layer():
    found = detection(match(scene()))
    assert (found.recall, found.precision) == (6 / 8, 6 / 8)
    assert found.quality == 6 / (8 + 2)


def test_strict_matches_need_half_the_union():
    matches = match(scene())
    # IoU: 90/110, 40/120, 50/130, 80/200, 70/220, 60/140, 30/170, 60/140.
    assert matches.strict_partner.tolist() == [0, -1, -1, -1, -1, -1, -1, -1]
    assert detection(matches, strict=True).recall == 1 / 8


def test_a_tenth_of_the_smaller_object_is_enough_for_a_link():
    just, hardly = overlaps([(0, 0, 10)], [100], [5000]), overlaps([(0, 0, 9.99)], [100], [5000])
    assert match(just).predicted_class.tolist() == [ONE_TO_ONE]
    assert match(hardly).predicted_class.tolist() == [FALSE]


@pytest.mark.parametrize(("predicted", "reference"), [(0, 0), (3, 0), (0, 2), (3, 2)])
def test_layers_without_overlap_or_without_objects(predicted, reference):
    matches = match(overlaps([], [100] * predicted, [100] * reference))
    assert set(matches.predicted_class) <= {FALSE}
    assert set(matches.reference_class) <= {MISSED}
    assert detection(matches).precision == (0.0 if predicted else None)
    assert detection(matches, strict=True).recall == (0.0 if reference else None)
    assert detection(matches).quality == (0.0 if predicted or reference else None)


def test_strict_matching_is_the_best_one_to_one_assignment():
    rng = np.random.default_rng(0)
    for _ in range(20):
        n = int(rng.integers(2, 6))
        shared = rng.uniform(60, 95, (n, n)) * (rng.random((n, n)) < 0.6)
        pairs = [(i, j, shared[i, j]) for i, j in np.argwhere(shared > 0)]
        case = overlaps(pairs, [100] * n, [100] * n)
        iou = np.where(shared / (200 - shared) >= 0.5, shared / (200 - shared), 0)
        best = max(sum(1000 + iou[i, j] for i, j in enumerate(order) if iou[i, j]) for order in permutations(range(n)))
        partner = match(case).strict_partner
        got = sum(1000 + iou[i, j] for i, j in enumerate(partner) if j >= 0)
        assert got == pytest.approx(best)
        taken = partner[partner >= 0]
        assert len(taken) == len(set(taken.tolist()))


def test_size_classes_hold_their_lower_bound():
    assert size_class(np.array([0, 999.9, 1_000, 10_000, 99_999, 100_000, 1e9])).tolist() == [0, 0, 1, 2, 2, 3, 3]


def test_counts_of_parts_of_the_objects_add_up_to_all():
    matches = match(scene())
    part = np.arange(8) % 2 == 0
    for strict in (False, True):
        whole = detection(matches, strict=strict)
        parts = [detection(matches, strict=strict, predicted=p, reference=p) for p in (part, ~part)]
        assert sum(d.predicted_matched for d in parts) == whole.predicted_matched
        assert sum(d.reference_matched for d in parts) == whole.reference_matched
        assert sum(d.predicted for d in parts) == whole.predicted == 8


def test_an_object_is_matched_though_its_partner_does_not_count():
    found = detection(match(scene()), predicted=np.zeros(8, bool), reference=np.arange(8) == 0)
    assert (found.recall, found.precision) == (1.0, None)


def test_only_numbers_the_kept_objects_anew():
    kept = scene().only(np.arange(8) != 0, np.arange(8) > 1)
    assert kept.predicted_m2.tolist() == [40, 60, 200, 100, 100, 100, 100]
    assert list(zip(kept.predicted.tolist(), kept.reference.tolist(), strict=True)) == [
        (2, 0), (2, 1), (3, 2), (3, 3), (4, 3), (6, 5)]
    assert kept.overlap_m2.tolist() == [80, 70, 60, 30, 60, 9]


def test_thousands_of_objects_are_matched_at_once():
    n = 10_000
    case = overlaps([(i, i, 80) for i in range(n)], [100] * n, [100] * n)
    assert detection(match(case), strict=True).recall == 1.0
