import csv
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from model_core.arrays.density import default_radius_m
from model_core.contract.errors import InputError, OutputError, UsageError
from model_core.stages.shared.density import maps

from .conftest import do

CRS = "EPSG:32645"
LEFT, BOTTOM = 320000, 3100000
SIDE_M = 60  # of the square landslides


def saved(path, *geometries, crs=CRS):
    moved = [shapely.affinity.translate(g, LEFT, BOTTOM) for g in geometries]
    gpd.GeoDataFrame(geometry=moved, crs=CRS).to_crs(crs).to_file(path)
    return str(path)


def squares(points):
    return [shapely.box(x - SIDE_M / 2, y - SIDE_M / 2, x + SIDE_M / 2, y + SIDE_M / 2) for x, y in points]


@pytest.fixture(scope="module")
def places():
    """Centres of the landslides of two years, in an area of 3 x 2 km."""
    rng = np.random.default_rng(0)
    return {"2014": rng.uniform((100, 100), (2900, 1900), (40, 2)),
            "2015": np.concatenate([rng.uniform((100, 100), (2900, 1900), (30, 2)), rng.normal((2000, 800), 120, (30, 2))])}


@pytest.fixture(scope="module")
def files(places, tmp_path_factory):
    folder = tmp_path_factory.mktemp("density")
    given = {year: saved(folder / f"{year}.gpkg", *squares(points)) for year, points in places.items()}
    given["area"] = saved(folder / "area.gpkg", shapely.box(0, 0, 3000, 2000))
    given["west"] = saved(folder / "west.gpkg", shapely.box(0, 0, 1500, 2000))
    given["none"] = saved(folder / "none.gpkg")
    given["one"] = saved(folder / "one.gpkg", *squares([(800, 900)]))
    return given


@pytest.fixture
def mapped(tmp_path):
    """Runs the stage; returns rasters by name (values, grid's transform and tags), the rows of the table and its notes."""
    def run(**values):
        out = tmp_path / values.pop("out", "out")
        result, report = do("density", out=str(out), **values)
        assert all(Path(path).is_file() for path in result.outputs.values())
        rasters = {}
        for path in out.glob("*.tif"):
            with rasterio.open(path) as source:
                assert source.dtypes == ("float32",) and np.isnan(source.nodata) and source.tags(ns="IMAGE_STRUCTURE")
                rasters[path.stem] = source.read(1), source.transform, source.tags()
        table = json.loads((out / "density.json").read_text(encoding="utf-8"))
        return rasters, table, result, report

    return run


def total(raster):
    values, transform, _ = raster
    return float(np.nansum(values, dtype=float)) * abs(transform.determinant) / 1e6


def warnings(report):
    return [event["message"] for event in report.events if event.get("level") == "warning"]


# -- what comes out ------------------------------------------------------------------------------------------------

