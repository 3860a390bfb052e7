"""The whole way from layers to tables, on a small made-up map whose errors are known."""

import csv
import json

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from shapely.geometry import box

from model_core.arrays.codes import IGNORE
from model_core.arrays.confusion import from_maps
from model_core.arrays.tolerance import perfect_map_f1_at_shift, tolerant_f1
from model_core.contract.errors import InputError, OutputError, UsageError
from model_core.contract.events import Recorder
from model_core.contract.fields import from_dict
from model_core.contract.params.compare import CompareParams
from model_core.contract.params.evaluate import EvaluateParams
from model_core.geo.burn import burn_labels
from model_core.geo.grid import Grid
from model_core.geo.rasters import RasterWriter
from model_core.geo.vectors import PolygonLayer, ReadReport, write_layers
from model_core.stages import compare, evaluate
from model_core.stages.shared.judging import maps as judged_maps
from model_core.stages.shared.judging import pixels as judged_pixels

GRID = Grid("EPSG:32645", Affine(5, 0, 320_000, 0, -5, 3_109_000), 200, 160)


def rectangle(row, col, height, width):
    """A polygon along pixel edges."""
    x, y = GRID.transform * (col, row)
    return box(x, y - 5 * height, x + 5 * width, y)


def layer(*geometries, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(geometries), crs=GRID.crs)


# Rows of the reference: found exactly; half found; in two pieces; missed; two joined; too small; outside.
REFERENCE = layer(
    rectangle(10, 10, 10, 10), rectangle(10, 60, 10, 20), rectangle(50, 10, 6, 30), rectangle(50, 80, 8, 8),
    rectangle(100, 10, 10, 10), rectangle(100, 24, 10, 10), rectangle(30, 30, 2, 2), rectangle(20, 180, 10, 10),
)
MAPPED = layer(
    rectangle(10, 10, 10, 10), rectangle(10, 60, 10, 12), rectangle(50, 10, 6, 12), rectangle(50, 26, 6, 14),
    rectangle(100, 10, 10, 24), rectangle(130, 120, 6, 6), rectangle(20, 181, 10, 10), rectangle(60, 60, 2, 2),
)
SEARCHED = layer(rectangle(0, 0, 160, 170))
BLOCKS = layer(
    rectangle(0, 0, 80, 100), rectangle(0, 100, 80, 20), rectangle(80, 0, 80, 200),
    block=[0, 0, 1], role=["train", "guard", "test"],
)


def as_layer(frame):
    return PolygonLayer(frame, ReadReport(len(frame)))


def label_codes(frame, min_area_m2=200.0):
    return burn_labels(GRID, as_layer(frame), as_layer(SEARCHED), None, min_area_m2)


@pytest.fixture
def study(tmp_path):
    """Layers and a probability raster on disk; nothing is known in the first rows."""
    write_layers(tmp_path / "study.gpkg", {
        "landslides": REFERENCE, "mapped": MAPPED, "searched": SEARCHED, "blocks": BLOCKS})
    probability = np.where(burn_labels(GRID, as_layer(MAPPED)) == 1, 0.8, 0.2).astype(np.float32)
    probability[:3] = np.nan
    with RasterWriter(tmp_path / "probability.tif", GRID, "float32", np.nan) as writer:
        writer.write(probability, 0, 0)
    return tmp_path


def source(study, name):
    return f"{study / 'study.gpkg'}|layername={name}"


def evaluated(study, **values):
    given = {"reference": source(study, "landslides"), "searched": source(study, "searched"),
             "prediction": str(study / "probability.tif"), "out": str(study / "result"), "reference_name": "A. Tracer"}
    report = Recorder()
    result = evaluate.run(from_dict(EvaluateParams, {**given, **values}), report)
    folder = study / "result"
    return result, json.loads((folder / "accuracy.json").read_text()), report, folder


def warnings(report):
    return " ".join(e["message"] for e in report.events if e["event"] == "log" and e["level"] == "warning")


