import datetime

import pytest
import rasterio

from model_core.arrays.paired import LESS, MORE, UNCLEAR, WITHIN_ERROR
from model_core.report.trends import Span, TrendPanel, TrendPoint, trends


def drawn(path, n=5, years=1, **point):
    points = [TrendPoint(datetime.date(2013 + years * i, 11, 7), 10.0 * i, 12.0 * i, **point) for i in range(n)]
    words = [MORE, LESS, UNCLEAR, WITHIN_ERROR, "not assessed"]
    spans = [Span(words[i % 5], 10, 5, 15) if words[i % 5] in (MORE, LESS) else Span(words[i % 5]) for i in range(n - 1)]
    trends([TrendPanel("number", points, spans, True), TrendPanel("area [km²]", points, spans)],
           [str(2013 + years * i) for i in range(n)], path, title="Landslides", remark="Simulated")
    with rasterio.open(path) as image:
        return image.read()


def test_intervals_show(tmp_path):
    plain = drawn(tmp_path / "plain.png")
    assert (plain.shape != (known := drawn(tmp_path / "known.png", corrected=30.0, low=20.0, high=55.0)).shape
            or (plain != known).any())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["known.png", "plain.png"]


@pytest.mark.parametrize(("n", "years"), [(2, 1), (14, 2)])
def test_few_and_many_dates_can_be_drawn(tmp_path, n, years):
    assert min(drawn(tmp_path / "trends.png", n, years).shape[1:]) > 600


def test_dates_without_any_landslide_can_be_drawn(tmp_path):
    points = [TrendPoint(datetime.date(year, 1, 1), 0.0, 0.0) for year in (2014, 2015)]
    trends([TrendPanel("number", points, [Span("not assessed")], True)], ["2014", "2015"], tmp_path / "t.png", title="t")
    assert (tmp_path / "t.png").stat().st_size > 5000
