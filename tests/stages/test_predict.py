import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.warp import Resampling, calculate_default_transform, reproject

from model_core.arrays.codes import IGNORE, TEST
from model_core.arrays.confusion import from_maps
from model_core.arrays.windows import cover
from model_core.contract.card import read_card
from model_core.contract.errors import Cancelled, InputError, ModelError
from model_core.contract.events import Recorder
from model_core.contract.job import make_job
from model_core.contract.series import read_series
from model_core.geo.burn import burn_ids
from model_core.geo.rasters import read_grid
from model_core.geo.scenes import SceneStack, describe
from model_core.stages import predict
from model_core.stages.shared.ground import load_grounds
from model_core.stages.shared.mapping import PROBABILITY_STEPS
from model_core.stages.shared.scenes import describe_series, study_grid

from .conftest import do

BANDS = ["blue", "green", "red", "red_edge", "nir"]
COLUMNS = ["id", "area_m2", "perimeter_m", "prob_mean", "prob_min", "date", "model_id", "in_training", "n_pixels"]


def mapped(folder, model, **values):
    """Predicts into a new folder; returns it with the result and what was told."""
    out = folder / f"map-{len(list(folder.iterdir()))}"
    result, report = do("predict", model=str(model), out=str(out), **{"precision": "float32", **values})
    return out, result, report


def raster(folder, name):
    with rasterio.open(folder / f"{name}.tif") as source:
        return source.read(1)


def polygons(folder, name):
    return pyogrio.read_dataframe(folder / f"{name}_polygons.gpkg", layer="predicted")


def warnings_of(report):
    return [event["message"] for event in report.events if event.get("level") == "warning"]


@pytest.fixture(scope="module")
def threshold(plain):
    """One that leaves a few percent of the ground; the network's own, after two training epochs, leaves nearly all."""
    return float(np.nanquantile(raster(plain[0], "2015_probability"), 0.97))


@pytest.fixture(scope="module")
def plain(series, model, tmp_path_factory):
    """A prediction of both dates as it comes: (folder, result, report)."""
    return mapped(tmp_path_factory.mktemp("plain"), model, series=series)


@pytest.fixture(scope="module")
def sparse(series, model, threshold, tmp_path_factory):
    """Folder of a prediction with a few percent of landslides, every object kept."""
    return mapped(tmp_path_factory.mktemp("sparse"), model, series=series, threshold=threshold, min_area_m2=0,
                  min_pixels=1)[0]


@pytest.fixture
def scene(study):
    """Path of the image of 2015."""
    return next(study.glob("*2015*simulated.tif"))


@pytest.fixture
def plain_image(scene, tmp_path):
    """Writes the image of 2015 without metadata, changed at will."""
    def write(name, bands=range(1, 6), change=lambda values: values):
        with rasterio.open(scene) as source:
            profile = {**source.profile, "driver": "GTiff", "count": len(bands), "nodata": 0}
            values = change(source.read(list(bands)))
        path = tmp_path / "images" / f"{name}.tif"
        path.parent.mkdir(exist_ok=True)
        with rasterio.open(path, "w", **profile) as out:
            out.write(values)
        return str(path)

    return write