def test_two_years_on_one_grid_with_peaks_table_figures_and_what_made_them(mapped, files, places, tmp_path):
    rasters, table, result, _ = mapped(landslides=[files["2014"], files["2015"]], area=files["area"], radius_m=400)
    first, second, change = (rasters[name] for name in ("density_2014", "density_2015", "change_2014_2015"))
    assert first[1] == second[1] == change[1] and first[0].shape == second[0].shape == change[0].shape
    assert first[1].a == 5 and first[0].shape == (400, 600)  # the largest of 1, 2, 5 ... below 400 / 50
    np.testing.assert_allclose(change[0], second[0] - first[0], atol=1e-5)
    tags = second[2]
    assert (tags["n"], tags["radius_m"], tags["unit"], tags["landslides"]) == (
        "60", "400.000", "landslides per km²", files["2015"])
    assert (tags["kernel"], tags["weight"], tags["position"], tags["edge_correction"]) == (
        "quartic", "number", "centroid", "True")
    assert change[2]["difference"] == "2015 - 2014"

    row = table["densities"][1]
    assert row["peak"] == pytest.approx(np.nanmax(second[0]), rel=1e-5)
    assert np.hypot(row["peak_x"] - LEFT - 2000, row["peak_y"] - BOTTOM - 800) < 120
    assert row["mean"] == pytest.approx(60 / 6, rel=1e-3) and row["ground_km2"] == pytest.approx(6)
    (moved,) = table["changes"]
    assert moved["peak to peak"] == pytest.approx(row["peak"] - table["densities"][0]["peak"], abs=1e-5)
    assert moved["mean"] == pytest.approx(20 / 6, rel=1e-3)
    lines = list(csv.DictReader((tmp_path / "out" / "density.csv").open(encoding="utf-8")))
    assert [line["layer"] for line in lines] == ["2014", "2015"] and float(lines[1]["peak"]) == row["peak"]

    peaks = gpd.read_file(result.outputs["peaks"], layer="density_peaks")
    assert peaks.crs == CRS and peaks["n"].tolist() == [40, 60] and not peaks["few"].any()
    assert peaks.geometry.iloc[1].coords[0] == (row["peak_x"], row["peak_y"])
    with rasterio.open(result.outputs["figure_2015"]) as figure:
        assert figure.driver == "PNG" and min(figure.shape) > 300


def test_what_the_landslides_are_stands_in_table_tags_and_peaks(mapped, files):
    rasters, table, result, _ = mapped(landslides=[files["2014"], files["2015"]], used=["manual", "predicted"],
                                       radius_m=400, pixel_size_m=25)
    assert [row["used"] for row in table["densities"]] == ["manual", "predicted"]
    assert rasters["density_2015"][2]["used"] == "predicted"
    assert gpd.read_file(result.outputs["peaks"])["used"].tolist() == ["manual", "predicted"]
    table = mapped(landslides=[files["2014"], files["2015"]], used=["inventory"], radius_m=400, pixel_size_m=25,
                   out="all")[1]
    assert [row["used"] for row in table["densities"]] == ["inventory", "inventory"]


def test_the_rasters_are_cloud_optimised(files, tmp_path):
    result, _ = do("density", landslides=[files["2014"]], radius_m=300, pixel_size_m=2, out=str(tmp_path / "out"))
    with rasterio.open(result.outputs["density_2014"]) as source:
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG" and source.overviews(1)


def test_without_area_the_map_holds_all_that_landslides_reach(mapped, files):
    rasters, table, _, report = mapped(landslides=[files["2015"]])
    assert total(rasters["density_2015"]) == pytest.approx(60, rel=0.005)
    assert np.isfinite(rasters["density_2015"][0]).all()
    assert any("its mean depends on that" in note for note in table["notes"]) and table["notes"] == warnings(report)[-1:]


def test_the_mapped_density_is_that_of_the_definition(mapped, files, places):
    (values, transform, _), = mapped(landslides=[files["2015"]], radius_m=300, pixel_size_m=50)[0].values()
    rows, cols = np.mgrid[:values.shape[0], :values.shape[1]]
    x, y = transform @ (cols + 0.5, rows + 0.5)
    expected = np.zeros(values.shape)
    for px, py in places["2015"]:
        u = np.hypot(x - LEFT - px, y - BOTTOM - py) / 300
        expected += np.where(u < 1, 3 / (np.pi * 0.3**2) * (1 - u**2) ** 2, 0)
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6 * expected.max())


def test_small_blocks_give_the_same_raster(mapped, files, monkeypatch):
    given = {"landslides": [files["2015"]], "area": files["west"], "observed": [files["area"]], "pixel_size_m": 25}
    whole = mapped(out="whole", **given)[0]["density_2015"][0]
    monkeypatch.setattr(maps, "BLOCK_PX", 23)
    monkeypatch.setattr("model_core.stages.density.BLOCK_PX", 23)
    np.testing.assert_allclose(mapped(out="blocks", **given)[0]["density_2015"][0], whole, rtol=1e-6)


