import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from rasterio.features import rasterize
from scipy import ndimage

from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE
from model_core.arrays.confusion import classify, from_maps, pool
from model_core.arrays.tolerance import (
    TolerantF1,
    object_counts,
    perfect_map_f1_at_shift,
    shift_counts,
    tolerant_f1,
    without_largest,
)
from model_core.arrays.windows import grow, inside, patch_windows


def blobs(seed, shape=(120, 150), share=0.1):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 4)
    return (noise > np.quantile(noise, 1 - share)).astype(np.uint8)


def disk(radius):
    r, c = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return r**2 + c**2 <= radius**2


@pytest.mark.parametrize("tolerance", [0, 1, 2])
def test_tolerant_f1_agrees_with_dilated_masks(tolerance):
    predicted, codes = blobs(1), blobs(1)
    predicted = np.roll(predicted, 3, axis=1)
    p, c = predicted == 1, codes == 1
    near_p, near_c = (ndimage.binary_dilation(m, disk(tolerance)) for m in (p, c))
    precision, recall = (p & near_c).sum() / p.sum(), (c & near_p).sum() / c.sum()
    assert tolerant_f1(predicted, codes, tolerance) == pytest.approx(2 * precision * recall / (precision + recall))


def test_no_tolerance_is_the_plain_f1():
    predicted, codes = blobs(1), blobs(2)
    codes[:30] = IGNORE
    assert tolerant_f1(predicted, codes, 0) == pytest.approx(from_maps(predicted, codes).f1)


def test_an_outline_one_pixel_off_is_forgiven():
    codes = blobs(1)
    shifted = np.roll(codes, 1, axis=0)
    shifted[0], codes[0] = IGNORE, IGNORE
    assert from_maps(shifted, codes).f1 < 0.95
    assert tolerant_f1(shifted, codes, 1) == pytest.approx(1.0, abs=0.01)


def test_windows_with_their_margin_give_the_f1_of_the_whole():
    predicted, codes = np.roll(blobs(1), 2, axis=0), blobs(1)
    codes[:, 70:75] = IGNORE
    measure = TolerantF1((1, 2))
    for core in patch_windows(120, 150, 30, 30):
        halo = grow(core, measure.margin_px, 120, 150)
        measure.feed(predicted[halo], codes[halo], inside(core, halo))
    assert measure.f1() == {t: tolerant_f1(predicted, codes, t) for t in (1, 2)}


def test_tolerant_f1_of_nothing_is_none():
    codes = blobs(1)
    assert tolerant_f1(np.zeros_like(codes), codes, 2) is None
    assert tolerant_f1(codes, np.zeros_like(codes), 2) is None
    far = np.zeros_like(codes)
    near_nothing = np.zeros_like(codes)
    far[0, 0], near_nothing[100, 100] = 1, 1
    assert tolerant_f1(far, near_nothing, 2) == 0.0


def test_the_largest_landslide_can_be_taken_out_of_the_sum():
    ids = np.zeros((20, 20), np.int32)
    ids[2:12, 2:12], ids[15:17, 15:17] = 1, 2
    codes = (ids > 0).astype(np.uint8)
    predicted = np.zeros_like(codes)
    predicted[2:14, 2:12] = 1
    classes = classify(predicted, codes)
    rest = without_largest(from_maps(predicted, codes), object_counts(classes, ids, 2))
    codes[ids == 1] = IGNORE
    assert rest == from_maps(predicted, codes)
    assert (rest.tp, rest.fp, rest.fn) == (0, 20, 4)


def test_without_any_landslide_there_is_no_largest():
    codes = np.zeros((5, 5), np.uint8)
    whole = from_maps(codes, codes)
    assert without_largest(whole, object_counts(classify(codes, codes), codes.astype(np.int32), 0)) == whole


def test_a_perfect_map_loses_what_the_shift_moves():
    codes = np.zeros((50, 60), np.uint8)
    codes[10:20, 10:30] = LANDSLIDE
    assert perfect_map_f1_at_shift(codes, (0, 0)) == 1.0
    assert perfect_map_f1_at_shift(codes, (0, 5)) == pytest.approx(15 / 20)
    assert perfect_map_f1_at_shift(codes, (-3, 4)) == pytest.approx(7 * 16 / 200)
    assert perfect_map_f1_at_shift(codes, (0, 30)) == 0.0


def test_a_fraction_of_a_pixel_lies_between_its_neighbours():
    codes = blobs(4)
    f1 = [perfect_map_f1_at_shift(codes, (d, 0)) for d in (1, 1.6, 2)]
    assert f1[0] > f1[1] >= f1[2]


def test_ground_that_the_shift_uncovers_or_that_is_ignored_is_not_judged():
    codes = np.full((10, 10), BACKGROUND, np.uint8)
    codes[:, 4] = IGNORE
    assert shift_counts(codes, (0, 1)).total == 70
    assert shift_counts(codes, (2, 0)).total == 72


def test_shift_counts_of_windows_add_up():
    codes = blobs(4)
    parts = []
    for core in patch_windows(120, 150, 30, 30):
        halo = grow(core, 3, 120, 150)
        parts.append(shift_counts(codes[halo], (2, -1), inside(core, halo)))
    assert pool(parts) == shift_counts(codes, (2, -1))


# What an earlier measurement on the same layers found: F1 by shift in pixels of 5 m.
@pytest.mark.realdata
@pytest.mark.parametrize(("year", "expected"), [(2015, (0.90, 0.81, 0.61)), (2014, (0.87, 0.74, 0.51))])
def test_shifted_labels_bound_the_f1_of_a_real_inventory(shared_data, year, expected):
    frame = gpd.read_file(f"/vsizip/{shared_data}/inventories/Nepal.zip/Nepal/{year}.shp")
    left, _, _, top = frame.total_bounds
    transform = Affine(5, 0, left - 100, 0, -5, top + 100)
    codes = rasterize(frame.geometry, out_shape=(2200, 2200), transform=transform, dtype="uint8")
    found = [perfect_map_f1_at_shift(codes, (0, shift)) for shift in (1, 2, 4.5)]
    assert found == pytest.approx(expected, abs=0.04)
