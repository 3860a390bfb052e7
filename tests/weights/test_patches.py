import numpy as np
import pytest

from model_core.contract.errors import InputError
from weights.training.patches import (
    COLUMNS,
    KODAGU,
    SIZE_PX,
    TAIWAN,
    data_folder,
    read_patches,
    read_unseen_five_bands,
)


def test_data_that_is_absent_is_told_plainly(monkeypatch, tmp_path):
    monkeypatch.setenv("MTL_REALDATA", str(tmp_path))
    with pytest.raises(InputError) as caught:
        data_folder()
    assert "MTL_REALDATA" in caught.value.hint and str(tmp_path) in caught.value.message


def test_patches_come_by_region_in_the_order_of_their_numbers(tmp_path):
    (tmp_path / "landslide4sense").mkdir()
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 128, 128, 3), np.uint8)
    np.savez(tmp_path / "landslide4sense" / "rgb_pairs.npz", image=images, mask=images[..., 0] > 1,
             region=np.array([TAIWAN, KODAGU, TAIWAN]), official_id=np.array([83, 5, 42]))
    found = read_patches(tmp_path, TAIWAN)
    assert found.ids.tolist() == [42, 83] and found.images[:, 0, 0, 0].tolist() == [2, 0]
    assert found.masks.mean(axis=(1, 2)).tolist() == [1, 0]
    # Numbers run along rows of 41 patches: 42 begins the second row, 83 lies right below it.
    assert found.places.tolist() == [[1, 0], [2, 0]]


@pytest.mark.realdata
@pytest.mark.parametrize("region", [TAIWAN, KODAGU])
def test_the_numbers_run_along_rows_of_this_width(shared_data, region):
    patches = read_patches(shared_data, region)
    top, bottom = (np.log(patches.images[:, row].mean(axis=-1) + 1) for row in (0, -1))
    alike = {}
    for width in range(COLUMNS[region] - 3, COLUMNS[region] + 4):
        place = {number: k for k, number in enumerate(patches.ids.tolist())}
        pairs = [(k, place[number + width]) for number, k in place.items() if number + width in place]
        alike[width] = np.mean([np.corrcoef(bottom[a], top[b])[0, 1] > 0.7 for a, b in pairs])
    assert alike.pop(COLUMNS[region]) > 0.9 and max(alike.values()) < 0.1


@pytest.mark.realdata
def test_the_unseen_pairs_have_five_bands_with_bright_vegetation_in_the_last(shared_data):
    pairs = read_unseen_five_bands(shared_data)
    assert pairs.images.shape == (11, SIZE_PX, SIZE_PX, 5)
    assert pairs.masks.any(axis=(1, 2)).sum() > 5