def test_pixels_are_counted_on_searched_and_mapped_ground_only(study):
    _, tables, _, folder = evaluated(study, tile_m=160.0)
    codes = label_codes(REFERENCE)
    codes[:3] = IGNORE
    predicted = np.where(burn_labels(GRID, as_layer(MAPPED)) == 1, 1, 0).astype(np.uint8)
    expected = from_maps(predicted, codes)
    (whole,) = tables["pixels"]
    assert [whole[k] for k in ("tp", "fp", "fn", "tn")] == [expected.tp, expected.fp, expected.fn, expected.tn]
    assert whole["f1"] == pytest.approx(expected.f1, abs=1e-5)
    assert whole["mcc"] == pytest.approx(expected.mcc, abs=1e-5)
    assert whole["intervals_from"] == "30 tiles of 160 m"
    assert whole["f1_low"] < whole["f1"] < whole["f1_high"]
    assert whole["judged_km2"] == pytest.approx(expected.total * 25e-6, rel=1e-3)
    assert whole["f1_within_2_px"] == pytest.approx(tolerant_f1(predicted, codes, 2), abs=1e-5)
    assert whole["f1_without_largest"] != whole["f1"]
    with rasterio.open(folder / "confusion.tif") as confusion:
        classes = confusion.read(1)
        assert confusion.colormap(1)[3] == (54, 54, 64, 255)
    assert np.bincount(classes[classes != 255]).tolist() == [expected.tn, expected.fp, expected.fn, expected.tp]
    assert np.all(classes[:3] == 255)
    assert np.all(classes[:, 170:] == 255)


def test_without_blocks_nothing_is_called_accuracy(study):
    _, tables, report, _ = evaluated(study)
    assert [row["means"] for row in tables["pixels"]] == ["agreement"]
    assert "agreement with A. Tracer, not accuracy" in warnings(report)


def test_only_test_blocks_tell_the_accuracy(study):
    _, tables, report, _ = evaluated(study, blocks=source(study, "blocks"))
    rows = {row["ground"]: row for row in tables["pixels"]}
    assert {name: row["means"] for name, row in rows.items()} == {
        "test blocks": "accuracy", "whole area": "agreement", "block 0": "agreement", "block 1": "accuracy"}
    assert rows["block 0"]["role"] == "train"
    assert "not accuracy" not in warnings(report)
    codes = label_codes(REFERENCE)
    codes[:80] = IGNORE
    predicted = np.where(burn_labels(GRID, as_layer(MAPPED)) == 1, 1, 0).astype(np.uint8)
    expected = from_maps(predicted, codes)
    assert (rows["test blocks"]["tp"], rows["test blocks"]["fp"]) == (expected.tp, expected.fp)
    assert rows["block 1"]["tp"] == rows["test blocks"]["tp"]
    whole = rows["whole area"]["tp"] + rows["whole area"]["fn"]
    # 20 columns of the upper half have no block, and no landslide.
    assert sum(rows[f"block {n}"]["tp"] + rows[f"block {n}"]["fn"] for n in (0, 1)) == whole


def test_objects_get_the_class_of_what_became_of_them(study):
    _, tables, _, folder = evaluated(study, polygons=source(study, "mapped"), blocks=source(study, "blocks"))
    reference = gpd.read_file(folder / "objects.gpkg", layer="reference").sort_values("source_row")
    assert reference["match_class"].tolist() == [
        "one_to_one", "one_to_one", "fragmented", "missed", "amalgamated", "amalgamated", "not_judged"]
    mapped = gpd.read_file(folder / "objects.gpkg", layer="mapped").sort_values("source_row")
    assert mapped["match_class"].tolist() == [
        "one_to_one", "one_to_one", "fragmented", "fragmented", "amalgamated", "false", "not_judged"]
    assert reference["area_m2"].iloc[0] == pytest.approx(2500, rel=1e-3)
    assert mapped["test_share"].tolist() == [0, 0, 0, 0, 1, 1, 0]

    rows = {(r["ground"], r["match"]): r for r in tables["objects"] if r["from_m2"] is None}
    whole = rows["whole area", "linked"]
    assert (whole["reference"], whole["found"], whole["mapped"], whole["right"]) == (6, 5, 6, 5)
    test = rows["test blocks", "linked"]
    assert (test["reference"], test["found"], test["mapped"], test["right"]) == (2, 2, 2, 1)
    # IoU 1, 0.6, 0.4 and 0.47 (pieces), 0.42 (joined).
    strict = rows["whole area", "one to one, IoU >= 0.5"]
    assert (strict["found"], strict["right"]) == (2, 2)