def test_each_date_leaves_two_rasters_and_polygons(plain, series, model):
    folder, result, _ = plain
    card = read_card(model)
    roles = {f"{role}_{date}" for role in ("probability", "binary", "polygons") for date in ("2014", "2015")}
    assert set(result.outputs) == roles
    assert {path.name for path in folder.iterdir()} == {
        "job.json", *(f"{date}_{name}" for date in ("2014", "2015")
                      for name in ("probability.tif", "binary.tif", "polygons.gpkg"))}
    assert all(str(folder) in path for path in result.outputs.values())
    for date in ("2014", "2015"):
        with rasterio.open(folder / f"{date}_probability.tif") as probability, \
                rasterio.open(folder / f"{date}_binary.tif") as binary:
            for source in (probability, binary):
                assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
                assert source.tags()["model"] == card.name
                assert float(source.tags()["threshold"]) == pytest.approx(card.threshold, rel=1e-5)
            assert (probability.dtypes[0], binary.dtypes[0], binary.nodata) == ("float32", "uint8", IGNORE)
            assert np.isnan(probability.nodata)
            assert (probability.transform, probability.crs) == (binary.transform, binary.crs)
            p, b = probability.read(1), binary.read(1)
        known = np.isfinite(p)
        assert p[known].min() >= 0 and p[known].max() <= 1 and np.ptp(p[known]) > 0.01
        np.testing.assert_array_equal(b, np.where(known, p >= card.threshold, IGNORE))
        frame = polygons(folder, date)
        assert [name for name in frame.columns if name != "geometry"] == COLUMNS
        assert set(frame["model_id"]) == {card.name}
        assert frame["date"].dt.year.unique().tolist() == [int(date)]
    assert [row["date"] for row in result.summary["predicted landslides"]] == ["2014", "2015"]
    assert json.loads((folder / "job.json").read_text())["params"]["series"] == series


def test_a_job_run_twice_gives_the_same_maps(plain, series, model, tmp_path):
    again = mapped(tmp_path, model, series=series)[0]
    for name in ("2014_probability", "2015_binary"):
        np.testing.assert_array_equal(raster(again, name), raster(plain[0], name))


def test_the_summary_says_what_the_layers_hold(sparse, series, model, threshold, tmp_path):
    folder, result, _ = mapped(tmp_path, model, series=series, threshold=threshold)
    row = result.summary["predicted landslides"][1]
    frame, every = polygons(folder, "2015"), polygons(sparse, "2015")
    assert (row["landslides"], row["threshold"]) == (len(frame), threshold)
    assert row["removed as too small"] == len(every) - len(frame) > 0
    assert row["area [m²]"] == pytest.approx(frame["area_m2"].sum())
    observed_px = (raster(folder, "2015_binary") != IGNORE).sum()
    assert row["observed [km²]"] == pytest.approx(observed_px * 25 / 1e6)


def test_a_threshold_of_ones_own_replaces_the_cards(plain, sparse, threshold):
    probability = raster(plain[0], "2015_probability")
    np.testing.assert_array_equal(raster(sparse, "2015_probability"), probability)
    expected = np.where(np.isfinite(probability), probability >= threshold, IGNORE)
    np.testing.assert_array_equal(raster(sparse, "2015_binary"), expected)


def test_polygons_tell_the_pixels_under_them(sparse):
    frame, probability = polygons(sparse, "2015"), raster(sparse, "2015_probability")
    grid = read_grid(sparse / "2015_binary.tif")
    ids = burn_ids(grid, frame)
    np.testing.assert_array_equal(ids > 0, raster(sparse, "2015_binary") == 1)
    for row in np.random.default_rng(0).choice(len(frame), 10, replace=False):
        under = probability[ids == row + 1]
        one = frame.iloc[row]
        assert one["n_pixels"] == len(under)
        assert one["area_m2"] == pytest.approx(25 * len(under), rel=2e-3)
        assert (one["prob_mean"], one["prob_min"]) == pytest.approx((under.mean(), under.min()), rel=1e-6)


@pytest.mark.parametrize(("bounds", "column"), [
    ({"min_area_m2": 500, "min_pixels": 1}, "area_m2"), ({"min_area_m2": 0, "min_pixels": 12}, "n_pixels")])
def test_small_objects_are_left_out_of_the_polygons_alone(sparse, series, model, threshold, tmp_path, bounds, column):
    folder = mapped(tmp_path, model, series=series, threshold=threshold, **bounds)[0]
    frame, every = polygons(folder, "2015"), polygons(sparse, "2015")
    least = max(bounds.values())
    assert 0 < len(frame) < len(every)
    assert len(frame) == (every[column] >= 0.999 * least).sum()
    np.testing.assert_array_equal(raster(folder, "2015_binary"), raster(sparse, "2015_binary"))


