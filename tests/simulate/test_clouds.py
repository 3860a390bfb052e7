import numpy as np
import pytest

from model_core.simulate.clouds import add_clouds, cloud_opacity


@pytest.mark.parametrize("share", [0.0, 0.02, 0.2])
def test_clouds_cover_the_share_that_was_asked_for(share):
    opacity = cloud_opacity(256, share, np.random.default_rng(0))
    assert (opacity > 0).mean() == pytest.approx(share, abs=1e-3)
    assert 0 <= opacity.min() <= opacity.max() <= 1


def test_a_cloud_is_bright_and_its_shadow_falls_away_from_the_sun():
    opacity = np.zeros((100, 100), np.float32)
    opacity[60:70, 40:50] = 1
    seen = add_clouds(np.full((100, 100, 5), 0.2, np.float32), opacity, 180.0, 45.0, height_px=30.0)
    assert seen[65, 45].min() > 0.5
    assert seen[35, 45].max() < 0.1  # the sun is in the south: the shadow lies 30 px further north
    assert np.all(seen[90, 10] == np.float32(0.2))
