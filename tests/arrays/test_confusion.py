"""The measures against their definitions, scipy and the paper's own tables."""

import math

import numpy as np
import pytest
from scipy import stats

from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE
from model_core.arrays.confusion import (
    Confusion,
    Tally,
    bootstrap,
    classify,
    confusions,
    from_maps,
    per_block,
    pool,
    resample,
    tversky_from_pr,
)

# Bhuyan et al. 2023, Table 2: learning rate, filters, batch, loss, precision, recall, F1.
TABLE_2 = """
1e-3  8  8 0.227 0.807 0.698 0.748
1e-3 16  8 0.218 0.817 0.702 0.755
1e-3 32  8 0.206 0.845 0.688 0.757
1e-3  8 16 0.229 0.805 0.701 0.749
1e-3 16 16 0.208 0.826 0.719 0.769
1e-3 32 16 0.226 0.865 0.618 0.721
1e-3  8 32 0.233 0.803 0.700 0.746
1e-3 16 32 0.205 0.824 0.725 0.771
1e-3 32 32 0.188 0.850 0.731 0.785
1e-4  8  8 0.559 0.710 0.678 0.694
1e-4 16  8 0.258 0.792 0.651 0.714
1e-4 32  8 0.220 0.821 0.699 0.755
1e-4  8 16 0.602 0.665 0.777 0.716
1e-4 16 16 0.325 0.791 0.607 0.687
1e-4 32 16 0.237 0.813 0.695 0.749
1e-4  8 32 0.584 0.000 0.000 0.000
1e-4 16 32 0.364 0.755 0.750 0.752
1e-4 32 32 0.242 0.818 0.702 0.755
1e-5  8  8 0.850 0.402 0.958 0.566
1e-5 16  8 0.753 0.547 0.892 0.678
1e-5 32  8 0.432 0.801 0.654 0.720
1e-5  8 16 0.838 0.332 0.955 0.493
1e-5 16 16 0.792 0.527 0.858 0.653
1e-5 32 16 0.509 0.754 0.753 0.752
1e-5  8 32 0.836 0.196 0.989 0.327
1e-5 16 32 0.813 0.477 0.898 0.623
1e-5 32 32 0.710 0.583 0.882 0.702
"""
# Table 3: year, loss, precision, recall, F1.
TABLE_3 = """
2013 .320 .752 .651 .697
2014 .165 .762 .696 .727
2015 .340 .843 .450 .586
2016 .205 .927 .603 .731
2017 .175 .882 .724 .795
2018 .290 .753 .633 .688
2019 .362 .600 .759 .669
"""
ROWS_2 = [tuple(map(float, line.split())) for line in TABLE_2.split("\n") if line]
ROWS_3 = [tuple(map(float, line.split())) for line in TABLE_3.split("\n") if line]


def maps(seed=0, shape=(60, 80)):
    rng = np.random.default_rng(seed)
    values = [BACKGROUND, LANDSLIDE, IGNORE]
    predicted = rng.choice(values, shape, p=[0.6, 0.3, 0.1]).astype(np.uint8)
    codes = rng.choice(values, shape, p=[0.7, 0.2, 0.1]).astype(np.uint8)
    blocks = rng.choice([0, 1, 2, 255], shape).astype(np.uint8)
    return predicted, codes, blocks


@pytest.mark.parametrize("row", [row[-3:] for row in ROWS_2 + ROWS_3])
def test_the_papers_f1_is_that_of_pooled_pixels(row):
    precision, recall, f1 = row
    scale = 10**6
    tp = round(recall * scale)
    counts = Confusion(tp=tp, fn=scale - tp, fp=round(tp / precision) - tp if precision else 0)
    assert counts.f1 == pytest.approx(f1, abs=0.002)
    assert counts.recall == pytest.approx(recall, abs=1e-6)
    assert counts.precision == (pytest.approx(precision, abs=1e-6) if precision else None)


def test_both_tables_are_whole():
    assert (len(ROWS_2), len(ROWS_3)) == (27, 7)


@pytest.mark.parametrize("row", [row[3:6] for row in ROWS_2 if row[0] == 1e-3] + [r[1:4] for r in ROWS_3[2:]])
def test_the_papers_loss_is_tversky_with_weight_0_7_on_false_positives(row):
    loss, precision, recall = row
    assert 1 - tversky_from_pr(precision, recall, w_fn=0.3, w_fp=0.7) == pytest.approx(loss, abs=0.009)


@pytest.mark.parametrize("weights", [(0.7, 0.3), (0.15, 0.85), (0.85, 0.15)])
def test_other_published_weights_do_not_fit_the_papers_loss(weights):
    rows = [row[3:6] for row in ROWS_2 if row[0] == 1e-3]
    off = [abs(1 - tversky_from_pr(p, r, *weights) - loss) for loss, p, r in rows]
    assert max(off) > 0.03


def test_tversky_of_half_weights_is_f1_and_of_nothing_right_is_0():
    counts = Confusion(tp=30, fp=10, fn=20, tn=5)
    assert tversky_from_pr(counts.precision, counts.recall, 0.5, 0.5) == pytest.approx(counts.f1)
    assert tversky_from_pr(0.0, 0.5) == 0.0


