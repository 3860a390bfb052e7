import numpy as np
from matplotlib import image
from scipy import stats

from model_core.arrays.inverse_gamma import fit_inverse_gamma
from model_core.arrays.power_law import fit_power_law
from model_core.report.sizes import SizePanel, frequency_area


def test_layers_with_and_without_fits_and_an_empty_one_are_drawn(tmp_path):
    areas = stats.invgamma.rvs(1.4, scale=1280, size=300, random_state=0)
    panels = [
        SizePanel("2015", areas, fit_power_law(areas), fit_inverse_gamma(areas), ["300 landslides"]),
        SizePanel("2016", areas[:3], None, None),
        SizePanel("2017", areas[:0], None, None, ["no landslides"]),
        SizePanel("2018", areas[:1], None, None),
    ]
    frequency_area(panels, tmp_path / "sizes.png")
    drawn = image.imread(tmp_path / "sizes.png")[..., :3]
    assert [path.name for path in tmp_path.iterdir()] == ["sizes.png"]
    for colour in ((213, 94, 0), (0, 114, 178), (0, 0, 0)):  # tail, whole distribution, points
        assert (np.abs(drawn * 255 - colour) < 3).all(axis=-1).sum() > 50


def test_the_remark_stands_above_the_panels_even_where_no_landslide_is_drawn(tmp_path):
    def red(remark):
        frequency_area([SizePanel("2015", np.zeros(0), None, None)], tmp_path / "sizes.png", remark=remark)
        drawn = image.imread(tmp_path / "sizes.png")[..., :3] * 255
        return (np.abs(drawn - (176, 0, 0)) < 3).all(axis=-1).nonzero()[0]

    assert len(red("")) == 0
    assert len(once := red("Simulated: no real place.")) > 50 and once.max() < 40
    assert red("Simulated: no real place. " * 6).max() > once.max()  # a long one goes on below


def test_a_refused_fit_is_not_drawn(tmp_path):
    areas = stats.invgamma.rvs(1.4, scale=1280, size=300, random_state=0)
    frequency_area([SizePanel("2015", areas, None, None)], tmp_path / "sizes.png")
    drawn = image.imread(tmp_path / "sizes.png")[..., :3] * 255
    for colour in ((213, 94, 0), (0, 114, 178)):
        assert not (np.abs(drawn - colour) < 3).all(axis=-1).any()
