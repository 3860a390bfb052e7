import csv
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from model_core.contract.errors import InputError, UsageError

from .conftest import do

CRS = "EPSG:32645"
X, Y = 320000, 3110000
YEARS = ("2013", "2014", "2015", "2016", "2017", "2018", "2019")
DAYS = ("2013-11-07", "2014-11-30", "2015-11-09", "2016-11-04", "2017-11-12", "2018-10-24", "2019-11-10")


def box(left, bottom, right, top):
    return shapely.box(X + left, Y + bottom, X + right, Y + top)


def squares(n, seed=0, side=30, within=(0, 0, 2000, 2000)):
    """Squares in cells of 50 m, so that no two of them meet, and none crosses the middle of the area."""
    left, bottom, right, top = within
    rng = np.random.default_rng(seed)
    columns = (right - left) // 50
    cells = rng.choice(columns * ((top - bottom) // 50), n, replace=False)
    return [box(x, y, x + side, y + side)
            for x, y in zip(left + 10 + 50 * (cells % columns), bottom + 10 + 50 * (cells // columns), strict=True)]


@pytest.fixture
def saved(tmp_path):
    def save(name, *geometries, crs=CRS):
        path = tmp_path / f"{name}.gpkg"
        gpd.GeoDataFrame({"note": [""] * len(geometries)}, geometry=list(geometries), crs=CRS).to_crs(crs).to_file(path)
        return str(path)

    return save


@pytest.fixture
def area(saved):
    return saved("area", box(0, 0, 2000, 2000))


@pytest.fixture
def compared(tmp_path):
    """Runs the stage: rows of the dates by name and ground, rows of the changes by dates and measure, and the result."""
    def run(out="out", **values):
        if "landslides" in values and "series" not in values:
            values = {"dates": DAYS[:len(values["landslides"])], **values}
        result, report = do("compare-years", out=str(tmp_path / out), **values)
        years, changes = (json.loads(Path(result.outputs[f"{name}_json"]).read_text()) for name in ("years", "changes"))
        run.notes = years["notes"]
        run.told = [event["message"] for event in report.events if event.get("level") == "warning"]
        run.about = years
        return ({(row["name"], row["ground"]): row for row in years["years"]},
                {(row["from"], row["to"], row["measure"]): row for row in changes["changes"]}, result)

    return run


# -- the same ground -----------------------------------------------------------------------------------------------

def test_the_same_landslides_twice_are_no_change(saved, area, compared):
    path = saved("a", *squares(60))
    years, changes, result = compared(landslides=[path, path], names=["2014", "2015"], area=area, used=["manual"])
    for measure in ("TL", "TAL_m2"):
        row = changes["2014", "2015", measure]
        assert (row["difference"], row["low"], row["high"], row["relative"], row["verdict"]) \
            == (0, 0, 0, 0, "no clear change")
        assert row["corrected_difference"] is row["map_error"] is None
    assert years["2014", "common"]["TL"] == years["2015", "own"]["TL"] == 60
    assert years["2014", "common"]["TL_interval"] == years["2014", "common"]["TAL_interval"] == "not assessed"
    assert years["2014", "common"]["interval_reason"] == "No reference tells the error."
    assert {row["used"] for row in years.values()} == {"manual"}
    assert list(changes) == [("2014", "2015", "TL"), ("2014", "2015", "TAL_m2")]
    assert any("blocks of ground, squares of 310 m" in note for note in compared.notes)
    assert any("whole area of interest counts as observed" in note for note in compared.notes)
    assert compared.told == compared.notes
    with rasterio.open(result.outputs["figure"]) as figure:
        assert figure.driver == "PNG" and min(figure.shape) > 500


@pytest.mark.parametrize("kind", ["raster", "polygons"])
def test_a_cloud_over_half_of_one_date_shrinks_the_ground_that_both_share(saved, area, compared, tmp_path, kind):
    west, east = squares(40, within=(0, 0, 1000, 2000)), squares(30, 1, within=(1000, 0, 2000, 2000))
    clear, cloudy = saved("clear", *west, *east), saved("cloudy", *west)
    if kind == "polygons":
        seen = saved("seen", box(0, 0, 1000, 2000))
    else:
        seen = str(tmp_path / "binary.tif")
        values = np.zeros((1, 200, 200), np.uint8)
        values[:, :, 100:] = 255
        with rasterio.open(seen, "w", driver="GTiff", width=200, height=200, count=1, dtype="uint8", crs=CRS, nodata=255,
                           transform=from_origin(X, Y + 2000, 10, 10)) as file:
            file.write(values)
    years, changes, result = compared(landslides=[clear, cloudy], names=["2014", "2015"], area=area,
                                      observed=["-", seen])
    assert [years["2014", ground]["TL"] for ground in ("own", "common")] == [70, 40]
    assert years["2014", "own"]["ground_km2"] == pytest.approx(4, rel=2e-3)
    assert [years[year, "common"]["ground_km2"] for year in ("2014", "2015")] == pytest.approx([2, 2], rel=2e-3)
    assert years["2014", "common"]["number_per_km2"] == pytest.approx(20, rel=2e-3)
    assert years["2014", "common"]["area_density"] == pytest.approx(40 * 900 / 2e6, rel=2e-3)
    row = changes["2014", "2015", "TL"]  # half of the landslides went with the ground, none on the ground that is left
    assert (row["difference"], row["verdict"]) == (0, "no clear change")
    common = pyogrio.read_dataframe(result.outputs["common_ground"], layer="common_ground")
    assert common.geometry.area.sum() == pytest.approx(2e6) and common["share"][0] == pytest.approx(0.5, rel=1e-3)
    blocks = pyogrio.read_dataframe(result.outputs["common_ground"], layer="blocks")
    assert len(blocks) == compared.about["blocks"]["n"] >= 5


def test_landslides_at_the_border_are_counted_by_a_point_clipped_and_flagged(saved, area, compared):
    at_border = box(1990, 500, 2030, 540), box(-10, 500, 30, 540)
    twice = box(500, 510, 540, 550), box(520, 510, 560, 550)
    path = saved("a", *squares(40, within=(0, 1000, 2000, 2000)), *at_border, *twice)
    years, _, _ = compared(landslides=[path, path], names=["2014", "2015"], area=area)
    row = years["2014", "common"]
    assert (row["TL"], row["crossing"]) == (43, 2)
    assert row["TAL_m2"] == pytest.approx(40 * 900 + 10 * 40 + 30 * 40 + 60 * 40, rel=2e-3)
    assert row["counted_twice_m2"] == pytest.approx(20 * 40, rel=2e-3)
    assert row["sum_of_areas_m2"] == pytest.approx(row["TAL_m2"] + row["counted_twice_m2"])


@pytest.mark.parametrize(("right", "said"), [(0, "No ground was observed at all"), (20, "too little to compare")])
def test_dates_that_share_next_to_no_ground_are_refused(saved, compared, right, said):
    grounds = [saved("west", box(-2000, 0, right, 2000)), saved("east", box(0, 0, 2000, 2000))]
    path = saved("a", *squares(20))
    with pytest.raises(InputError, match=said) as refusal:
        compared(landslides=[path, path], names=["2014", "2015"], observed=grounds)
    assert "east shows" not in refusal.value.hint and "shows 4.0" in refusal.value.hint


# -- changes -------------------------------------------------------------------------------------------------------

def test_many_more_landslides_are_more_and_the_table_has_the_numbers_of_the_json(saved, area, compared):
    few, many = saved("a", *squares(40)), saved("b", *squares(200, 1))
    _, changes, result = compared(landslides=[few, many, few], names=["2013", "2014", "2015"], area=area)
    assert [changes[key]["verdict"] for key in changes if key[2] == "TL"] == ["more", "less", "no clear change"]
    row = changes["2013", "2014", "TL"]
    assert row["low"] < row["difference"] == 160 < row["high"] and row["relative"] == 4
    assert changes["2013", "2014", "TAL_m2"]["difference"] == pytest.approx(160 * 900, rel=2e-3)
    lines = list(csv.DictReader(Path(result.outputs["changes"]).read_text(encoding="utf-8").splitlines()))
    assert len(lines) == 6 and float(lines[0]["low"]) == row["low"] and lines[0]["verdict"] == "more"
    assert len(Path(result.outputs["years"]).read_text(encoding="utf-8").splitlines()) == 7


def test_twice_the_time_halves_the_rate(saved, area, compared):
    paths = [saved("a", *squares(40)), saved("b", *squares(100, 1))]
    rows = [compared(out, landslides=paths, names=["x", "y"], dates=["2013-11-07", day], area=area)[1]["x", "y", "TL"]
            for out, day in (("one", "2014-11-07"), ("two", "2015-11-07"))]
    assert [row["years"] for row in rows] == pytest.approx([1, 2], rel=1e-3)
    for key in ("per_year", "per_year_low", "per_year_high"):
        assert rows[0][key] == pytest.approx(2 * rows[1][key])
    assert rows[0]["difference"] == rows[1]["difference"] == 60


def test_dates_are_put_in_the_order_of_time(saved, area, compared):
    paths = [saved("late", *squares(60)), saved("early", *squares(40))]
    _, changes, _ = compared(landslides=paths, dates=["2016-01-01", "2014-01-01"], area=area)
    assert changes["early", "late", "TL"]["difference"] == 20


@pytest.mark.parametrize(("slides", "said"), [(squares(4), "Only 8 landslides at both dates"),
                                              (squares(8, within=(0, 0, 200, 200)), "lie in 1 blocks")])
def test_few_landslides_or_blocks_are_not_assessed(saved, area, compared, slides, said):
    path = saved("a", *slides)
    row = compared(landslides=[path, path], names=["2014", "2015"], area=area)[1]["2014", "2015", "TL"]
    assert row["verdict"] == "not assessed" and said in row["reason"]
    assert row["low"] is row["per_year_low"] is None and row["difference"] == 0
    assert any(said in note for note in compared.told)


# -- maps ----------------------------------------------------------------------------------------------------------

def test_maps_without_reference_are_not_assessed(saved, area, compared):
    few, many = saved("a", *squares(40)), saved("b", *squares(200, 1))
    row = compared(landslides=[few, many], area=area, used=["predicted"])[1]["a", "b", "TL"]
    assert (row["verdict"], row["reason"]) == ("not assessed", "No reference tells the error.")
    assert row["low"] > 0  # what was mapped changed; whether the ground did, nobody knows


def test_a_mapped_change_within_the_maps_error_is_marked_and_a_larger_one_is_not(saved, area, compared):
    drawn = squares(100)
    truth, map_a, map_b = saved("truth", *drawn), saved("map_a", *drawn[:60]), saved("map_b", *drawn[20:])
    years, changes, _ = compared(landslides=[map_a, map_b], reference=[truth, truth], area=area, used=["predicted"])
    row = changes["map_a", "map_b", "TL"]
    assert (row["difference"], row["verdict"]) == (20, "inside the map's error") and row["map_error"] >= 20
    assert row["corrected_difference"] == pytest.approx(0)
    assert row["corrected_low"] < 0 < row["corrected_high"]
    assert years["map_a", "common"]["TL_corrected"] == pytest.approx(100)
    assert years["map_a", "common"]["TL_low"] < 100 < years["map_a", "common"]["TL_high"]

    more = squares(400, 1)
    later, map_c = saved("later", *more), saved("map_c", *more[:300])
    row = compared("more", landslides=[map_a, map_c], reference=[truth, later], area=area)[1]["map_a", "map_c", "TL"]
    assert (row["difference"], row["verdict"]) == (240, "more") and 0 < row["map_error"] < 240


def test_a_reference_on_a_part_of_the_ground_corrects_the_whole(saved, area, compared):
    drawn = squares(300)
    on_part = [slide for slide in drawn if slide.bounds[0] < X + 1000]
    whole, shrunk = saved("whole", *drawn), saved("map", *(slide.buffer(-3, join_style="mitre") for slide in drawn))
    years, _, _ = compared(landslides=[shrunk, whole], reference=[saved("part", *on_part), "-"], area=area,
                           reference_ground=[saved("searched", box(0, 0, 1000, 2000)), "-"], used=["predicted", "manual"])
    row = years["map", "common"]
    assert row["TAL_m2"] == pytest.approx(300 * 24**2, rel=2e-3)
    assert row["TAL_corrected_m2"] == pytest.approx(300 * 900, rel=2e-3)  # the bias is the same everywhere
    assert row["TAL_low_m2"] <= row["TAL_corrected_m2"] <= row["TAL_high_m2"]
    assert row["TAL_interval"].startswith("95 %")
    assert (row["used"], years["whole", "common"]["used"]) == ("predicted", "manual")


# -- series --------------------------------------------------------------------------------------------------------

def test_a_series_gives_dates_masks_searched_ground_and_its_remark(series, compared):
    years, changes, result = compared(series=series)
    (first, second), km2 = (tuple(name for name, ground in years if ground == "common"),
                            compared.about["common_ground"]["km2"])
    assert years[first, "common"]["used"] == "manual" and years[first, "common"]["TL"] == 0
    row = changes[first, second, "TL"]
    assert row["earlier"] == 0 and row["later"] == years[second, "common"]["TL"] > 0 and row["relative"] is None
    assert 0.5 < row["years"] < 3
    # The images end at a slanting edge and have clouds: not all of the square is seen.
    assert 0 < km2 < 1.28**2 and all(years[name, "own"]["ground_km2"] >= km2 for name in (first, second))
    assert compared.about["remark"].startswith("Simulated")


def test_maps_of_a_series_have_its_drawn_landslides_for_reference(series, study, compared):
    slides = str(study / "landslides.gpkg")
    names = [epoch["name"] for epoch in json.loads((study / "series.json").read_text())["epochs"]]
    years, changes, _ = compared(series=series, landslides=[slides, slides], names=names)
    assert {row["used"] for row in years.values()} == {"predicted"}
    assert years[names[1], "common"]["TL_interval"].startswith("95 %")
    low, high = (years[names[1], "common"][key] for key in ("TL_low", "TL_high"))
    assert low == high == pytest.approx(years[names[1], "common"]["TL"])  # a map without error
    # It sees before what came after; what was drawn at both dates tells that there was none.
    assert changes[names[0], names[1], "TL"]["verdict"] == "more"
    assert changes[names[0], names[1], "TL"]["map_error"] > 0


def test_names_choose_dates_of_a_series(series, compared):
    with pytest.raises(UsageError, match="no date named 1999"):
        compared(series=series, names=["1999", "2000"])


# -- input ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("values", "said"), [
    ({"landslides": ["a.gpkg", "b.gpkg"], "area": "x.gpkg", "dates": ["2015-01-01"]}, "with 1 entry does not fit 2"),
    ({"landslides": ["a.gpkg", "b.gpkg"]}, "Nothing tells which ground"),
    ({"landslides": [], "area": "x.gpkg"}, "Landslides .landslides. is missing"),
    ({"series": "s.json", "dates": ["2015-01-01"]}, "with|own dates"),
    ({"series": "s.json", "landslides": ["a.gpkg"]}, "not told apart"),
    ({"landslides": ["a.gpkg", "b.gpkg"], "area": "x.gpkg", "reference_ground": ["g.gpkg"]}, "no reference"),
    ({"landslides": ["a.gpkg", "b.gpkg"], "area": "x.gpkg", "used": ["drawn", "manual"]}, "cannot be 'drawn'"),
])
def test_lists_that_do_not_fit_are_refused(compared, values, said):
    with pytest.raises(UsageError, match=said):
        compared(**values)


@pytest.mark.parametrize(("days", "said"), [(["2015-01-01", "2015-01-01"], "have one date"),
                                            (["2015", "2016-01-01"], "not a date")])
def test_dates_that_are_none_or_the_same_are_refused(saved, area, compared, days, said):
    path = saved("a", *squares(5))
    with pytest.raises(UsageError, match=said):
        compared(landslides=[path, path], names=["x", "y"], dates=days, area=area)


def test_the_command_takes_a_dash_for_what_there_is_not(saved, area, mtl):
    few, many = saved("a", *squares(40)), saved("b", *squares(100, 1))
    code, out, _ = mtl("compare-years", "--landslides", few, many, "--dates", *DAYS[:2], "--area", area,
                       "--reference", "-", few, "--used", "predicted")
    assert code == 0 and "not assessed" in out and "trends.png" in out


# -- real data -----------------------------------------------------------------------------------------------------

@pytest.mark.realdata
def test_the_released_nepal_inventories_keep_their_numbers(shared_data, compared, tmp_path):
    sources = [f"/vsizip/{shared_data}/inventories/Nepal.zip/Nepal/{year}.shp" for year in YEARS]
    frames = [pyogrio.read_dataframe(source) for source in sources]
    hull = shapely.union_all([frame.union_all() for frame in frames]).convex_hull.buffer(1)
    gpd.GeoDataFrame(geometry=[hull], crs=frames[0].crs).to_file(tmp_path / "hull.gpkg")
    years, changes, _ = compared(landslides=sources, dates=DAYS, area=str(tmp_path / "hull.gpkg"), used=["inventory"])
    assert [years[year, "common"]["TL"] for year in YEARS] == [35, 21, 98, 28, 18, 12, 24]
    planar = (452992.3, 59788.7, 1123609.5, 60344.3, 63188.5, 13910.2, 87207.3)
    assert [years[year, "common"]["TAL_m2"] for year in YEARS] == pytest.approx(planar, rel=1e-4)
    assert years["2013", "common"]["ground_km2"] == pytest.approx(32.3, abs=0.1)
    assert changes["2014", "2015", "TL"]["verdict"] == "more" and changes["2015", "2016", "TL"]["verdict"] == "less"
    assert changes["2013", "2019", "TL"]["years"] == pytest.approx(6.007, abs=0.001)


@pytest.mark.realdata
def test_the_total_of_china_2009_counts_ground_once(shared_data, compared, tmp_path):
    sources = [f"/vsizip/{shared_data}/inventories/China.zip/China/{year}.shp" for year in ("2009", "2011")]
    frame = pyogrio.read_dataframe(sources[0])
    gpd.GeoDataFrame(geometry=[shapely.box(*frame.total_bounds).buffer(1000)], crs=frame.crs).to_file(tmp_path / "a.gpkg")
    years, _, _ = compared(landslides=sources, dates=["2009-01-01", "2011-01-01"], area=str(tmp_path / "a.gpkg"),
                           min_area_m2=0)
    assert years["2009", "common"]["TL"] == 10335
    assert years["2009", "common"]["counted_twice_m2"] == pytest.approx(274917, rel=5e-4)