def test_area_as_weight_sums_to_the_area_of_the_landslides(mapped, files):
    rasters, table, *_ = mapped(landslides=[files["2015"]], weight="area", area=files["area"])
    assert total(rasters["density_2015"]) == pytest.approx(60 * SIDE_M**2, rel=0.005)
    assert table["unit"] == "m² of landslide per km²"


def test_a_point_on_a_bent_landslide_instead_of_its_centroid(mapped, tmp_path):
    bent = shapely.Point(1000, 1000).buffer(300).difference(shapely.Point(1080, 1000).buffer(280))
    layer = saved(tmp_path / "bent.gpkg", bent)
    for position, on_it in (("centroid", False), ("point-on-surface", True)):
        row = mapped(landslides=[layer], radius_m=100, position=position, out=position)[1]["densities"][0]
        peak = shapely.Point(row["peak_x"] - LEFT, row["peak_y"] - BOTTOM)
        assert bent.buffer(3).covers(peak) == on_it


def test_layers_in_degrees_and_another_zone_lie_where_they_belong(mapped, files, places, tmp_path):
    far = saved(tmp_path / "2016.gpkg", *squares(places["2015"]), crs="EPSG:32644")
    degrees = saved(tmp_path / "2017.gpkg", *squares(places["2015"]), crs="EPSG:4326")
    rasters, table, *_ = mapped(landslides=[degrees, files["2015"], far], radius_m=400, pixel_size_m=20)
    assert table["crs"] == CRS
    for name in ("change_2017_2015", "change_2015_2016"):
        assert np.abs(rasters[name][0]).max() < 1e-3 * rasters["density_2015"][0].max()


# -- ground --------------------------------------------------------------------------------------------------------

def test_edge_correction_keeps_the_number_that_the_plain_map_loses(mapped, files):
    given = {"landslides": [files["2015"]], "area": files["area"], "radius_m": 600}
    rasters, table, *_ = mapped(**given)
    assert total(rasters["density_2015"]) == pytest.approx(60, rel=1e-5)
    assert table["densities"][0]["sums_to"] == pytest.approx(60, rel=1e-5)
    plain = mapped(edge_correction=False, out="plain", **given)
    assert total(plain[0]["density_2015"]) == pytest.approx(plain[1]["densities"][0]["sums_to"], rel=1e-5)
    assert total(plain[0]["density_2015"]) < 57


def test_landslides_around_the_area_count_where_that_ground_was_observed(mapped, files, places):
    x = places["2015"][:, 0]
    given = {"landslides": [files["2015"]], "area": files["west"], "radius_m": 300}
    _, table, _, report = mapped(**given)
    row = table["densities"][0]
    assert (row["n"], row["n_around"]) == ((x <= 1500).sum(), 0)
    assert f"2015: {(x > 1500).sum()} of 60 landslides lie outside the observed ground" in warnings(report)[0]

    rasters, table, *_ = mapped(observed=[files["area"]], out="observed", **given)
    row = table["densities"][0]
    assert (row["n"], row["n_around"]) == ((x <= 1500).sum(), ((x > 1500) & (x <= 1800)).sum())
    assert row["ground_km2"] == pytest.approx(3)
    everywhere = mapped(landslides=[files["2015"]], area=files["area"], radius_m=300, out="all")[0]["density_2015"]
    west = everywhere[0][:, :rasters["density_2015"][0].shape[1]]
    np.testing.assert_allclose(rasters["density_2015"][0], west, rtol=1e-4, atol=1e-4)


def test_ground_that_was_not_observed_has_no_value_and_no_change(mapped, files):
    rasters, table, *_ = mapped(landslides=[files["2014"], files["2015"]], observed=[files["area"], files["west"]],
                                area=files["area"], radius_m=300, pixel_size_m=20)
    east = np.s_[:, 75:]
    assert np.isfinite(rasters["density_2014"][0]).all()
    for name in ("density_2015", "change_2014_2015"):
        assert np.isnan(rasters[name][0][east]).all() and np.isfinite(rasters[name][0][:, :75]).all()
    assert [row["ground_km2"] for row in table["densities"]] == [6, 3]


