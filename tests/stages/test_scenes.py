from types import SimpleNamespace

import numpy as np

from model_core.stages.shared.scenes import SAMPLE_PX, scene_samples


class WideStack:
    """A wide image of which the left edge was not observed; each pixel holds its column."""

    grid = SimpleNamespace(shape=(5000, 15400))

    def read(self, rows, cols):
        columns = np.broadcast_to(np.arange(cols.start, cols.stop, dtype=np.float32), (rows.stop - rows.start, cols.stop - cols.start))
        return columns[..., np.newaxis], columns >= 400


def test_statistics_of_a_wide_scene_come_from_all_over_it():
    samples = scene_samples(WideStack())[:, 0]
    assert SAMPLE_PX <= len(samples) < 1.1 * SAMPLE_PX
    low, middle, high = np.percentile(samples, [10, 50, 90])
    assert low < 4000 and 6000 < middle < 9500 and high > 11500
