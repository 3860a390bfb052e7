import numpy as np
import pytest

from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE
from model_core.arrays.confusion import from_maps
from model_core.arrays.thresholds import ThresholdCurve, choose
from model_core.contract.errors import InputError, UsageError


def map_and_labels(seed=0, n=20_000):
    rng = np.random.default_rng(seed)
    codes = (rng.random(n) < 0.1).astype(np.uint8)
    probabilities = np.where(codes == 1, rng.beta(4, 2, n), rng.beta(1, 6, n)).astype(np.float32)
    # Values that sit exactly on a threshold, where rounding decides.
    probabilities[:2000] = (rng.integers(0, 1001, 2000) / 1000).astype(np.float32)
    probabilities[2000:2100] = np.nan
    codes[3000:3500] = IGNORE
    return probabilities, codes


def counts_at(probabilities, codes, threshold):
    predicted = np.where(probabilities >= np.float32(threshold), LANDSLIDE, BACKGROUND).astype(np.uint8)
    predicted[np.isnan(probabilities)] = IGNORE
    return from_maps(predicted, codes)


@pytest.mark.parametrize("threshold", [0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_the_curve_counts_what_thresholding_counts(threshold):
    probabilities, codes = map_and_labels()
    curve = ThresholdCurve()
    for part in np.array_split(np.arange(len(codes)), 7):
        curve.feed(probabilities[part], codes[part])
    expected = counts_at(probabilities, codes, threshold)
    assert curve.confusion(threshold) == expected
    k = round(threshold * 1000) - 1
    assert curve.thresholds[k] == threshold
    assert curve.precision[k] == pytest.approx(expected.precision)
    assert curve.recall[k] == pytest.approx(expected.recall)
    assert curve.f1[k] == pytest.approx(expected.f1)


def test_the_chosen_threshold_has_the_best_f1_of_all():
    probabilities, codes = map_and_labels()
    best = max(counts_at(probabilities, codes, k / 1000).f1 for k in range(1, 1000))
    assert counts_at(probabilities, codes, choose(probabilities, codes)).f1 == pytest.approx(best)


def test_a_recall_target_gives_the_highest_threshold_that_reaches_it():
    probabilities, codes = map_and_labels()
    threshold = choose(probabilities, codes, goal="recall", target=0.9)
    assert counts_at(probabilities, codes, threshold).recall >= 0.9
    assert counts_at(probabilities, codes, threshold + 0.001).recall < 0.9


def test_equally_good_thresholds_give_the_middle_one():
    probabilities = np.array([0.2, 0.2, 0.8, 0.8], np.float32)
    codes = np.array([0, 0, 1, 1], np.uint8)
    assert choose(probabilities, codes) == pytest.approx(0.5, abs=0.002)


def test_only_the_wanted_ground_decides():
    probabilities, codes = map_and_labels()
    where = np.arange(len(codes)) > 10_000
    assert choose(probabilities, codes, where) == choose(probabilities[where], codes[where])


def test_what_cannot_be_chosen_is_refused_in_plain_words():
    probabilities, codes = map_and_labels()
    with pytest.raises(InputError, match="no landslide"):
        choose(probabilities, np.zeros_like(codes))
    with pytest.raises(UsageError, match="recall"):
        choose(probabilities, codes, goal="recall")
    with pytest.raises(UsageError, match="beauty"):
        choose(probabilities, codes, goal="beauty")
    with pytest.raises(InputError, match="highest is"):
        choose(np.where(codes == 1, 0, probabilities), codes, goal="recall", target=0.9)