def test_counts_and_measures_agree_with_pixel_by_pixel():
    predicted, codes, _ = maps()
    where = np.random.default_rng(1).random(codes.shape) < 0.7
    pairs = [(p == LANDSLIDE, c == LANDSLIDE) for p, c, w in zip(predicted.flat, codes.flat, where.flat, strict=True)
             if w and p != IGNORE and c != IGNORE]
    counts = from_maps(predicted, codes, where)
    assert counts.tp == sum(p and c for p, c in pairs)
    assert counts.fp == sum(p and not c for p, c in pairs)
    assert counts.fn == sum(c and not p for p, c in pairs)
    assert counts.total == len(pairs)
    p, c = np.array(pairs).T
    assert counts.mcc == pytest.approx(stats.pearsonr(p, c).statistic)
    assert counts.iou == pytest.approx((p & c).sum() / (p | c).sum())
    assert counts.f1 == pytest.approx(stats.hmean([counts.precision, counts.recall]))


def test_undefined_measures_are_none_and_never_perfect():
    assert Confusion().measures() == dict.fromkeys(("precision", "recall", "f1", "iou", "mcc"))
    nothing_predicted = Confusion(fn=5, tn=10)
    assert nothing_predicted.precision is None
    assert nothing_predicted.mcc is None
    assert (nothing_predicted.recall, nothing_predicted.f1, nothing_predicted.iou) == (0.0, 0.0, 0.0)
    assert Confusion(fp=5, tn=10).recall is None


def test_mcc_of_a_whole_country_does_not_overflow():
    counts = Confusion(tp=10**12, fp=10**12, fn=10**12, tn=10**15)
    assert counts.mcc == pytest.approx(0.5, abs=1e-3)


def test_class_numbers_are_those_of_the_confusion_raster():
    predicted = np.array([0, 1, 0, 1, 1, 255], np.uint8)
    codes = np.array([0, 0, 1, 1, 255, 1], np.uint8)
    assert classify(predicted, codes).tolist() == [0, 1, 2, 3, 255, 255]


def test_blocks_pool_to_the_whole():
    predicted, codes, blocks = maps()
    counts = per_block(predicted, codes, blocks)
    assert set(counts) == {0, 1, 2}
    assert pool(counts.values()) == from_maps(predicted, codes, blocks != 255)
    assert counts[1] == from_maps(predicted, codes, blocks == 1)


def test_a_tally_fed_by_windows_equals_one_fed_at_once():
    predicted, codes, _ = maps()
    classes = classify(predicted, codes)
    rows, cols = np.mgrid[: codes.shape[0], : codes.shape[1]]
    units = rows // 16 * 5 + cols // 16
    units[3:5] = -1
    once, piecewise = Tally(20), Tally(20)
    once.feed(classes, units)
    for top in range(0, 60, 7):
        piecewise.feed(classes[top : top + 7], units[top : top + 7])
    assert np.array_equal(once.counts, piecewise.counts)
    assert pool(confusions(once.counts)) == from_maps(predicted, codes, units >= 0)


def test_the_interval_is_that_of_scipy_on_the_same_problem():
    rng = np.random.default_rng(5)
    units = [Confusion(*rng.integers(1, 500, 4).tolist()) for _ in range(40)]
    tp, fp, fn = (np.array([getattr(u, name) for u in units]) for name in ("tp", "fp", "fn"))

    def f1(tp, fp, fn, axis=-1):
        return 2 * tp.sum(axis) / (2 * tp.sum(axis) + fp.sum(axis) + fn.sum(axis))

    judge = stats.bootstrap((tp, fp, fn), f1, paired=True, vectorized=True, method="percentile", n_resamples=9999,
                            rng=rng).confidence_interval
    interval = bootstrap(units, seed=1, repeats=9999)["f1"]
    width = judge.high - judge.low
    assert interval.low == pytest.approx(judge.low, abs=0.05 * width)
    assert interval.high == pytest.approx(judge.high, abs=0.05 * width)


def test_bootstrap_is_seeded_and_narrows_with_the_level():
    units = [Confusion(tp=10 * i + 5, fp=30 - i, fn=7 * i, tn=1000) for i in range(12)]
    assert bootstrap(units, 3) == bootstrap(units, 3)
    assert bootstrap(units, 3) != bootstrap(units, 4)
    wide, narrow = bootstrap(units, 3)["f1"], bootstrap(units, 3, level=0.5)["f1"]
    assert wide.low < narrow.low < pool(units).f1 < narrow.high < wide.high


def test_no_interval_where_it_would_be_made_up():
    one = Confusion(tp=5, fp=1, fn=1, tn=9)
    assert set(bootstrap([one], 0).values()) == {None}
    assert set(bootstrap([], 0).values()) == {None}
    no_landslides = [Confusion(fp=1, tn=9)] * 10
    intervals = bootstrap(no_landslides, 0)
    assert intervals["recall"] is None
    assert intervals["precision"] == (0.0, 0.0)


def test_two_maps_of_the_same_ground_are_drawn_alike():
    a = [Confusion(tp=i, tn=100 - i) for i in range(9)]
    b = [Confusion(tp=i + 1, tn=99 - i) for i in range(9)]
    difference = resample(b, 7, 50)[:, 0] - resample(a, 7, 50)[:, 0]
    assert set(difference.tolist()) == {9}


def test_mcc_interval_uses_the_same_formula_as_the_measure():
    units = [Confusion(40, 7, 9, 300)] * 5
    low, high = bootstrap(units, 0)["mcc"]
    assert math.isclose(low, high)
    assert low == pytest.approx(units[0].mcc)


def test_few_pieces_of_ground_give_no_interval():
    units = [Confusion(40, 7, 9, 300), Confusion(10, 7, 30, 300), Confusion(20, 1, 9, 300), Confusion(5, 7, 9, 300)]
    assert set(bootstrap(units, 0).values()) == {None}
    assert bootstrap([*units, units[0]], 0)["f1"] is not None
