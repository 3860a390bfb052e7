import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
from rasterio.features import geometry_mask
from shapely.geometry import box

from model_core import __version__
from model_core.contract.errors import InputError, UsageError
from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.contract.series import read_series
from model_core.stages import study
from model_core.stages.shared.fingerprints import fingerprint

from .conftest import SETTINGS, do


def rows(folder):
    return {(row["date"], row["map"]): row for row in json.loads((folder / "study.json").read_text())["accuracy"]}


def test_every_date_is_mapped_and_judged_where_something_is_drawn(whole):
    out, result, _ = whole
    assert "left out" not in result.summary
    assert sorted(path.name for path in (out / "zero-shot").iterdir()) == ["2014", "2015", "2016"]
    assert set(rows(out)) == {(year, kind) for year in ("2014", "2015", "2016") for kind in ("zero-shot", "pooled")}
    assert {row["means"] for row in rows(out).values()} == {"accuracy"}
    # 2014 was searched, and nothing was found.
    assert rows(out)["2014", "pooled"]["drawn"] == 0 and rows(out)["2014", "pooled"]["recall"] is None


def test_the_table_holds_what_was_drawn(whole, years):
    for year in ("2015", "2016"):
        drawn = gpd.read_file(years / f"landslides_{year}.gpkg")
        row = rows(whole[0])[year, "pooled"]
        assert row["drawn"] == len(drawn)
        assert row["drawn [km²]"] == pytest.approx(drawn.area.sum() / 1e6, rel=0.1)


@pytest.fixture(scope="module")
def layers(whole):
    """The layers of the study's GeoPackage."""
    path = whole[0] / "study.gpkg"
    return {name: gpd.read_file(path, layer=name) for name in gpd.list_layers(path)["name"]}


def test_all_layers_lie_in_one_geopackage_with_their_dates(layers):
    assert set(layers) == {"inventory", "manual", "predicted", "blocks", "statistics", "accuracy", "density_peaks"}
    for name, frame in layers.items():
        assert frame.crs.to_epsg() == 32645 and len(frame), name
        assert (frame["date"].dt.year == frame["year"]).all() and (frame["epoch"] == frame["year"].astype(str)).all(), name
    assert set(layers["manual"]["epoch"]) == {"2015", "2016"}
    found = layers["predicted"].groupby("map")["epoch"].unique().map(set).to_dict()
    assert found.keys() <= {"zero-shot", "pooled"} and found["pooled"] <= {"2014", "2015", "2016"}
    assert set(layers["predicted"].loc[layers["predicted"]["out_of_fold"], "map"]) == {"pooled"}


def test_the_inventory_of_the_study_is_what_was_drawn_and_flagged_predictions(layers):
    frame, drawn = layers["inventory"], layers["manual"]
    traced = frame[frame["origin"] == "traced"]
    assert traced.groupby("epoch").size().to_dict() == drawn.groupby("epoch").size().to_dict()
    predicted = frame[frame["origin"] == "predicted"]
    assert predicted["uncertain"].all() and not traced["uncertain"].any() and predicted["prob_mean"].notna().all()
    for _, date in frame.groupby("epoch"):
        assert date.area.sum() == pytest.approx(date.union_all().area, rel=1e-9)


