import datetime
from itertools import combinations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import Point, box

from model_core.geo.areas import area_m2
from model_core.geo.inventory import COLUMNS, COVERED, DENIED, NOT_DRAWN, ORIGINS, SAME, SMALL, Origin, join

CRS = "EPSG:32645"
X, Y = 320_000, 3_108_000
DAY = datetime.date(2015, 11, 9)


def square(left, bottom, side=100, height=None):
    return box(X + left, Y + bottom, X + left + side, Y + bottom + (height or side))


def layer(stands_for, *geometries, source="layer", **columns):
    frame = gpd.GeoDataFrame({"source_row": np.arange(len(geometries)), **columns}, geometry=list(geometries), crs=CRS)
    return Origin(frame, stands_for, source)


def joined(*layers, min_area_m2=0.0, date=DAY):
    return join(layers, CRS, epoch="2015", date=date, year=2015, min_area_m2=min_area_m2)


def circles(seed, n=40, spread=1500):
    rng = np.random.default_rng(seed)
    centres = np.array([X, Y]) + rng.uniform(0, spread, (n, 2))
    return [Point(*c).buffer(r, quad_segs=4) for c, r in zip(centres, rng.uniform(20, 150, n), strict=True)]


def crowded():
    """Layers of every origin that overlap each other and themselves."""
    return [layer(origin, *circles(seed, 20 if origin == "predicted" else 8), source=origin)
            for seed, origin in enumerate(ORIGINS)]


def total(geometries):
    return area_m2([shapely.union_all(np.asarray(geometries, dtype=object))], CRS)[0]


@pytest.mark.parametrize("min_area_m2", [0.0, 500.0])
def test_all_ground_of_the_sources_is_in_the_inventory_or_told_as_left_out(min_area_m2):
    layers = crowded()
    found = joined(*layers, min_area_m2=min_area_m2)
    given = shapely.union_all([g for one in layers for g in one.frame.geometry])
    kept = shapely.union_all(found.frame.geometry.to_numpy())
    gone = shapely.union_all(found.left_out.geometry.to_numpy())
    assert total([kept, gone]) == pytest.approx(total([given]), rel=1e-6)
    assert total([kept]) == pytest.approx(total([given]) - area_m2([gone.difference(kept)], CRS)[0], rel=1e-6)
    assert (found.count(SMALL) > 0) == (min_area_m2 > 0)


def test_without_predictions_nothing_is_lost():
    layers = crowded()[:-1]
    found = joined(*layers)
    assert found.frame.area.sum() == pytest.approx(
        shapely.union_all([g for one in layers for g in one.frame.geometry]).area, rel=1e-6)


def test_no_ground_stands_twice():
    geometries = joined(*crowded(), min_area_m2=200).frame.geometry
    assert len(geometries) > 30 and geometries.is_valid.all()
    assert max(a.intersection(b).area for a, b in combinations(geometries, 2)) < 1e-6


def test_the_order_of_layers_and_features_does_not_matter():
    rng = np.random.default_rng(5)
    layers = crowded()
    shuffled = [Origin(one.frame.sample(frac=1, random_state=3), one.origin, one.source) for one in layers]
    first, second = joined(*layers), joined(*(shuffled[i] for i in rng.permutation(len(layers))))
    keys = ["source", "source_id"]
    a, b = (found.frame.sort_values(keys).reset_index(drop=True) for found in (first, second))
    assert a[[*keys, "origin", "cut", "area_m2"]].equals(b[[*keys, "origin", "cut", "area_m2"]])
    assert shapely.equals_exact(a.geometry.to_numpy(), b.geometry.to_numpy(), normalize=True).all()


@pytest.mark.parametrize("higher, lower", list(combinations(ORIGINS[:-1], 2)))
def test_the_origin_of_higher_standing_keeps_the_ground(higher, lower):
    small_one, large_one = square(0, 0), square(50, 0, 500)
    found = joined(layer(lower, large_one), layer(higher, small_one)).frame.set_index("origin")
    assert found.loc[higher, "geometry"].equals(small_one) and not found.loc[higher, "cut"]
    assert found.loc[lower, "geometry"].equals(large_one.difference(small_one)) and found.loc[lower, "cut"]


def test_of_two_traced_landslides_the_larger_one_keeps_the_ground_and_it_is_told():
    found = joined(layer("traced", square(0, 0), square(50, 0, 200)))
    areas = dict(zip(found.frame["source_id"], found.frame.area, strict=True))
    assert areas == {"1": pytest.approx(5_000), "2": pytest.approx(40_000)}
    assert found.shared_m2 == {"traced": pytest.approx(5_000, rel=1e-3)}


def test_a_landslide_drawn_twice_stands_once():
    found = joined(layer("traced", square(0, 0), square(0, 0)))
    assert len(found.frame) == 1 and found.count(COVERED) == 1
    assert found.frame["source_id"].tolist() == ["1"]


def test_a_prediction_of_a_traced_landslide_is_left_out_whole():
    outline = square(0, 0, 200)
    same, beside = outline.buffer(20), square(189, 0, 100, 50)  # the second one shares 11 % of itself
    found = joined(layer("traced", outline), layer("predicted", same, beside, square(500, 0)))
    assert found.count(SAME) == 2
    assert found.frame["origin"].tolist() == ["traced", "predicted"]
    assert found.frame.area.sum() == pytest.approx(50_000)


def test_a_prediction_that_shares_less_than_a_tenth_only_loses_that_ground():
    found = joined(layer("traced", square(0, 0, 200)), layer("predicted", square(195, 0)))
    assert found.count(SAME) == 0
    assert found.frame.set_index("origin").area["predicted"] == pytest.approx(9_500)