@pytest.mark.parametrize("corrected", [True, False])
def test_landslides_on_ground_that_the_other_date_did_not_see_change_nothing_beside_it(mapped, files, tmp_path, corrected):
    old = [(500, 500), (900, 1500), (1300, 1000), (1420, 600)]
    new = [(1510 + 10 * i, 1000) for i in range(10)]
    given = {"landslides": [saved(tmp_path / "a.gpkg", *squares(old)), saved(tmp_path / "b.gpkg", *squares(old + new))],
             "observed": [files["west"], files["area"]], "radius_m": 400, "pixel_size_m": 20,
             "edge_correction": corrected}
    rasters, table, *_ = mapped(area=files["area"], **given)
    assert np.nanmax(rasters["density_b"][0][:, :75]) > np.nanmax(rasters["density_a"][0]) + 1
    np.testing.assert_allclose(rasters["change_a_b"][0][:, :75], 0, atol=1e-6)
    assert rasters["change_a_b"][2]["n"] == "4, 4"
    (row,) = table["changes"]
    assert (row["peak to peak"], row["largest rise"], row["mean"]) == (0, 0, 0)
    assert any("0 landslides of a and 10 of b lie on ground" in note for note in table["notes"])
    # The other way round, and with ground under clouds instead of ground that nobody searched.
    cloud = saved(tmp_path / "cloud.gpkg", shapely.box(1500, 0, 3000, 2000))
    epochs = [{"name": "b", "scenes": ["x.tif"], "landslides": given["landslides"][1]},
              {"name": "a", "scenes": ["x.tif"], "landslides": given["landslides"][0], "unusable": cloud}]
    (tmp_path / "series.json").write_text(json.dumps({"epochs": epochs, "area": files["area"]}))
    rasters, *_ = mapped(series=str(tmp_path / "series.json"), radius_m=400, pixel_size_m=20, out="clouds",
                         edge_correction=corrected)
    np.testing.assert_allclose(rasters["change_b_a"][0][:, :75], 0, atol=1e-6)


def test_the_change_on_common_ground_is_that_of_two_maps_of_it(mapped, files, tmp_path):
    middle = saved(tmp_path / "middle.gpkg", shapely.box(1000, 0, 1500, 2000))
    east = saved(tmp_path / "east.gpkg", shapely.box(1000, 0, 3000, 2000))
    given = {"landslides": [files["2014"], files["2015"]], "radius_m": 400, "pixel_size_m": 20}
    change = mapped(observed=[files["west"], east], area=files["area"], **given)[0]["change_2014_2015"][0]
    alone = mapped(area=middle, out="alone", **given)[0]["change_2014_2015"][0]
    np.testing.assert_allclose(change[:, 50:75], alone, atol=1e-5)
    assert np.isnan(change[:, :50]).all() and np.isnan(change[:, 75:]).all()


def test_a_peak_at_the_border_is_told(mapped, files, tmp_path):
    corner = saved(tmp_path / "corner.gpkg", *squares([(20, 20), (60, 30)]))
    row, = (table := mapped(landslides=[corner], area=files["area"], radius_m=300)[1])["densities"]
    assert 0.25 < row["peak_observed"] < 0.5
    assert any("near the border" in note and "corner (" in note for note in table["notes"])


