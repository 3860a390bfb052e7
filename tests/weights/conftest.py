"""Invented ground, cut into patches as Landslide4Sense was."""

import numpy as np
import pytest
from scipy import ndimage

from model_core.network import backend
from weights.training.patches import COLUMNS, SIZE_PX, TAIWAN, Patches

DEVICE = backend.setup(device="cpu", precision="float32", seed=0)
ROWS = 72  # all blocks of Taiwan
SHAPE = (ROWS * SIZE_PX, 2 * SIZE_PX)


def invented_ground(shape, seed):
    """(H, W, 3) values of forest with bright landslides, roofs here and there, and the landslides (H, W)."""
    rng = np.random.default_rng(seed)
    relief = ndimage.gaussian_filter(rng.normal(size=shape), 6) * 22
    values = np.array((500.0, 530.0, 470.0)) + relief[..., np.newaxis] * (30, 60, 70)
    landslides = ndimage.gaussian_filter(rng.normal(size=shape), 5) > 0.09
    values[landslides] += (600, 700, 900)
    values *= 1 + 0.01 * rng.normal(size=(*shape, 1))
    for row, col in zip(rng.integers(shape[0], size=40), rng.integers(shape[1], size=40), strict=True):
        values[row, col] = rng.uniform(1200, 4000)
    return np.maximum(values, 60), landslides


def cut(values, masks, region, first_row=0, first_col=0):
    """Patches of the ground, each divided by its own largest value."""
    images, own, ids = [], [], []
    for row in range(values.shape[0] // SIZE_PX):
        for col in range(values.shape[1] // SIZE_PX):
            here = np.s_[row * SIZE_PX : (row + 1) * SIZE_PX, col * SIZE_PX : (col + 1) * SIZE_PX]
            images.append(np.floor(255 * values[here] / values[here].max()).astype(np.uint8))
            own.append(masks[here])
            ids.append((first_row + row) * COLUMNS[region] + first_col + col + 1)
    return Patches(region, np.stack(images), np.stack(own), np.array(ids))


@pytest.fixture(scope="session")
def ground():
    return invented_ground(SHAPE, 0)


@pytest.fixture(scope="session")
def taiwan(ground):
    return cut(*ground, TAIWAN, first_col=7)
