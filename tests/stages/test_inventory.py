import json
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely
from shapely.geometry import box

from model_core.contract.errors import InputError, UsageError
from model_core.contract.job import make_job
from model_core.contract.jsonfile import read_json

from .conftest import do

CRS = "EPSG:32645"
X, Y = 320_000, 3_108_000


def square(left, bottom, side=100):
    return box(X + left, Y + bottom, X + left + side, Y + bottom + side)


def saved(path, *geometries, **columns):
    gpd.GeoDataFrame(columns, geometry=list(geometries), crs=CRS).to_file(path)
    return str(path)


@pytest.fixture
def given(tmp_path):
    """Two dates: traced in both, mapped in both, reviewed in the second."""
    return {
        "names": ["2015", "2016"],
        "landslides": [saved(tmp_path / "t15.gpkg", square(0, 0)), saved(tmp_path / "t16.gpkg", square(0, 0), square(50, 50))],
        "predictions": [
            saved(tmp_path / f"p{year}.gpkg", square(10, 10), square(500, 0), square(800, 0), date=[f"20{year}-11-09"] * 3,
                  model_id=["m"] * 3, prob_mean=[0.9, 0.8, 0.7]) for year in (15, 16)],
        "reviewed": [saved(tmp_path / "r16.gpkg", square(500, 0), square(810, 10, 20), origin=["accepted", "predicted"],
                           review=["", "rejected"])],
        "reviewed_names": ["2016"],
        "out": str(tmp_path / "out"),
    }


def warnings(report):
    return [event["message"] for event in report.events if event["event"] == "log" and event["level"] == "warning"]


def test_every_date_is_joined_for_itself(given):
    result, report = do("inventory", **given)
    frame = gpd.read_file(result.outputs["inventory"], layer="inventory")
    by_date = frame.groupby("epoch")["origin"].apply(lambda origin: sorted(origin)).to_dict()
    assert by_date == {"2015": ["predicted", "predicted", "traced"], "2016": ["accepted", "traced", "traced"]}
    assert frame.loc[frame["origin"] == "accepted", ["epoch", "year"]].to_numpy().tolist() == [["2016", 2016]]
    assert set(frame["date"].dt.date.astype(str)) == {"2015-11-09", "2016-11-09"}
    assert frame.loc[frame["origin"] == "predicted", "uncertain"].all() and (frame["uncertain"] != frame["reviewed"]).all()
    assert any("2016: traced landslides overlap on 2,50" in text for text in warnings(report)), warnings(report)
    left = gpd.read_file(result.outputs["left_out"])
    assert left.groupby("why").size().to_dict() == {"rejected": 1, "same landslide": 3}
    rows = {row["date"]: row for row in result.summary["inventory"]}
    assert (rows["2016"]["traced"], rows["2016"]["reviewed"], rows["2016"]["predicted"], rows["2016"]["rejected"]) == (2, 1, 0, 1)


def test_the_days_can_be_given(given):
    result, _ = do("inventory", **{**given, "dates": ["2015-01-02", "2016-03-04"]})
    assert set(gpd.read_file(result.outputs["inventory"])["date"].dt.date.astype(str)) == {"2015-01-02", "2016-03-04"}


def test_a_series_brings_dates_and_traced_landslides(study, series, tmp_path):
    result, _ = do("inventory", series=series, out=str(tmp_path / "out"))
    frame = gpd.read_file(result.outputs["inventory"])
    drawn = gpd.read_file(study / "landslides.gpkg")
    assert len(frame) == len(drawn) and (frame["origin"] == "traced").all()
    assert shapely.union_all(frame.geometry.to_numpy()).area == pytest.approx(drawn.union_all().area, rel=1e-6)
    assert set(frame["date"].dt.date.astype(str)) == {"2015-11-09"}
    info = pyogrio.read_info(result.outputs["inventory"], layer="inventory")
    assert info["dtypes"][list(info["fields"]).index("date")] == "datetime64[D]"
    made = info["dataset_metadata"]
    assert "Simulated" in made["remark"] and made["stage"] == "inventory"
    assert json.loads(made["parameters"])["series"] == "series.json"


def test_the_inventory_is_told_from_other_landslides(given):
    found, _ = do("inventory", **given)
    out = given["out"]
    one_date = f"{found.outputs['inventory']}|layername=inventory|subset=epoch = '2016'"
    layers = [one_date, given["predictions"][1], given["landslides"][1]]
    result, _ = do("statistics", landslides=layers, names=["a", "b", "c"], repetitions=0, out=f"{out}-statistics")
    rows = read_json(Path(result.outputs["statistics"]))["layers"]
    assert [row["used"] for row in rows] == ["inventory", "predicted", "not stated"]
    assert [row["TL"] for row in rows] == [3, 3, 2]
    result, _ = do("density", landslides=layers, names=["a", "b", "c"], radius_m=300.0, out=f"{out}-density")
    assert [row["used"] for row in read_json(Path(result.outputs["summary"]))["densities"]] == [
        "inventory", "predicted", "not stated"]


def test_dates_without_any_landslide_give_an_empty_layer(series, epochs, write_series, tmp_path):
    for epoch in epochs:
        epoch.pop("landslides", None)
    result, _ = do("inventory", series=write_series(epochs), crs=CRS, out=str(tmp_path / "out"))
    frame = gpd.read_file(result.outputs["inventory"])
    assert len(frame) == 0 and {"date", "year", "epoch", "origin", "reviewed", "area_m2"} <= set(frame.columns)


@pytest.mark.parametrize("columns, why", [({}, "where its polygons come from"), ({"origin": ["guessed"]}, "guessed"),
                                          ({"origin": [None]}, "nothing")])
def test_a_review_without_a_known_origin_is_refused(given, tmp_path, columns, why):
    given["reviewed"] = [saved(tmp_path / "bad.gpkg", square(0, 0), **{"note": ["x"], **columns})]
    with pytest.raises(InputError, match=why):
        do("inventory", **given)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("changes", [
    {"series": "a.json"}, {"names": []}, {"landslides": ["a.gpkg"]}, {"predicted_names": ["2015"]},
    {"reviewed_names": []}, {"dates": ["2015-01-01"]},
])
def test_layers_that_do_not_fit_the_dates_are_refused(given, changes):
    with pytest.raises(UsageError):
        make_job("inventory", {**given, **changes})


@pytest.mark.parametrize("changes", [{"reviewed_names": ["2017"]}, {"names": ["2015", "2015"]}, {"dates": ["2015", "2016"]}])
def test_unknown_or_double_dates_are_refused(given, changes):
    with pytest.raises(UsageError):
        do("inventory", **{**given, **changes})