def test_the_layers_hold_the_numbers_of_the_tables(whole, layers):
    accuracy = layers["accuracy"].set_index(["epoch", "map", "ground"])
    for key, row in rows(whole[0]).items():
        ground = "test blocks" if key[1] == "pooled" else "whole area"
        found = accuracy.loc[(*key, ground), "f1"]
        assert found == pytest.approx(row["F1"]) if row["F1"] is not None else pd.isna(found)
    blocks = layers["blocks"].groupby("epoch").size()
    assert blocks.to_dict() == {"2014": 3, "2015": 3, "2016": 3}
    one = layers["blocks"].set_index(["epoch", "block"]).geometry
    judged = layers["accuracy"][layers["accuracy"]["block"].notna()]
    assert len(judged) and all(row.geometry.equals(one[row.epoch, int(row.block)]) for row in judged.itertuples())
    counted = layers["statistics"].set_index("name")
    for year in ("2015", "2016"):
        assert counted.loc[f"{year} drawn", ["used", "TL"]].tolist() == ["manual", rows(whole[0])[year, "pooled"]["drawn"]]
        areas = layers["inventory"].loc[layers["inventory"]["epoch"] == year, "area_m2"]
        whole_m2 = areas[areas > 199.8].sum()  # statistics leave smaller ones out
        # On observed ground: what was drawn under clouds does not count.
        assert 0.95 * whole_m2 < counted.loc[f"{year} inventory", "TAL_m2"] <= whole_m2 * (1 + 1e-6)
    assert set(layers["density_peaks"]["used"]) == {"manual", "predicted", "inventory"}


def test_every_raster_says_its_unit_what_made_it_and_that_it_is_simulated(whole, years):
    paths = [*whole[0].rglob("*.tif"), *years.glob("*.tif")]
    assert {path.parts[len(whole[0].parts)] for path in whole[0].rglob("*.tif")} == {
        "zero-shot", "pooled", "accuracy", "density"}
    for path in paths:
        with rasterio.open(path) as source:
            tags = source.tags()
            assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG", path
            assert all(source.units) and all(source.descriptions) and tags["unit"] == source.units[0], path
            assert tags["stage"] in ("predict", "fine-tune", "evaluate", "density", "sample"), path
            assert tags["engine"] == __version__ and json.loads(tags["parameters"]), path
            assert tags["remark"].startswith("Simulated:"), path


def test_every_geopackage_says_what_made_it_and_that_it_is_simulated(whole):
    for path in whole[0].rglob("*.gpkg"):
        for layer in gpd.list_layers(path)["name"]:
            made = pyogrio.read_info(path, layer=layer)["dataset_metadata"]
            assert made["remark"].startswith("Simulated:") and made["stage"] and made["engine"] == __version__, path


def test_drawn_and_mapped_landslides_are_counted_and_spread_alike(whole):
    table = json.loads((whole[0] / "statistics" / "statistics.json").read_text())
    assert {"2015 drawn", "2016 drawn", "2015 pooled", "2016 pooled"} <= set(str(table).split("'"))
    radii = {row["radius_m"] for kind in ("drawn", "pooled")
             for row in json.loads((whole[0] / "density" / kind / "density.json").read_text())["densities"] if row["n"]}
    assert len(radii) == 1


def test_the_difference_of_drawn_and_mapped_density_lies_beside_them(whole):
    """All ground of these dates was searched: it is the one raster minus the other."""
    folder = whole[0] / "density"
    assert {path.name for path in folder.glob("*.tif")} == {f"difference_{year}.tif" for year in ("2014", "2015", "2016")}
    for path in folder.glob("*.tif"):
        year = path.stem.removeprefix("difference_")
        with (rasterio.open(path) as source, rasterio.open(folder / "drawn" / f"density_{year}.tif") as drawn,
              rasterio.open(folder / "pooled" / f"density_{year}.tif") as mapped):
            assert (source.transform, source.shape, source.crs) == (drawn.transform, drawn.shape, drawn.crs)
            expected = mapped.read(1) - drawn.read(1)
            np.testing.assert_allclose(source.read(1), expected, atol=1e-4)
            assert np.nanmax(np.abs(expected)) > 0
            tags = source.tags()
            assert tags["difference"] == "mapped - drawn" and tags["date"] == year
            assert tags["n"] == f"{mapped.tags()['n']}, {drawn.tags()['n']}"
            assert tags.keys() >= drawn.tags().keys() - {"layer", "landslides", "radius_from", "n_around"}


def test_a_second_time_nothing_is_done_again(whole, years, three_years):
    out, first, _ = whole
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.tif")}
    result, report = do("study", series=three_years, training=str(years / "training.json"), out=str(out), **SETTINGS)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.tif")} == before
    assert result.summary == first.summary
    assert not [event for event in report.events if event["event"] == "metric"]