def test_a_series_brings_landslides_searched_ground_and_clouds(mapped, files, tmp_path):
    cloud = saved(tmp_path / "cloud.gpkg", shapely.box(0, 0, 1000, 1000))
    epochs = [{"name": "before", "scenes": ["x.tif"], "searched": files["west"]},
              {"name": "after", "scenes": ["x.tif"], "landslides": files["2015"], "searched": files["area"], "unusable": cloud},
              {"name": "unknown", "scenes": ["x.tif"]}]
    (tmp_path / "series.json").write_text(json.dumps({"epochs": epochs, "area": files["area"]}))
    rasters, table, *_ = mapped(series=str(tmp_path / "series.json"), radius_m=300, pixel_size_m=20)
    assert [row["layer"] for row in table["densities"]] == ["before", "after"]
    assert [row["ground_km2"] for row in table["densities"]] == [3, 5]
    assert np.nanmax(rasters["density_before"][0]) == 0
    after = table["densities"][1]
    assert after["sums_to"] == pytest.approx(after["n"], rel=1e-4) and after["n"] < 60


# -- radius --------------------------------------------------------------------------------------------------------

def test_one_radius_from_all_years_together_or_one_for_each(mapped, files, places):
    points = [places["2014"], places["2015"]]
    together = mapped(landslides=[files["2014"], files["2015"]], out="together")[1]
    radii = [row["radius_m"] for row in together["densities"]]
    assert radii == pytest.approx([default_radius_m(np.concatenate(points))] * 2, rel=1e-6)
    alone = mapped(landslides=[files["2014"], files["2015"]], common_radius=False, out="alone")[1]
    assert [row["radius_m"] for row in alone["densities"]] == pytest.approx([default_radius_m(p) for p in points], rel=1e-6)
    assert any("its own radius" in note for note in alone["notes"])
    assert not any("its own radius" in note for note in together["notes"])


def test_few_landslides_are_flagged(mapped, tmp_path, places):
    layer = saved(tmp_path / "few.gpkg", *squares(places["2014"][:29]))
    _, table, result, _ = mapped(landslides=[layer])
    assert gpd.read_file(result.outputs["peaks"])["few"].tolist() == [True]
    assert "Fewer than 30 landslides: few (29)." in table["notes"][0]


def test_one_landslide_needs_a_radius(mapped, files):
    with pytest.raises(UsageError, match="1 landslide in the area") as caught:
        mapped(landslides=[files["2014"], files["one"]], common_radius=False)
    assert "--radius-m" in caught.value.hint
    rasters, table, *_ = mapped(landslides=[files["one"]], radius_m=1000, pixel_size_m=10)
    assert table["densities"][0]["peak"] == pytest.approx(0.95493, abs=1e-4)
    assert total(rasters["density_one"]) == pytest.approx(1, rel=1e-4)


def test_no_landslide_is_density_0(mapped, files):
    rasters, table, result, _ = mapped(landslides=[files["none"], files["2015"]], area=files["area"])
    assert not rasters["density_none"][0].any() and rasters["density_none"][2]["n"] == "0"
    assert (table["densities"][0]["peak"], table["densities"][0]["radius_m"]) == (0, None)
    assert gpd.read_file(result.outputs["peaks"])["layer"].tolist() == ["2015"]
    alone = mapped(landslides=[files["none"]], area=files["area"], out="alone")
    assert not alone[0]["density_none"][0].any() and alone[0]["density_none"][1].a == 5  # 2000 m / 250, rounded down
    assert len(gpd.read_file(alone[2].outputs["peaks"])) == 0


def test_progress_only_grows_within_a_part_of_the_work(files, tmp_path):
    _, report = do("density", landslides=[files["2014"], files["2015"]], area=files["area"], out=str(tmp_path / "out"))
    fraction = 0.0
    for event in report.events:
        if event["event"] == "stage":
            fraction = 0.0
        elif event["event"] == "progress":
            assert event["fraction"] >= fraction
            fraction = event["fraction"]