def test_a_rejected_polygon_takes_away_the_predictions_that_it_touches():
    review = layer("predicted", square(0, 0, 50), source="review", origin=["accepted"], review=["rejected"])
    neighbour = square(50, 0)  # shares an edge with the rejected one, and no ground
    found = joined(review, layer("predicted", square(20, 20), neighbour.difference(square(20, 20)), square(900, 0)))
    assert found.count(DENIED) == 1
    assert sorted(found.frame["source_id"]) == ["2", "3"]
    assert (found.frame["source"] == "layer").all()


def test_a_rejection_takes_no_traced_landslide_away():
    review = layer("predicted", square(0, 0), origin=["predicted"], review=["rejected"])
    assert joined(review, layer("traced", square(0, 0))).frame["origin"].tolist() == ["traced"]


def test_small_pieces_are_left_out_but_not_small_landslides():
    bar = square(0, 40, 100, 20)
    found = joined(layer("traced", bar), layer("imported", square(10, 30, 10, 45), square(500, 0, 5)), min_area_m2=120)
    imported = found.frame[found.frame["origin"] == "imported"]
    assert sorted(imported.area) == pytest.approx([25, 150])  # 10 m x 15 m above the bar; 10 m x 10 m below it is gone
    assert found.left_out.area.tolist() == pytest.approx([100])
    assert found.left_out["why"].tolist() == [SMALL]


def test_a_landslide_that_is_cut_in_two_stays_one():
    found = joined(layer("traced", square(0, 40, 100, 20)), layer("imported", square(40, 0, 20, 100)))
    cut = found.frame[found.frame["origin"] == "imported"]
    assert len(cut) == 1 and len(cut.geometry.iloc[0].geoms) == 2


def test_a_part_that_loses_nothing_stays_with_a_landslide_that_is_large_enough():
    two = shapely.MultiPolygon([square(0, 0, 5), square(40, 0, 20, 100)])
    found = joined(layer("traced", square(0, 40, 100, 20)), layer("imported", two), min_area_m2=500)
    assert found.frame.set_index("origin").area["imported"] == pytest.approx(25 + 800 + 800)


def test_what_is_left_of_a_landslide_must_be_large_enough_together():
    two = shapely.MultiPolygon([square(0, 0, 5), square(40, 35, 20, 30)])
    found = joined(layer("traced", square(0, 40, 100, 20)), layer("imported", two), min_area_m2=200)
    assert found.frame["origin"].tolist() == ["traced"]
    assert found.left_out.area.sum() == pytest.approx(25 + 100 + 100) and found.count(SMALL) == 3


def test_the_columns_tell_where_a_landslide_comes_from():
    found = joined(
        layer("traced", square(0, 0), square(300, 0), source="drawn", id=[7, 9], uncertain=[True, None], date=["2001", ""]),
        layer("predicted", square(600, 0), source="map", prob_mean=[0.8], model_id=["m"], n_pixels=[400]),
    ).frame
    assert tuple(found.columns[: len(COLUMNS)]) == COLUMNS
    by_source = found.set_index(["source", "source_id"])
    assert by_source["uncertain"].to_dict() == {("drawn", "7"): True, ("drawn", "9"): False, ("map", "1"): True}
    assert by_source["reviewed"].to_dict() == {("drawn", "7"): True, ("drawn", "9"): True, ("map", "1"): False}
    assert by_source.loc[("map", "1"), ["prob_mean", "model_id"]].tolist() == [0.8, "m"]
    assert set(found["date"].dt.date) == {DAY} and set(found["year"]) == {2015} and set(found["epoch"]) == {"2015"}
    np.testing.assert_allclose(found["area_m2"], area_m2(found.geometry, CRS))
    assert not found["cut"].any()


def test_landslides_that_were_mapped_on_a_mosaic_keep_the_date_of_their_image():
    own, other = "2015-11-02", "2015-11-14"
    found = joined(
        layer("traced", square(0, 0), date=["1934-01-15"]),  # of whatever happened then
        layer("predicted", square(300, 0), square(600, 0), square(900, 0), date=[own, other, None],
              date_from=[None, own, None], date_to=[None, other, None]),
    ).frame
    dates = found.sort_values(["origin", "source_id"], ascending=[False, True])["date"].dt.date.astype(str).tolist()
    assert dates == ["2015-11-09", own, other, "2015-11-09"]
    assert set(found["year"]) == {2015} and found["date_to"].notna().sum() == 1


@pytest.mark.parametrize("layers", [(), (layer("traced"),), (layer("traced"), layer("predicted"))])
def test_nothing_gives_an_empty_layer_with_all_columns(layers):
    found = joined(*layers, date=None)
    assert len(found.frame) == 0 and len(found.left_out) == 0
    assert set(COLUMNS) <= set(found.frame.columns)
    assert found.frame.crs == CRS and found.left_out.crs == CRS


def test_layers_in_other_coordinate_systems_are_brought_onto_one():
    there = layer("traced", square(0, 0))
    elsewhere = Origin(there.frame.to_crs("EPSG:4326"), "predicted", "map")
    found = joined(there, elsewhere)
    assert found.count(SAME) == 1 and len(found.frame) == 1


def test_predictions_on_searched_ground_that_nobody_drew_are_left_out():
    layers = [layer("traced", square(0, 0)), layer("predicted", square(0, 500), square(5000, 0))]
    searched = gpd.GeoDataFrame(geometry=[square(-1000, -1000, 2000)], crs=CRS)
    found = join(layers, CRS, epoch="2015", date=DAY, year=2015, searched=searched)
    assert sorted(found.frame["origin"]) == ["predicted", "traced"] and found.count(NOT_DRAWN) == 1
    assert found.frame.loc[found.frame["origin"] == "predicted"].total_bounds[0] == X + 5000