def test_labels_drawn_later_change_no_map_of_the_base_model(whole, years, three_years, tmp_path):
    out, _, _ = whole
    copied = shutil.copytree(out, tmp_path / "study")
    maps = {path: path.stat().st_mtime_ns for path in (copied / "zero-shot").rglob("*.tif")}
    labels = years / "landslides_2016.gpkg"
    kept = labels.read_bytes()
    try:
        gpd.read_file(labels).iloc[1:].to_file(labels, layer="landslides")
        do("study", series=three_years, training=str(years / "training.json"), out=str(copied), **{**SETTINGS, "folds": 0})
    finally:
        labels.write_bytes(kept)
    assert {path: path.stat().st_mtime_ns for path in (copied / "zero-shot").rglob("*.tif")} == maps
    assert rows(copied)["2016", "zero-shot"]["drawn"] == rows(out)["2016", "zero-shot"]["drawn"] - 1


def test_one_date_that_fails_does_not_lose_the_others(whole, years, three_years, tmp_path):
    broken = shutil.copytree(years, tmp_path / "sample")
    scene = next(broken.glob("*2016*simulated.tif"))
    scene.write_bytes(scene.read_bytes()[: scene.stat().st_size // 2])
    model = str(whole[0] / "base")
    result, report = do("study", series=str(broken / "three.json"), model=model, out=str(tmp_path / "study"),
                        **{**SETTINGS, "folds": 0})
    assert [row["what"] for row in result.summary["left out"]] == ["2016"], result.summary["left out"]
    assert sorted(path.name for path in (tmp_path / "study" / "zero-shot").iterdir()) == ["2014", "2015"]
    assert set(rows(tmp_path / "study")) == {("2014", "zero-shot"), ("2015", "zero-shot")}
    assert any("2016 is left out" in event.get("message", "") for event in report.events)


@pytest.mark.parametrize("names", [("2015",), ("2015", "2016")])
def test_numbers_are_over_the_observed_ground_of_the_date_whatever_the_comparison_did(whole, years, tmp_path, names):
    """One date cannot be compared, and two cannot of which one shows the west and the other one the east."""
    area = gpd.read_file(years / "area.gpkg")
    left, bottom, right, top = area.total_bounds
    data = json.loads((years / "series.json").read_text())
    epochs = [epoch for epoch in data["epochs"] if epoch["name"] in names]
    for epoch, hidden in zip(epochs, ((0.0, 0.55), (0.45, 1.0)), strict=False):
        west, east = (left + share * (right - left) for share in hidden)
        clouds = tmp_path / f"clouds_{epoch['name']}.gpkg"
        gpd.GeoDataFrame(geometry=[box(west, bottom, east, top)], crs=area.crs).to_file(clouds)
        epoch |= {"scenes": [str(years / scene) for scene in epoch["scenes"]], "unusable": str(clouds),
                  "landslides": str(years / epoch["landslides"]), "searched": str(years / "area.gpkg")}
    (tmp_path / "series.json").write_text(json.dumps({"epochs": epochs, "area": str(years / "area.gpkg")}))
    out = tmp_path / "study"
    result, _ = do("study", series=str(tmp_path / "series.json"), model=str(whole[0] / "base"), out=str(out),
                   **{**SETTINGS, "folds": 0})
    assert [row["what"] for row in result.summary.get("left out", [])] == ["comparison of dates"] * (len(names) - 1)
    counted = json.loads((out / "statistics" / "statistics.json").read_text())["layers"]
    for name in names:
        with rasterio.open(out / "zero-shot" / name / f"{name}_binary.tif") as source:
            inside = geometry_mask(area.to_crs(source.crs).geometry, source.shape, source.transform, invert=True)
            seen_km2 = (inside & (source.read(1) != 255)).sum() * abs(source.transform.determinant) / 1e6
        for kind in ("drawn", "inventory"):
            row = next(row for row in counted if row["name"] == f"{name} {kind}")
            assert row["observed_km2"] == pytest.approx(seen_km2, rel=0.01)
            assert row["number_per_km2"] == pytest.approx(row["TL"] / seen_km2, rel=0.01)
            spread = json.loads((out / "density" / kind / "density.json").read_text())["densities"]
            ground_km2 = next(row["ground_km2"] for row in spread if row["layer"] == name)
            assert ground_km2 == pytest.approx(seen_km2, rel=0.02)


def test_all_problems_are_told_before_anything_is_begun(years, tmp_path):
    data = json.loads((years / "series.json").read_text())
    for epoch in data["epochs"]:
        epoch["scenes"] = [str(years / scene) for scene in epoch["scenes"]]
    data["epochs"][0]["scenes"] = [str(tmp_path / "missing.tif")]
    data["epochs"][1]["landslides"] = str(tmp_path / "missing.gpkg")
    (tmp_path / "series.json").write_text(json.dumps(data))
    job = make_job("study", {"series": str(tmp_path / "series.json"), "training": str(years / "training.json"),
                             "out": str(tmp_path / "study")})
    with pytest.raises(InputError) as error:
        study.run(job.params, Recorder())
    assert len(error.value.details["problems"]) >= 2
    assert "missing.tif" in error.value.message and "missing.gpkg" in error.value.message
    assert not (tmp_path / "study").exists()


def test_a_study_begins_with_a_training_series_or_a_model(three_years):
    for given in ({}, {"training": "a.json", "model": "b"}):
        with pytest.raises(UsageError, match="training series"):
            make_job("study", {"series": three_years, "out": "x", **given})


def test_the_years_of_the_sample_can_be_read(years):
    assert [epoch.name for epoch in read_series(years / "series.json").epochs] == [str(year) for year in range(2013, 2020)]


def again(whole, years, three_years, tmp_path, series=None, **changes):
    """A copy of the study, changed by `changes` of its files, after the same command once more."""
    out = shutil.copytree(whole[0], tmp_path / "study")
    for path, change in changes.items():
        change(out / path)
    result, report = do("study", series=series or three_years, training=str(years / "training.json"), out=str(out),
                        **SETTINGS)
    return out, result, [event.get("message", "") for event in report.events]


def test_layers_that_were_edited_are_kept(whole, years, three_years, tmp_path):
    def edit(path):
        frame = gpd.read_file(path, layer="inventory")
        frame["reviewed"] = False
        frame.to_file(path, layer="inventory")

    out, _, told = again(whole, years, three_years, tmp_path, **{"study.gpkg": edit})
    assert any("is kept as study-edited-1.gpkg" in said for said in told)
    assert not gpd.read_file(out / "study-edited-1.gpkg", layer="inventory")["reviewed"].any()
    assert gpd.read_file(out / "study.gpkg", layer="inventory")["reviewed"].any()


def test_a_result_that_was_deleted_is_made_again(whole, years, three_years, tmp_path):
    gone = "zero-shot/2016/2016_polygons.gpkg"
    out, result, told = again(whole, years, three_years, tmp_path, **{gone: lambda path: path.unlink()})
    assert (out / gone).exists() and "left out" not in result.summary
    assert "zero-shot/2015 is done already." in told and "zero-shot/2016 is done already." not in told


def test_ground_that_the_base_model_knows_is_no_test_ground(whole, three_years, tmp_path):
    model = str(whole[0] / "pooled" / "fold-1")
    do("study", series=three_years, model=model, out=str(tmp_path / "study"), **SETTINGS)
    assert {row["means"] for row in rows(tmp_path / "study").values()} == {"agreement"}


def test_another_remark_makes_results_anew(three_years):
    def made_from():
        return fingerprint(make_job("density", {"series": three_years, "out": "x"}))

    path = Path(three_years)
    before, text = made_from(), path.read_text()
    try:
        path.write_text(json.dumps({**json.loads(text), "remark": "Simulated: another."}))
        assert made_from() != before
    finally:
        path.write_text(text)
