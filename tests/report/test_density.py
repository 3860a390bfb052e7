import numpy as np
import rasterio

from model_core.report.density import density_map


def drawn(folder, values, **changes):
    path = folder / "map.png"
    options = {"title": "2015", "unit": "landslides per km²", "legend": ["n = 2, r = 100 m"], "highest": 3.0,
               "points_m": np.array([[10.0, 20.0]]), "peak_m": (10.0, 20.0), "outlines_m": [np.array([[0.0, 0], [40, 30]])]}
    density_map(values, (0, 40, 0, 30), path, **{**options, **changes})
    with rasterio.open(path) as image:
        return image.read()


def test_the_map_shows_its_values_and_leaves_nothing_beside_it(tmp_path):
    low = drawn(tmp_path, np.full((30, 40), 0.1))
    high = drawn(tmp_path, np.full((30, 40), 2.9))
    assert low.shape == high.shape and (low != high).any()
    assert [path.name for path in tmp_path.iterdir()] == ["map.png"]


def test_ground_without_landslides_and_without_observation_can_be_drawn(tmp_path):
    nothing = {"highest": 0.0, "points_m": np.zeros((0, 2)), "peak_m": None, "outlines_m": []}
    assert (drawn(tmp_path, np.zeros((3, 4)), **nothing) != drawn(tmp_path, np.full((3, 4), np.nan), **nothing)).any()