def test_size_classes_add_up(study):
    _, tables, _, folder = evaluated(study, polygons=source(study, "mapped"))
    with (folder / "objects.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["match"] == "linked"]
    assert sum(int(row["found"]) for row in rows if row["from_m2"]) == int(rows[0]["found"]) == 5
    classes = {row["class"]: (row["mapped"], row["reference"]) for row in tables["object_classes"]}
    assert classes == {"one_to_one": (2, 2), "fragmented": (2, 1), "amalgamated": (1, 2), "many_to_many": (0, 0),
                       "missed": (0, 1), "false": (1, 0)}


def test_a_raster_alone_is_outlined_for_its_objects(study):
    _, alone, _, folder = evaluated(study)
    assert sorted(p.name for p in folder.iterdir()) == [
        "accuracy.csv", "accuracy.json", "confusion.tif", "job.json", "objects.csv", "objects.gpkg"]
    mapped = gpd.read_file(folder / "objects.gpkg", layer="mapped")
    assert len(mapped) == 7
    evaluated(study, polygons=source(study, "mapped"), out=str(study / "both"))
    again = json.loads((study / "both" / "accuracy.json").read_text())
    assert alone["objects"] == again["objects"]


def test_polygons_alone_are_judged_like_their_raster(study):
    _, raster, _, _ = evaluated(study)
    result, _, _, _ = evaluated(study, prediction=None, polygons=source(study, "mapped"), out=str(study / "polygons"))
    polygons = json.loads((study / "polygons" / "accuracy.json").read_text())
    a, b = raster["pixels"][0], polygons["pixels"][0]
    assert (a["tp"], a["fn"]) == (b["tp"], b["fn"])
    # The raster still holds the landslide of 100 m² that the polygons lost to the minimum area.
    assert a["fp"] - b["fp"] == 4
    assert result.outputs["accuracy"].endswith("accuracy.json")


def test_a_binary_raster_is_judged_like_the_probabilities(study):
    _, tables, _, _ = evaluated(study)
    classes = np.where(burn_labels(GRID, as_layer(MAPPED)) == 1, 1, 0).astype(np.uint8)
    classes[:3] = 255
    with RasterWriter(study / "binary.tif", GRID, "uint8", 255) as writer:
        writer.write(classes, 0, 0)
    evaluated(study, prediction=str(study / "binary.tif"), out=str(study / "binary"))
    assert json.loads((study / "binary" / "accuracy.json").read_text())["pixels"] == tables["pixels"]


def test_a_binary_raster_whose_zero_is_called_no_data_still_has_background(study):
    classes = np.where(burn_labels(GRID, as_layer(MAPPED)) == 1, 1, 0).astype(np.uint8)
    with RasterWriter(study / "binary.tif", GRID, "uint8", 0) as writer:
        writer.write(classes, 0, 0)
    _, tables, _, _ = evaluated(study, prediction=str(study / "binary.tif"))
    assert tables["pixels"][0]["tn"] > 20_000


def test_windows_of_any_size_give_the_same_numbers(study, monkeypatch):
    _, at_once, _, _ = evaluated(study, blocks=source(study, "blocks"), label_shift_m=12.0)
    for module in (judged_maps, judged_pixels):
        monkeypatch.setattr(module, "READ_PX", 37)
    evaluated(study, blocks=source(study, "blocks"), label_shift_m=12.0, out=str(study / "pieces"))
    pieces = json.loads((study / "pieces" / "accuracy.json").read_text())
    assert pieces == at_once


def test_the_bound_of_a_perfect_map_is_told(study):
    _, tables, _, _ = evaluated(study, label_shift_m=20.0)
    codes = label_codes(REFERENCE)
    bounds = {round(row["shift_px"]): row["f1"] for row in tables["f1_of_a_perfect_map"]}
    assert set(bounds) == {1, 2, 4}
    along = [perfect_map_f1_at_shift(codes, shift) for shift in ((2, 0), (0, 2))]
    assert min(along) <= bounds[2] <= max(along)


def test_ground_that_the_model_learned_from_is_told(study, monkeypatch):
    class Card:
        training_ground = layer(rectangle(0, 0, 160, 85)).to_crs("EPSG:4326").geometry.iloc[0].__geo_interface__

    monkeypatch.setattr(evaluate, "find_model", lambda name: (Card, None))
    _, _, report, _ = evaluated(study, model="any")
    assert "learned from 50% of the judged ground" in warnings(report)
    _, _, report, _ = evaluated(study, model="any", blocks=source(study, "blocks"), out=str(study / "blocks"))
    assert "learned from 50% of the test blocks" in warnings(report)
    tables = json.loads((study / "blocks" / "accuracy.json").read_text())
    assert {row["means"] for row in tables["pixels"]} == {"agreement"}


def test_without_blocks_a_model_that_learned_elsewhere_is_judged_by_accuracy(study, monkeypatch):
    class Card:
        training_ground = layer(rectangle(5000, 0, 6000, 100)).to_crs("EPSG:4326").geometry.iloc[0].__geo_interface__

    monkeypatch.setattr(evaluate, "find_model", lambda name: (Card, None))
    _, tables, report, _ = evaluated(study, model="any")
    assert [row["means"] for row in tables["pixels"]] == ["accuracy"]
    assert "not accuracy" not in warnings(report)


def test_test_blocks_that_the_model_never_saw_stay_accuracy(study, monkeypatch):
    class Card:
        training_ground = layer(rectangle(0, 0, 80, 100)).to_crs("EPSG:4326").geometry.iloc[0].__geo_interface__

    monkeypatch.setattr(evaluate, "find_model", lambda name: (Card, None))
    _, tables, _, _ = evaluated(study, model="any", blocks=source(study, "blocks"))
    assert tables["pixels"][0]["means"] == "accuracy"


def test_the_papers_own_split_is_never_called_accuracy(study):
    write_layers(study / "paper.gpkg", {"blocks": BLOCKS.assign(block=-1)})
    _, tables, report, _ = evaluated(study, blocks=str(study / "paper.gpkg"))
    assert [(row["ground"], row["means"]) for row in tables["pixels"]] == [
        ("test blocks", "agreement"), ("whole area", "agreement")]
    assert "too good" in warnings(report)


def test_the_threshold_is_the_one_noted_in_the_raster(study):
    probability = np.where(burn_labels(GRID, as_layer(MAPPED)) == 1, 0.4, 0.2).astype(np.float32)
    with RasterWriter(study / "noted.tif", GRID, "float32", np.nan, tags={"threshold": "0.35"}) as writer:
        writer.write(probability, 0, 0)
    _, tables, _, _ = evaluated(study, prediction=str(study / "noted.tif"))
    assert tables["pixels"][0]["tp"] > 0
    evaluated(study, prediction=str(study / "noted.tif"), threshold=0.5, out=str(study / "half"))
    assert json.loads((study / "half" / "accuracy.json").read_text())["pixels"][0]["tp"] == 0


def test_a_map_that_was_cut_block_by_block_has_no_threshold_of_its_own(study):
    codes = np.where(burn_labels(GRID, as_layer(MAPPED)) == 1, 1, 0)
    tags = {"threshold": "by block", "thresholds": "block 0: 0.2, block 1: 0.35"}
    probability, binary = study / "oof_probability.tif", study / "oof_binary.tif"
    with RasterWriter(probability, GRID, "float32", np.nan, tags=tags) as writer:
        writer.write(np.where(codes, 0.4, 0.1).astype(np.float32), 0, 0)
    with pytest.raises(InputError, match=r"block 0: 0\.2, block 1: 0\.35") as error:
        judged_maps.RasterMap(probability)
    assert error.value.hint.startswith("Choose its binary raster, or") and "--threshold" in error.value.hint
    with RasterWriter(binary, GRID, "uint8", IGNORE, tags=tags) as writer:
        writer.write(codes.astype(np.uint8), 0, 0)
    with pytest.raises(InputError, match="no single threshold") as error:
        evaluated(study, prediction=str(probability))
    assert f"Choose {binary}, which was cut so" in error.value.hint
    assert judged_maps.observed_by(probability).area.sum() == pytest.approx(160 * 200 * 25)
    _, cut, _, _ = evaluated(study, prediction=str(binary))
    evaluated(study, prediction=str(probability), threshold=0.3, out=str(study / "given"))
    given = json.loads((study / "given" / "accuracy.json").read_text())
    assert given["pixels"] == cut["pixels"] and cut["pixels"][0]["tp"] > 0


def test_hidden_and_tiny_objects_are_judged_by_the_ground_under_them(study):
    frame = layer(rectangle(10, 10, 10, 10), rectangle(10, 10, 10, 10), rectangle(40, 40, 1, 1).buffer(-2.4),
                  rectangle(20, 180, 1, 1).buffer(-2.4))
    write_layers(study / "odd.gpkg", {"landslides": frame})
    evaluated(study, reference=str(study / "odd.gpkg"), min_area_m2=0.0)
    reference = gpd.read_file(study / "result" / "objects.gpkg", layer="reference").sort_values("source_row")
    assert reference["judged_share"].tolist() == [1, 1, 1, 0]


def test_what_cannot_be_judged_is_refused_in_plain_words(study):
    with pytest.raises(InputError, match="holds no blocks of a training"):
        evaluated(study, blocks=source(study, "searched"))
    far = layer(rectangle(5_000, 5_000, 10, 10))
    write_layers(study / "far.gpkg", {"searched": far})
    with pytest.raises(InputError, match="lie apart"):
        evaluated(study, searched=str(study / "far.gpkg"))
    with RasterWriter(study / "height.tif", GRID, "float32", np.nan) as writer:
        writer.write(np.full(GRID.shape, 700.0, np.float32), 0, 0)
    with pytest.raises(InputError, match="neither probabilities"):
        evaluated(study, prediction=str(study / "height.tif"))
    with pytest.raises(UsageError, match="No map is given"):
        evaluated(study, prediction=None)
    assert not list(study.glob("result*"))
    evaluated(study)
    with pytest.raises(OutputError, match="exists"):
        evaluated(study)


def test_two_tracers_are_compared_as_agreement(study):
    params = from_dict(CompareParams, {
        "polygons": source(study, "mapped"), "reference": source(study, "landslides"),
        "searched": source(study, "searched"), "out": str(study / "compared")})
    result = compare.run(params, Recorder())
    tables = json.loads((study / "compared" / "agreement.json").read_text())
    assert [row["means"] for row in tables["pixels"]] == ["agreement"]
    assert tables["reference"] == "landslides"
    codes = label_codes(REFERENCE)
    expected = from_maps(np.where(label_codes(MAPPED) == 1, 1, 0).astype(np.uint8), codes)
    assert tables["pixels"][0]["f1"] == pytest.approx(expected.f1, abs=1e-5)
    assert set(result.outputs) == {"agreement", "agreement_table", "object_table", "objects", "confusion"}
    assert not tables["notes"]


def test_a_layer_agrees_with_itself_wholly(study):
    params = from_dict(CompareParams, {
        "polygons": source(study, "landslides"), "reference": source(study, "landslides"),
        "out": str(study / "compared")})
    report = Recorder()
    compare.run(params, report)
    tables = json.loads((study / "compared" / "agreement.json").read_text())
    (row,) = tables["pixels"]
    assert (row["f1"], row["f1_within_1_px"], row["mcc"]) == (1.0, 1.0, 1.0)
    assert {r["recall"] for r in tables["objects"]} == {1.0, None}
    assert "counts as searched by both" in warnings(report)


def test_layers_in_degrees_are_compared_in_metres(study):
    write_layers(study / "degrees.gpkg", {
        "mapped": MAPPED.to_crs("EPSG:4326"), "landslides": REFERENCE.to_crs("EPSG:4326"),
        "searched": SEARCHED.to_crs("EPSG:4326")})
    tables = []
    for name in ("study", "degrees"):
        path = study / f"{name}.gpkg"
        params = from_dict(CompareParams, {
            "polygons": f"{path}|layername=mapped", "reference": f"{path}|layername=landslides",
            "searched": f"{path}|layername=searched", "out": str(study / f"compared-{name}")})
        compare.run(params, Recorder())
        tables.append(json.loads((study / f"compared-{name}" / "agreement.json").read_text()))
    a, b = (t["pixels"][0] for t in tables)
    assert b["f1"] == pytest.approx(a["f1"], abs=0.02)
    assert tables[0]["object_classes"] == tables[1]["object_classes"]


def test_an_empty_map_misses_everything_and_has_no_precision(study):
    write_layers(study / "empty.gpkg", {"mapped": MAPPED.iloc[:0]})
    _, tables, _, _ = evaluated(study, prediction=None, polygons=str(study / "empty.gpkg"))
    (row,) = tables["pixels"]
    assert (row["precision"], row["recall"], row["f1"]) == (None, 0.0, 0.0)
    assert {r["found"] for r in tables["objects"]} == {0}


@pytest.mark.realdata
def test_a_real_inventory_with_doubled_and_invalid_polygons_agrees_with_itself(shared_data, tmp_path):
    path = f"/vsizip/{shared_data}/inventories/Nepal.zip/Nepal/2015.shp"
    report = Recorder()
    compare.run(from_dict(CompareParams, {"polygons": path, "reference": path, "out": str(tmp_path / "out")}), report)
    tables = json.loads((tmp_path / "out" / "agreement.json").read_text())
    assert tables["pixels"][0]["f1"] == 1.0
    assert all(row["recall"] in (1.0, None) for row in tables["objects"])
    assert {row["class"]: row["reference"] for row in tables["object_classes"]}["missed"] == 0
    (bound,) = [row["f1"] for row in tables["f1_of_a_perfect_map"] if row["shift_px"] == 1]
    assert bound == pytest.approx(0.91, abs=0.02)
