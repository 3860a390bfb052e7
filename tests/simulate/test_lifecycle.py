import numpy as np
import pytest

from model_core.simulate.landslides import Body
from model_core.simulate.lifecycle import Landslide, live
from model_core.simulate.terrain import make_terrain

YEARS, ALIVE, BORN = (2013, 2014, 2015, 2016), (4, 4, 12, 8), (4, 1, 9, 2)


@pytest.fixture(scope="module")
def history():
    terrain = make_terrain(400, 5.0, np.random.default_rng(3))
    where = np.zeros((400, 400), bool)
    where[50:350, 50:350] = True
    return live(terrain, where, YEARS, ALIVE, BORN, np.random.default_rng(0))


def test_each_year_has_the_landslides_that_were_asked_for(history):
    assert [len(slides) for slides in history] == list(ALIVE)
    for year, born, slides in zip(YEARS[1:], BORN[1:], history[1:], strict=True):
        assert sum(slide.born == year for slide in slides) == born


def test_landslides_of_one_year_do_not_overlap(history):
    for slides in history:
        count = np.zeros((400, 400), int)
        for slide in slides:
            count[slide.body.rows, slide.body.cols] += slide.failed
        assert count.max() == 1


def test_landslides_grow_over_from_their_edges_and_fade(history):
    one_year, next_year = history[0], history[1]
    lasting = [(old, new) for old in one_year for new in next_year if new.body is old.body]
    assert lasting
    for old, new in lasting:
        assert new.fresh < old.fresh
        assert not (new.bare & ~old.bare).any()
        assert new.body.rank[new.bare].min() > new.healed
    assert sum(new.bare.sum() for _, new in lasting) < sum(old.bare.sum() for old, _ in lasting)


def test_a_reactivated_landslide_reaches_further_down():
    along = np.tile(np.linspace(0, 1, 20, dtype=np.float32)[:, None], (1, 9))
    body = Body(slice(0, 20), slice(0, 9), np.ones((20, 9), bool), along)
    before, after = Landslide(body, 0.5, 2015), Landslide(body, 0.8, 2015)
    assert before.failed.sum() < after.failed.sum() < body.mask.sum()
    assert not before.failed[-1].any()