def test_ground_without_data_stays_without_data(plain, scene):
    folder = plain[0]
    grid = read_grid(folder / "2015_binary.tif")
    with SceneStack([describe(scene)], grid, BANDS) as stack:
        valid = stack.read(slice(0, grid.height), slice(0, grid.width))[1]
    assert (~valid).any()  # the slanting edge of the swath
    np.testing.assert_array_equal(np.isfinite(raster(folder, "2015_probability")), valid)
    np.testing.assert_array_equal(raster(folder, "2015_binary") != IGNORE, valid)


def test_windows_without_any_data_are_not_computed(scene, model, tmp_path, monkeypatch):
    from model_core.network.inference import Predictor

    calls, compute = [], Predictor.predict
    monkeypatch.setattr(Predictor, "predict", lambda self, images: calls.append(1) or compute(self, images))
    grid = read_grid(scene)
    left, bottom, right, top = grid.bounds
    cloud = gpd.GeoDataFrame(geometry=[shapely.box(left, bottom, left + 0.7 * (right - left), top)], crs=grid.crs)
    cloud.to_file(tmp_path / "cloud.gpkg")
    folder = mapped(tmp_path, model, scene=[str(scene)], unusable=str(tmp_path / "cloud.gpkg"), window_px=64,
                    overlap_px=16)[0]
    seen = np.isfinite(raster(folder, f"{scene.stem}_probability"))
    assert not seen[:, : int(0.7 * 256)].any() and seen[:, 185:].all()
    windows = cover(256, 256, 64, 16)
    prepared = 1
    assert len(calls) - prepared == sum(seen[window].any() for window in windows) < 0.6 * len(windows)


@pytest.fixture
def in_windows(scene, model, tmp_path):
    """Maps the image of 2015 in windows of some size and overlap; also gives the rows and columns of their edges."""
    def predict_in(window_px, overlap_px):
        folder = mapped(tmp_path, model, scene=[str(scene)], window_px=window_px, overlap_px=overlap_px)[0]
        rows = {edge for window in cover(256, 256, window_px, overlap_px) for edge in (window.rows.start, window.rows.stop)}
        return raster(folder, f"{scene.stem}_probability"), sorted(edge for edge in rows if 0 < edge < 256)

    return predict_in


def steps_at(image, edges, whole):
    """Mean step across each edge, in rows and in columns, as a multiple of the step there in the map made in one."""
    return [np.nanmean(np.abs(np.diff(image, axis=axis)).take(edge - 1, axis))
            / np.nanmean(np.abs(np.diff(whole, axis=axis)).take(edge - 1, axis)) for axis in (0, 1) for edge in edges]


def test_windows_leave_no_seam_in_the_map_of_a_real_network(in_windows):
    whole, none = in_windows(256, 0)
    blended, edges = in_windows(96, 32)
    cut, hard_edges = in_windows(64, 0)
    assert not none and len(edges) == 6 and len(hard_edges) == 3
    inner = (slice(32, -32), slice(32, -32))  # where the image ends, a window sees mirrored ground beyond it
    assert np.abs(blended - whole)[inner].mean() < 0.05 * whole[inner].std()
    assert max(steps_at(blended, edges, whole)) < 1.1
    # The measure would notice: without overlap the network's own edges show.
    assert min(steps_at(cut, hard_edges, whole)) > 1.3


def test_a_scene_comes_out_on_its_own_grid(scene, model, tmp_path):
    path = tmp_path / "elsewhere.tif"
    with rasterio.open(scene) as source:
        transform, width, height = calculate_default_transform(source.crs, "EPSG:32646", 256, 256, *source.bounds,
                                                               resolution=6.0)
        with rasterio.open(path, "w", driver="GTiff", width=width, height=height, count=5, dtype="uint16", nodata=0,
                           crs="EPSG:32646", transform=transform) as out:
            for band in range(1, 6):
                reproject(rasterio.band(source, band), rasterio.band(out, band), resampling=Resampling.bilinear)
    folder, _, report = mapped(tmp_path, model, scene=[str(path)], bands=BANDS)
    assert read_grid(folder / "elsewhere_probability.tif") == read_grid(path)
    assert read_grid(folder / "elsewhere_binary.tif") == read_grid(path)
    assert polygons(folder, "elsewhere").crs.to_epsg() == 32646
    assert not any("learned from pixels" in text for text in warnings_of(report))


