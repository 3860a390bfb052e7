"""From a map to points, from answers to accuracy and area, on a small map whose truth is known."""

import csv
import json
import shutil

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from shapely.geometry import box

from model_core.arrays.check_strata import STRATA, zones
from model_core.arrays.codes import BACKGROUND, IGNORE, LANDSLIDE
from model_core.arrays.confusion import from_maps
from model_core.contract.errors import InputError, OutputError, UsageError
from model_core.geo.check_points import LAYER
from model_core.geo.grid import Grid
from model_core.geo.rasters import RasterWriter
from model_core.geo.vectors import write_layers
from model_core.stages.shared.checking import drawing
from model_core.stages.shared.judging.maps import ground_pixel_m2

from .conftest import do

GRID = Grid("EPSG:32645", Affine(5, 0, 320_000, 0, -5, 3_109_000), 60, 50)
MAPPED = np.full(GRID.shape, BACKGROUND, np.uint8)
MAPPED[10:22, 10:30] = LANDSLIDE
MAPPED[35:41, 40:50] = LANDSLIDE
MAPPED[:, :4] = IGNORE
TRUTH = np.zeros(GRID.shape, bool)
TRUTH[11:22, 12:31] = True
TRUTH[5:9, 45:55] = True


def rectangle(rows, cols):
    return box(320_000 + 5 * cols[0], 3_109_000 - 5 * rows[1], 320_000 + 5 * cols[1], 3_109_000 - 5 * rows[0])


def write_map(path, codes=MAPPED, grid=GRID):
    with RasterWriter(path, grid, "uint8", IGNORE) as writer:
        writer.write(codes, 0, 0)
    return str(path)


@pytest.fixture
def mapped(tmp_path):
    return write_map(tmp_path / "map.tif")


def layer(path, *geometries):
    write_layers(path, {"polygons": gpd.GeoDataFrame(geometry=list(geometries), crs=GRID.crs)})
    return str(path)


def drawn(tmp_path, name="points", **values):
    """Folder, points with their rows and columns, and the zones that the stage saw."""
    result, report = do("check-sample", out=str(tmp_path / name), **values)
    frame = gpd.read_file(result.outputs["points_to_check"], layer=LAYER)
    rows, cols = (3_109_000 - frame["y"].to_numpy()) / 5, (frame["x"].to_numpy() - 320_000) / 5
    with rasterio.open(result.outputs["strata"]) as source:
        seen = source.read(1)
    return tmp_path / name, frame.assign(row=np.floor(rows).astype(int), col=np.floor(cols).astype(int)), seen, result


def answered(folder, frame, answers):
    """A copy of the points with these answers."""
    path = folder.parent / "answered.gpkg"
    shutil.copy(folder / "check_points.gpkg", path)
    gpd.read_file(path, layer=LAYER).assign(answer=answers).to_file(path, layer=LAYER)
    return str(path)


def true_answers(frame):
    return np.where(TRUTH[frame["row"], frame["col"]], "yes", "no").astype(object)


def judged(points, tmp_path):
    result, report = do("check-sample", points=points, out=str(tmp_path / "judged"))
    told = [event["message"] for event in report.events if event["event"] == "log"]
    return json.loads((tmp_path / "judged" / "area_and_accuracy.json").read_text()), result, told


def estimate(report, measure, unsure="left out"):
    return next(row for row in report["estimates"]
                if (row["measure"], row["unsure_counted_as"]) == (measure, unsure))


# -- drawing -------------------------------------------------------------------------------------------------------

def test_points_lie_in_their_strata_and_nowhere_twice(mapped, tmp_path):
    _, frame, seen, result = drawn(tmp_path, prediction=mapped, n_points=400, n_min=50)
    expected = zones(MAPPED, np.zeros_like(TRUTH), 2)
    np.testing.assert_array_equal(seen, expected)
    for name, members in STRATA.items():
        here = frame[frame["stratum"] == name]
        assert np.isin(seen[here["row"], here["col"]], members).all()
    assert not frame.duplicated(["row", "col"]).any()
    assert frame["stratum"].value_counts().to_dict() == {"landslide": 50, "edge": 50, "rest": 300}
    shown = {row["stratum"]: row for row in result.summary["points drawn"]}
    assert shown["edge"]["pixels"] == np.isin(expected, STRATA["edge"]).sum()
    assert shown["edge"]["area [m²]"] == pytest.approx(shown["edge"]["pixels"] * ground_pixel_m2(GRID))


def test_strata_do_not_follow_each_other_in_the_list(mapped, tmp_path):
    _, frame, *_ = drawn(tmp_path, prediction=mapped)
    changes = (frame["stratum"] != frame["stratum"].shift()).sum()
    assert changes > len(frame) / 5


