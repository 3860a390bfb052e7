"""One framework for all tests of this folder, on the processor, in float32 unless a test says otherwise."""

import numpy as np
import pytest

from model_core.network import backend

DEVICE = backend.setup(device="cpu", precision="float32", seed=0)


@pytest.fixture(autouse=True)
def _float32():
    """Tests that change the precision do not change it for others."""
    import keras

    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def scene():
    """A date with landslides that a tiny network can learn: (64, 96, 3) float32 input and (64, 96) uint8 codes."""
    return make_scene(0)


def make_scene(seed):
    rng = np.random.default_rng(seed)
    codes = np.zeros((64, 96), np.uint8)
    for row, col in zip(rng.integers(0, 54, 6), rng.integers(0, 86, 6), strict=True):
        codes[row : row + 10, col : col + 8] = 1
    image = rng.normal(0, 0.5, (64, 96, 3)).astype(np.float32)
    image[codes == 1] += (1.5, 1.0, -1.0)
    return image, codes
