from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity

from model_core.geo.areas import area_m2
from model_core.geo.clipping import clip, ground_of, union_m2
from model_core.geo.vectors import read_polygons

CRS = "EPSG:32645"


def box(left, bottom, right, top):
    return shapely.box(320000 + left, 3110000 + bottom, 320000 + right, 3110000 + top)


def layer(*geometries, crs=CRS):
    return gpd.GeoDataFrame({"source_row": np.arange(len(geometries))}, geometry=list(geometries), crs=CRS).to_crs(crs)


INSIDE, MOSTLY_IN, MOSTLY_OUT = box(10, 10, 30, 30), box(90, 40, 115, 60), box(95, 70, 115, 90)
OUTSIDE, TOUCHING = box(200, 0, 220, 20), box(100, 5, 120, 15)
L_SHAPED = box(80, 96, 100, 120).union(box(100, 96, 120, 100))  # crosses a corner


@pytest.fixture
def ground():
    return layer(box(0, 0, 100, 100))


@pytest.mark.parametrize("crs", [CRS, "EPSG:4326"])
def test_polygons_are_counted_by_a_point_in_them_and_clipped_for_their_area(ground, crs):
    found = clip(layer(INSIDE, MOSTLY_IN, MOSTLY_OUT, OUTSIDE, TOUCHING, crs=crs), ground)
    frame = found.frame
    assert frame["source_row"].tolist() == [0, 1, 2]
    assert found.n_outside == 2
    assert frame["counted"].tolist() == [True, False, False]
    assert frame["crosses_border"].tolist() == [False, True, True]
    assert frame["area_m2"].to_numpy() == pytest.approx([400, 500, 400], rel=2e-3)
    assert frame["area_inside_m2"].to_numpy() == pytest.approx([400, 200, 100], rel=2e-3)
    assert area_m2(found.inside, frame.crs) == pytest.approx(frame["area_inside_m2"].to_numpy(), rel=1e-6)
    assert shapely.area(frame.geometry.to_numpy()).sum() > shapely.area(found.inside).sum()


def test_a_border_that_splits_the_ground_counts_every_polygon_once():
    rng = np.random.default_rng(0)
    slides = layer(*(box(x, y, x + w, y + w) for x, y, w in zip(rng.uniform(0, 80, 60), rng.uniform(0, 80, 60),
                                                              rng.uniform(2, 20, 60), strict=True)))
    west, east = layer(box(0, 0, 47, 100)), layer(box(47, 0, 100, 100))
    parts = [clip(slides, ground) for ground in (west, east)]
    assert sum(int(part.frame["counted"].sum()) for part in parts) == 60
    inside = sum(part.frame["area_inside_m2"].sum() for part in parts)
    assert inside == pytest.approx(area_m2(slides.geometry, CRS).sum(), rel=1e-3)


def test_ground_without_a_border_keeps_everything():
    found = clip(layer(INSIDE, OUTSIDE), None)
    assert found.frame["counted"].all() and not found.frame["crosses_border"].any() and found.n_outside == 0


def test_a_polygon_along_the_border_does_not_cross_it(ground):
    found = clip(layer(box(80, 10, 100.0001, 30)), ground)
    assert not found.frame["crosses_border"].any()


def test_a_cut_along_an_edge_leaves_polygons_only(ground):
    found = clip(layer(L_SHAPED), ground)
    assert {geom.geom_type for geom in found.inside} <= {"Polygon", "MultiPolygon"}
    assert found.frame["area_inside_m2"][0] == pytest.approx(80, rel=2e-3)


def cloudy(side):
    """Ground with a cloud in every square of 100 m, and a landslide on the border of each cloud."""
    corners = [(x, y) for x in range(0, side, 100) for y in range(0, side, 100)]
    clouds = [box(x + 20, y + 30, x + 60, y + 70) for x, y in corners]
    slides = [shapely.affinity.rotate(box(x + 50, y + 40, x + 80, y + 55), (7 * x + y) % 90) for x, y in corners]
    return layer(*slides), ground_of([layer(box(-10, -10, side, side))], [layer(*clouds)])


def test_the_parts_are_those_that_each_polygon_alone_has_with_the_whole_ground():
    slides, ground = cloudy(1000)
    found = clip(slides, ground)
    alone = shapely.intersection(found.frame.geometry.to_numpy(), ground.geometry.iloc[0])
    assert found.frame["crosses_border"].sum() > 90
    assert shapely.equals_exact(shapely.normalize(found.inside), shapely.normalize(alone), 1e-8).all()


def test_the_work_grows_with_the_ground_and_not_with_its_square(monkeypatch):
    """Corners that cuts look at, in all."""
    looked_at, plain = [], shapely.intersection

    def counted(first, second):
        looked_at.append(np.size(first) * shapely.count_coordinates(second))
        return plain(first, second)

    monkeypatch.setattr(shapely, "intersection", counted)
    work = []
    for side in (1000, 2000):
        looked_at.clear()
        clip(*cloudy(side))
        work.append(sum(looked_at))
    assert work[1] < 6 * work[0]


def test_no_polygon_at_all_is_no_fault(ground):
    found = clip(layer(), ground)
    assert len(found.frame) == len(found.inside) == found.n_outside == 0
    assert union_m2(found.inside, CRS) == 0


def test_ground_is_what_all_layers_have_less_what_is_taken_out(ground):
    found = ground_of([ground, layer(box(50, 0, 200, 100), crs="EPSG:4326")], [layer(box(60, 0, 70, 10))])
    assert len(found) == 1
    assert area_m2(found.geometry, found.crs)[0] == pytest.approx(50 * 100 - 100, rel=2e-3)
    assert ground_of([ground, layer(OUTSIDE)], []).is_empty.all()


def test_ground_under_several_polygons_counts_once():
    overlapping = [box(0, 0, 10, 10), box(5, 0, 15, 10), box(7, 0, 12, 10), box(50, 50, 60, 60), box(0, 0, 10, 10)]
    assert union_m2(np.array(overlapping, dtype=object), CRS) == pytest.approx(250, rel=2e-3)


@pytest.mark.realdata
def test_china_2009_counts_274917_m2_twice(shared_data: Path):
    frame = read_polygons(f"/vsizip/{shared_data}/inventories/China.zip/China/2009.shp").frame
    twice = area_m2(frame.geometry, frame.crs).sum() - union_m2(np.asarray(frame.geometry, dtype=object), frame.crs)
    assert twice == pytest.approx(274917, rel=5e-4)  # on the map plane
