import numpy as np
import pytest
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from model_core.arrays.shifts import ShiftMeter, image_edges, label_edges, measure_shift

EVERYWHERE = np.ones((256, 256), bool)


def blobs(seed, n=25, size=256):
    """(size, size) labels of elliptic landslides."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:size, :size]
    labels = np.zeros((size, size), bool)
    for row, col, a, b, turn in zip(*rng.uniform(15, size - 15, (2, n)), *rng.uniform(3, 8, (2, n)),
                                    rng.uniform(0, np.pi, n), strict=True):
        u = (rows - row) * np.cos(turn) + (cols - col) * np.sin(turn)
        v = (cols - col) * np.cos(turn) - (rows - row) * np.sin(turn)
        labels |= (u / a) ** 2 + (v / b) ** 2 < 1
    return labels


def photograph(labels, seed, contrast=1.0, bands=3):
    """An image of the landslides on uneven ground, each band in its own units."""
    rng = np.random.default_rng(seed)
    size = labels.shape
    ground = [3 * ndimage.gaussian_filter(rng.standard_normal(size), 3) + 0.3 * rng.standard_normal(size)
              for _ in range(bands)]
    bright = contrast * ndimage.gaussian_filter(labels.astype(float), 0.7)
    return np.stack([(band + bright) * 10.0**k for k, band in enumerate(ground)], axis=-1).astype(np.float32)


def moved(image, by):
    """The image moved by fractions of a pixel."""
    bands = [ndimage.shift(band, by, order=3, mode="nearest") for band in np.moveaxis(image, 2, 0)]
    return np.stack(bands, axis=-1).astype(np.float32)


def shift_of(image, labels, valid=EVERYWHERE, known=EVERYWHERE, **options):
    return measure_shift(*_pair(image_edges(image, valid), label_edges(labels, known)), **options)


def _pair(first, second):
    return first[0], second[0], first[1], second[1]


@pytest.mark.parametrize("contrast", [1.0, -1.0, 0.5])
@pytest.mark.parametrize("shift", [(3, -2), (0, 0), (-7, 5)])
def test_labels_beside_the_image_are_found_to_a_third_of_a_pixel(contrast, shift):
    labels = blobs(1)
    found = shift_of(photograph(labels, 2, contrast), np.roll(labels, shift, (0, 1)))
    assert (found.rows_px, found.cols_px) == pytest.approx(shift, abs=0.3)
    assert found.p_value < 0.01


def test_fractions_of_a_pixel_are_found():
    labels = blobs(3)
    image = moved(photograph(labels, 4), (0.4, -0.3))
    found = shift_of(image, np.roll(labels, (3, -2), (0, 1)))
    assert (found.rows_px, found.cols_px) == pytest.approx((2.6, -1.7), abs=0.1)


def test_chance_gives_no_significance_more_often_than_it_says():
    p_values = np.array([shift_of(photograph(blobs(seed), seed + 50), blobs(seed + 100)).p_value for seed in range(30)])
    assert (p_values <= 0.05).mean() <= 4 / 30  # 1.5 expected; 5 or more in 2 % of all draws


def test_missing_data_and_unsearched_ground_do_not_rule():
    labels = blobs(5)
    image = photograph(labels, 6)
    valid = EVERYWHERE.copy()
    valid[:90, :120] = False
    valid[200:] = False
    image[~valid] = 0
    known = np.roll(valid, (3, -2), (0, 1))  # the same hole in the labels pulls towards its own shift ...
    drawn = np.roll(labels, (-4, 1), (0, 1)) & known
    found = shift_of(image, drawn, valid, known)
    assert (found.rows_px, found.cols_px) == pytest.approx((-4, 1), abs=0.3)  # ... and must not win


def test_images_of_two_dates_are_compared_like_labels_and_as_an_outside_judge_does():
    image = photograph(blobs(7), 8)
    later = 0.5 * moved(image, (2.3, -1.6)) + 7
    first, second = image_edges(image, EVERYWHERE), image_edges(later, EVERYWHERE)
    found = measure_shift(*_pair(first, second))
    assert (found.rows_px, found.cols_px) == pytest.approx((2.3, -1.6), abs=0.1)
    theirs = -phase_cross_correlation(first[0], second[0], upsample_factor=20)[0]  # the shift that moves it back
    assert (found.rows_px, found.cols_px) == pytest.approx(tuple(theirs), abs=0.1)


def test_a_shift_beyond_the_search_is_not_significant():
    labels = blobs(9)
    found = shift_of(photograph(labels, 10), np.roll(labels, (6, 0), (0, 1)), max_shift_px=4)
    assert found.p_value > 0.05


def test_nothing_in_common_has_no_shift():
    labels = blobs(11)
    assert shift_of(photograph(labels, 12), labels, valid=np.zeros_like(EVERYWHERE)) is None
    assert shift_of(photograph(labels, 12), np.zeros_like(labels)) is None
    assert shift_of(np.ones((256, 256, 2), np.float32), labels) is None


def test_blocks_add_up_and_tell_the_error():
    labels, size = blobs(13, n=100, size=512), 128
    edges, usable = image_edges(photograph(labels, 14, contrast=0.5), np.ones_like(labels))
    drawn, known = label_edges(np.roll(labels, (3, -2), (0, 1)), np.ones_like(labels))
    whole = ShiftMeter((size, size), 8)
    apart = []
    for top in range(0, 512, size):
        for left in range(0, 512, size):
            part = (slice(top, top + size), slice(left, left + size))
            meter = ShiftMeter((size, size), 8)
            meter.add(edges[part], drawn[part], usable[part], known[part])
            whole.include(meter)
            apart.append(meter.shift())
    together = whole.shift()
    assert (together.rows_px, together.cols_px) == pytest.approx((3, -2), abs=0.2)
    assert 0 < together.rows_error_px < 0.2
    spread = np.std([block.rows_px for block in apart]) / np.sqrt(len(apart))
    assert together.rows_error_px < 3 * max(spread, 0.02)
    assert all(block.rows_error_px is None for block in apart)


def test_blocks_that_disagree_have_a_large_error():
    size, meter = 128, ShiftMeter((128, 128), 8)
    for number in range(8):
        labels = blobs(20 + number, n=12, size=size)
        other = blobs(40 + number, n=12, size=size)
        edges, drawn = image_edges(photograph(labels, number), labels | True), label_edges(other, labels | True)
        meter.add(*_pair(edges, drawn))
    found = meter.shift()
    assert max(found.rows_error_px, found.cols_error_px) > 1


def test_a_block_smaller_than_the_meter_counts_as_it_is():
    labels = blobs(15, n=15, size=128)[:100]
    edges = image_edges(photograph(labels, 16), labels | True)
    drawn = label_edges(np.roll(labels, (2, 1), (0, 1)), labels | True)
    meter = ShiftMeter((128, 128), 8)
    meter.add(*_pair(edges, drawn))
    found = meter.shift()
    assert (found.rows_px, found.cols_px) == pytest.approx((2, 1), abs=0.3)