def test_pixels_outside_the_cards_range_are_a_warning_and_no_refusal(scene, model, tmp_path):
    folder, _, report = mapped(tmp_path, model, scene=[str(scene)], pixel_size_m=20.0)
    assert read_grid(folder / f"{scene.stem}_binary.tif").pixel_size_m == 20.0
    assert any("these are 20 m" in text for text in warnings_of(report))


def test_an_image_that_lacks_a_band_of_the_model_is_refused(plain_image, model, tmp_path):
    three = plain_image("three", [1, 2, 3])
    with pytest.raises(InputError) as refused:
        mapped(tmp_path, model, scene=[three], bands=BANDS[:3])
    assert refused.value.code == "scene.band-missing"
    assert refused.value.details["missing"] == ["red_edge", "nir"]
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_the_order_of_the_bands_in_the_file_does_not_matter(plain_image, model, tmp_path):
    order = [4, 1, 5, 3, 2]
    usual, other = plain_image("usual"), plain_image("other", order)
    one = mapped(tmp_path, model, scene=[usual], bands=BANDS)[0]
    two = mapped(tmp_path, model, scene=[other], bands=[BANDS[band - 1] for band in order])[0]
    np.testing.assert_array_equal(raster(one, "usual_probability"), raster(two, "other_probability"))
    wrong = mapped(tmp_path, model, scene=[other], bands=BANDS)[0]
    assert np.nanmax(np.abs(raster(wrong, "other_probability") - raster(one, "usual_probability"))) > 0.01


def test_scene_wise_scaling_makes_brightness_and_contrast_of_the_whole_scene_irrelevant(plain_image, model, tmp_path):
    usual, bright = plain_image("usual"), plain_image("bright", change=lambda counts: np.where(counts, 3 * counts, 0))
    maps = [raster(mapped(tmp_path, model, scene=[path], bands=BANDS)[0], f"{name}_probability")
            for path, name in ((usual, "usual"), (bright, "bright"))]
    np.testing.assert_allclose(*maps, atol=1.5 / PROBABILITY_STEPS)


def test_predicting_the_training_scene_gives_the_map_that_was_judged_in_training(plain, model, epochs, series):
    study, report = read_series(Path(series)), Recorder()
    dated = describe_series(study, report)
    card = read_card(model)
    grounds = load_grounds(dated, study_grid(dated, study), card.bands, card.scaling, 200.0, report)
    blocks = gpd.read_file(model / "blocks.gpkg", layer="blocks")
    roles = np.where(burn_ids(grounds[0].grid, blocks[blocks["role"] == "test"]), TEST, IGNORE)
    judged = {row["date"]: row for row in json.loads((model / "accuracy.json").read_text())["accuracy"]}
    for ground in grounds:
        counts = from_maps(raster(plain[0], f"{ground.scenes.name}_binary"), ground.codes, roles == TEST)
        told = judged[ground.scenes.name]
        assert counts.total * 25 / 1e6 == pytest.approx(told["ground [km²]"])
        assert [counts.precision, counts.recall, counts.f1] == [told["precision"], told["recall"], told["F1"]]


@pytest.mark.parametrize("option", ["adapt_batch_norm", "tta"])
def test_ways_to_predict_change_the_map_a_little(plain, scene, model, tmp_path, option):
    usual = raster(plain[0], "2015_probability")
    folder = mapped(tmp_path, model, scene=[str(scene)], **{option: True})[0]
    other = raster(folder, f"{scene.stem}_probability")
    np.testing.assert_array_equal(np.isnan(other), np.isnan(usual))
    assert 0 < np.nanmean(np.abs(other - usual)) < 0.2