# -- what is refused -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("given", "kind", "said"), [
    ({}, UsageError, "No landslides are given"),
    ({"landslides": ["2014"], "series": "area"}, UsageError, "Both a series file and landslides"),
    ({"landslides": ["2014", "2014"]}, UsageError, "Two layers would be named 2014"),
    ({"landslides": ["2014", "2015"], "names": ["a b", "A_b"]}, UsageError, "Two layers would be named a b"),
    ({"landslides": ["2014", "2015"], "names": ["a"]}, UsageError, "1 entries does not fit 2 layers"),
    ({"series": "area", "names": ["a"]}, UsageError, "does not fit the epochs of a series"),
    ({"landslides": ["2014"], "radius_m": 100, "pixel_size_m": 34}, UsageError, "too large for a radius of 100 m"),
    ({"landslides": ["2014"], "crs": "EPSG:4326"}, UsageError, "does not measure metres"),
    ({"landslides": ["none"]}, InputError, "no polygon"),
    ({"landslides": ["2014"], "area": "none"}, InputError, "no polygon"),
])
def test_options_and_layers_that_do_not_fit(files, tmp_path, given, kind, said):
    values = {name: [files.get(v, v) for v in value] if name == "landslides" else files.get(value, value)
              if isinstance(value, str) and name != "crs" else value for name, value in given.items()}
    with pytest.raises(kind, match=said) as caught:
        do("density", out=str(tmp_path / "out"), **values)
    assert caught.value.hint and not list(tmp_path.iterdir())


def test_a_map_that_no_disk_holds_is_refused_before_the_work(files, tmp_path):
    with pytest.raises(OutputError, match="need about"):
        do("density", landslides=[files["2014"]], radius_m=1e6, pixel_size_m=0.5, out=str(tmp_path / "out"))


# -- the released inventories --------------------------------------------------------------------------------------

GOLDEN = {"2013": (35, 1553, 4.67), "2014": (21, 1188, 2.86), "2015": (98, 1021, 11.60), "2016": (28, 1175, 5.00),
          "2017": (18, 1578, 1.80), "2018": (12, 1265, 2.28), "2019": (24, 1337, 3.80)}


@pytest.mark.realdata
def test_radius_and_peak_of_the_released_nepal_inventories(mapped, shared_data):
    layers = [f"{shared_data}/inventories/Nepal.zip|layername={year}" for year in GOLDEN]
    rasters, table, *_ = mapped(landslides=layers, common_radius=False, edge_correction=False, pixel_size_m=10)
    for row, (year, (n, radius_m, peak)) in zip(table["densities"], GOLDEN.items(), strict=True):
        assert (row["layer"], row["n"], round(row["radius_m"])) == (year, n, radius_m)
        assert row["peak"] == pytest.approx(peak, abs=0.0055)  # two digits, from another program's centroids
        assert total(rasters[f"density_{year}"]) == pytest.approx(n, rel=0.005)


@pytest.mark.realdata
def test_the_largest_released_inventory_sums_to_its_10335_landslides(mapped, shared_data):
    rasters, table, *_ = mapped(landslides=[f"{shared_data}/inventories/China.zip|layername=2009"])
    assert total(rasters["density_2009"]) == pytest.approx(10335, rel=0.005)
    assert table["densities"][0]["n"] == 10335


@pytest.mark.realdata
@pytest.mark.parametrize(("region", "counts"), [
    ("China", {"2009": 10335, "2011": 1552, "2013": 370, "2014": 560, "2017": 140, "2018": 198, "2019": 349, "2021": 414}),
    ("PNG", {"2017": 95, "2018": 1557, "2019": 75, "2020": 5}),
])
def test_the_released_inventories_elsewhere_sum_to_their_landslides(mapped, shared_data, region, counts):
    layers = [f"{shared_data}/inventories/{region}.zip|layername={year}" for year in counts]
    rasters, table, *_ = mapped(landslides=layers, radius_m=1500, pixel_size_m=100)
    assert {row["layer"]: row["n"] for row in table["densities"]} == counts
    for year, n in counts.items():
        assert total(rasters[f"density_{year}"]) == pytest.approx(n, rel=0.005)