def test_the_seed_decides(mapped, tmp_path):
    one, same, other = (drawn(tmp_path, name, prediction=mapped, seed=seed)[1]
                        for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    assert one.equals(same) and not one.equals(other)


def test_every_pixel_of_a_stratum_has_the_same_chance(mapped, tmp_path):
    hits = np.zeros(GRID.shape)
    for seed in range(15):
        _, frame, seen, _ = drawn(tmp_path, f"run{seed}", prediction=mapped, seed=seed, n_landslide=20, n_min=2)
        inside = frame[frame["stratum"] == "landslide"]
        np.add.at(hits, (inside["row"], inside["col"]), 1)
    counts = hits[np.isin(seen, STRATA["landslide"])]
    chance = 20 / counts.size
    # Binomial: the scatter of the counts over pixels is that of fair draws.
    assert counts.mean() == pytest.approx(15 * chance)
    assert counts.var() == pytest.approx(15 * chance * (1 - chance), rel=0.35)


def test_windows_do_not_matter_to_the_strata(mapped, tmp_path, monkeypatch):
    whole = drawn(tmp_path, "whole", prediction=mapped)
    monkeypatch.setattr(drawing, "READ_PX", 11)  # outlines lie at the rim of windows
    _, frame, seen, result = drawn(tmp_path, "parts", prediction=mapped)
    np.testing.assert_array_equal(seen, whole[2])
    assert result.summary == whole[3].summary
    for name, members in STRATA.items():
        here = frame[frame["stratum"] == name]
        assert np.isin(seen[here["row"], here["col"]], members).all()


def test_polygons_earlier_landslides_ground_to_check_and_gaps_of_the_image(tmp_path):
    image = np.full(GRID.shape, 90, np.uint8)
    image[45:] = IGNORE
    polygons = layer(tmp_path / "now.gpkg", rectangle((10, 22), (10, 30)), rectangle((35, 41), (40, 50)))
    earlier = layer(tmp_path / "earlier.gpkg", rectangle((12, 20), (5, 20)), rectangle((5, 9), (45, 55)))
    searched = layer(tmp_path / "searched.gpkg", rectangle((0, 50), (4, 58)))
    _, frame, seen, _ = drawn(tmp_path, polygons=polygons, grid=write_map(tmp_path / "image.tif", image),
                              earlier=earlier, searched=searched, edge_px=1, n_points=100, n_min=20, n_earlier=30)
    codes = np.where(MAPPED == LANDSLIDE, LANDSLIDE, BACKGROUND).astype(np.uint8)
    codes[45:] = codes[:, :4] = codes[:, 58:] = IGNORE
    before = np.zeros(GRID.shape, bool)
    before[12:20, 5:20] = before[5:9, 45:55] = True
    np.testing.assert_array_equal(seen, zones(codes, before, 1))
    assert (frame["stratum"] == "earlier").sum() == 30


@pytest.mark.parametrize(("words", "kind"), [
    ([], UsageError), (["--prediction", "a.tif", "--points", "b.gpkg"], UsageError),
    (["--polygons", "a.gpkg"], UsageError), (["--prediction", "a.tif"], InputError),
    (["--points", "b.gpkg"], InputError),
])
def test_what_cannot_work_is_refused(refused, words, kind):
    refused(kind, "check-sample", *words)


def test_a_map_in_degrees_is_refused(refused, tmp_path):
    grid = Grid("EPSG:4326", Affine(0.1, 0, 85, 0, -0.1, 30), 60, 50)
    message, _ = refused(InputError, "check-sample", "--prediction", write_map(tmp_path / "degrees.tif", grid=grid))
    assert "not of one size" in message


def test_probabilities_that_were_cut_block_by_block_are_refused(refused, tmp_path):
    path = tmp_path / "oof_probability.tif"
    with RasterWriter(path, GRID, "float32", np.nan, tags={"threshold": "by block"}) as writer:
        writer.write(np.where(MAPPED == LANDSLIDE, 0.4, 0.1).astype(np.float32), 0, 0)
    message, hint = refused(InputError, "check-sample", "--prediction", path)
    assert "no single threshold" in message and "--threshold" in hint


def test_a_map_that_says_nothing_is_refused(refused, tmp_path):
    empty = write_map(tmp_path / "empty.tif", np.full(GRID.shape, IGNORE, np.uint8))
    message, _ = refused(InputError, "check-sample", "--prediction", empty)
    assert "no ground to check" in message


def test_a_map_without_landslide_is_checked_for_omissions_alone(tmp_path):
    nothing = write_map(tmp_path / "none.tif", np.zeros(GRID.shape, np.uint8))
    folder, frame, _, _ = drawn(tmp_path, prediction=nothing, n_points=200)
    assert set(frame["stratum"]) == {"rest"}
    report, *_ = judged(answered(folder, frame, true_answers(frame)), tmp_path)
    assert estimate(report, "users")["value"] is None and estimate(report, "producers")["value"] == 0
    area = estimate(report, "landslide_m2")
    assert area["low"] < TRUTH.sum() * ground_pixel_m2(GRID) < area["high"]


# -- answers -------------------------------------------------------------------------------------------------------

def test_answers_for_every_pixel_give_the_truth_without_error(mapped, tmp_path):
    folder, frame, *_ = drawn(tmp_path, prediction=mapped, n_points=GRID.width * GRID.height)
    report, result, _ = judged(answered(folder, frame, true_answers(frame)), tmp_path)
    known = MAPPED != IGNORE
    codes = np.where(known, TRUTH, IGNORE).astype(np.uint8)
    counts = from_maps(MAPPED, codes)
    for measure, value in [("users", counts.measures()["precision"]), ("producers", counts.measures()["recall"]),
                           ("overall", (counts.tp + counts.tn) / counts.total),
                           ("landslide_m2", TRUTH[known].sum() * ground_pixel_m2(GRID))]:
        row = estimate(report, measure)
        assert row["value"] == row["low"] == row["high"] == pytest.approx(value, abs=0.01 if value > 1 else 1e-5)
    assert report["mapped_m2"] == pytest.approx((MAPPED == LANDSLIDE).sum() * ground_pixel_m2(GRID))
    assert report["checked_m2"] == pytest.approx(known.sum() * ground_pixel_m2(GRID))
    with (tmp_path / "judged" / "area_and_accuracy.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["measure"] for row in rows] == ["users", "producers", "overall", "landslide_m2"]
    assert float(rows[0]["value"]) == estimate(report, "users")["value"]
    assert set(result.outputs) == {"area_and_accuracy", "table"}


def test_intervals_of_samples_hold_the_truth(mapped, tmp_path):
    folder, frame, *_ = drawn(tmp_path, prediction=mapped)
    report, *_ = judged(answered(folder, frame, true_answers(frame)), tmp_path)
    area = estimate(report, "landslide_m2")
    assert area["low"] < TRUTH[MAPPED != IGNORE].sum() * ground_pixel_m2(GRID) < area["high"]
    assert area["value"] - 1.96 * area["standard_error"] == pytest.approx(area["low"], rel=1e-4)


def test_unsure_answers_are_left_out_and_counted_both_ways(mapped, tmp_path):
    folder, frame, *_ = drawn(tmp_path, prediction=mapped)
    answers = true_answers(frame)
    answers[(frame["stratum"] == "edge") & (frame["id"] % 3 == 0)] = "unsure"
    report, result, told = judged(answered(folder, frame, answers), tmp_path)
    low, main, high = (estimate(report, "landslide_m2", unsure)["value"] for unsure in ("no", "left out", "yes"))
    assert low < main < high
    n = (answers == "unsure").sum()
    assert any(f"{n} of {len(frame)} points are unsure ({n} in edge)" in text for text in told)
    table = next(rows for name, rows in result.summary.items() if name.startswith("map: map"))
    assert table[3]["unsure = yes"] == f"{high:,.0f}" and table[3]["unsure = no"] == f"{low:,.0f}"


def test_missing_answers_are_counted(mapped, tmp_path):
    folder, frame, *_ = drawn(tmp_path, prediction=mapped)
    answers = true_answers(frame)
    answers[frame["id"] % 5 == 0] = None
    report, _, told = judged(answered(folder, frame, answers), tmp_path)
    assert sum(row["unanswered"] for row in report["strata"]) == (frame["id"] % 5 == 0).sum()
    assert any("have no answer" in text for text in told)
    for row in report["strata"]:
        assert row["points"] == row["yes"] + row["no"] + row["unsure"] + row["unanswered"]


def test_strata_that_are_all_alike_are_named(mapped, tmp_path):
    folder, frame, *_ = drawn(tmp_path, prediction=mapped, n_rest=100)
    answers = true_answers(frame)
    answers[frame["stratum"] == "rest"] = "no"
    *_, told = judged(answered(folder, frame, answers), tmp_path)
    assert any(text.startswith("All 100 answers in rest are no") and "up to 3.0%" in text for text in told)


def test_a_handful_of_finds_outside_is_named(mapped, tmp_path):
    folder, frame, *_ = drawn(tmp_path, prediction=mapped, n_rest=100)
    answers = true_answers(frame)
    rest = np.flatnonzero(frame["stratum"] == "rest")
    answers[rest], answers[rest[:2]] = "no", "yes"
    *_, told = judged(answered(folder, frame, answers), tmp_path)
    assert any(text.startswith("Only 2 of 100 answers in rest are yes") for text in told)


def test_too_few_answers_say_how_many_are_missing_where(mapped, tmp_path, refused):
    folder, frame, *_ = drawn(tmp_path, prediction=mapped)
    answers = true_answers(frame)
    rest, edge = (np.flatnonzero(frame["stratum"] == name) for name in ("rest", "edge"))
    answers[rest], answers[edge[1:]] = None, "unsure"
    message, _ = refused(InputError, "check-sample", "--points", answered(folder, frame, answers))
    assert message == "Too few points are answered with yes or no: 1 more in edge, 2 more in rest."


def test_answers_in_other_words_are_named(mapped, tmp_path, refused):
    folder, frame, *_ = drawn(tmp_path, prediction=mapped)
    answers = true_answers(frame)
    answers[6] = "maybe"
    message, hint = refused(InputError, "check-sample", "--points", answered(folder, frame, answers))
    assert "'maybe' at id 7" in message and "yes, no or unsure" in hint


def test_results_are_never_overwritten(mapped, tmp_path):
    drawn(tmp_path, prediction=mapped)
    with pytest.raises(OutputError):
        drawn(tmp_path, prediction=mapped)