def test_adapting_to_one_date_leaves_no_trace_on_the_next(series, scene, model, tmp_path):
    both = mapped(tmp_path, model, series=series, adapt_batch_norm=True)[0]
    alone = mapped(tmp_path, model, scene=[str(scene)], adapt_batch_norm=True)[0]
    np.testing.assert_allclose(raster(both, "2015_probability"), raster(alone, f"{scene.stem}_probability"),
                               atol=1.5 / PROBABILITY_STEPS)


def test_smooth_outlines_keep_every_objects_area(series, model, threshold, tmp_path):
    sharp, smooth = (polygons(mapped(tmp_path, model, series=series, threshold=threshold, smooth=smooth)[0], "2015")
                     for smooth in (False, True))
    assert smooth["n_pixels"].tolist() == sharp["n_pixels"].tolist()
    np.testing.assert_allclose(smooth["area_m2"], sharp["area_m2"], rtol=1e-6)
    assert smooth["perimeter_m"].sum() < 0.95 * sharp["perimeter_m"].sum()


def test_objects_are_marked_where_the_model_saw_the_labels(sparse, model):
    frame = polygons(sparse, "2015")
    blocks = gpd.read_file(model / "blocks.gpkg", layer="blocks").dissolve("role").geometry
    # The card's outline is simplified by up to two pixels.
    inside = {role: frame.within(blocks[role].buffer(-15)) for role in blocks.index}
    seen = inside["train"] | inside["validation"]
    assert seen.sum() > 5 and frame.loc[seen, "in_training"].all()
    assert inside["test"].sum() > 5 and not frame.loc[inside["test"], "in_training"].any()


def test_a_model_that_knows_no_training_ground_marks_nothing(series, model, threshold, tmp_path):
    card = json.loads((model / "quick.json").read_text())
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "quick.json").write_text(json.dumps({**card, "geometry": None}))
    (tmp_path / "model" / "quick.weights.h5").write_bytes((model / "quick.weights.h5").read_bytes())
    folder = mapped(tmp_path, tmp_path / "model", series=series, threshold=threshold)[0]
    assert not polygons(folder, "2015")["in_training"].any()


@pytest.mark.parametrize("window", [1, 3])
def test_a_stopped_prediction_leaves_nothing(series, model, tmp_path, window):
    class Stopping(Recorder):
        def cancelled(self):
            return sum(event["event"] == "progress" for event in self.events) >= window

    job = make_job("predict", {"series": series, "model": str(model), "out": str(tmp_path / "map"), "window_px": 128,
                               "precision": "float32"})
    with pytest.raises(Cancelled):
        predict.run(job.params, Stopping())
    assert list(tmp_path.iterdir()) == []


def test_changed_weights_are_refused_before_any_work(series, model, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "quick.json").write_bytes((model / "quick.json").read_bytes())
    (tmp_path / "model" / "quick.weights.h5").write_bytes((model / "quick.weights.h5").read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError) as refused:
        mapped(tmp_path, tmp_path / "model", series=series)
    assert refused.value.code == "weights.checksum"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_date_whose_image_is_damaged_does_not_lose_the_others(study, series, model, tmp_path):
    broken = shutil.copytree(study, tmp_path / "sample")
    scene = next(broken.glob("*2015*simulated.tif"))
    scene.write_bytes(scene.read_bytes()[: scene.stat().st_size // 2])
    out, result, report = mapped(tmp_path, model, series=str(broken / "series.json"))
    assert [row["what"] for row in result.summary["left out"]] == ["2015"]
    assert any("2015 is left out" in said for said in warnings_of(report))
    assert sorted(path.name for path in out.iterdir()) == [
        "2014_binary.tif", "2014_polygons.gpkg", "2014_probability.tif", "job.json"]
    with pytest.raises(InputError, match="damaged"):
        mapped(tmp_path, model, series=str(broken / "series.json"), dates=["2015"])
