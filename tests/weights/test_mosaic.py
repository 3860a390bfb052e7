import numpy as np
import pytest

from weights.training.mosaic import assemble, level
from weights.training.patches import KODAGU, SIZE_PX, TAIWAN, read_patches

from .conftest import cut, invented_ground


def test_the_divisors_are_found_from_the_edges(ground, taiwan):
    values, _ = ground
    found = level(taiwan)
    true = np.array([values[r * SIZE_PX : (r + 1) * SIZE_PX, c * SIZE_PX : (c + 1) * SIZE_PX].max()
                     for r in range(72) for c in range(2)])
    error = np.log(found.factors) - np.log(true / np.median(true))
    assert np.std(np.log(true)) > 0.15, "the patches differ"
    assert np.std(error) < 0.02
    assert found.parts == 1 and found.largest == 144
    assert found.spread_after < 0.1 * found.spread_before


def test_the_mosaic_is_the_ground_up_to_one_factor(ground, taiwan):
    values, landslides = ground
    mosaic = assemble(taiwan, level(taiwan).factors)
    height, width = values.shape[:2]
    inside = slice(SIZE_PX, SIZE_PX + height), slice(SIZE_PX, SIZE_PX + width)
    read, valid = mosaic.read(*inside)
    assert valid.all()
    ratio = np.log(read / values)
    assert np.std(ratio) < 0.04, "rounding to 255 steps included"
    np.testing.assert_array_equal(mosaic.codes[inside] == 1, landslides)
    assert (mosaic.codes[:SIZE_PX] == 255).all() and not mosaic.read(slice(0, 9), slice(0, 9))[1].any()


def test_a_patch_without_neighbours_is_levelled_to_the_ground_around_it():
    values, masks = invented_ground((6 * SIZE_PX, 7 * SIZE_PX), 1)
    patches = cut(values, masks, KODAGU)
    lonely = np.ones(len(patches.ids), bool)
    keep = [k for k, (row, col) in enumerate(patches.places) if (row, col) == (3, 3) or max(abs(row - 3), abs(col - 3)) > 1]
    patches = type(patches)(KODAGU, patches.images[keep], patches.masks[keep], patches.ids[keep])
    found = level(patches)
    assert found.parts == 2 and len(lonely) - len(keep) == 8
    own = next(k for k, place in enumerate(patches.places.tolist()) if place == [3, 3])
    tops = [values[r * SIZE_PX : (r + 1) * SIZE_PX, c * SIZE_PX : (c + 1) * SIZE_PX].max() for r, c in patches.places]
    error = np.log(found.factors) - np.log(tops)
    assert abs(error[own] - np.median(error)) < 0.2


@pytest.mark.realdata
@pytest.mark.parametrize(("region", "before"), [(TAIWAN, 0.26), (KODAGU, 0.20)])
def test_real_neighbours_agree_to_a_hundredth_afterwards(shared_data, region, before):
    found = level(read_patches(shared_data, region))
    assert found.spread_before == pytest.approx(before, abs=0.01)
    assert found.spread_after < 0.01
