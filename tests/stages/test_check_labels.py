import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from scipy import ndimage

from model_core.contract.errors import InputError, UsageError
from model_core.contract.events import Recorder
from model_core.contract.fields import from_dict
from model_core.contract.params.check_labels import CheckLabelsParams
from model_core.stages.check_labels import run

CRS = "EPSG:32645"
LEFT, TOP, PX, SIZE = 320000, 3110000, 5, 400


def ground(left, top, right, bottom):
    """A box in columns and rows of the image."""
    return shapely.box(LEFT + PX * left, TOP - PX * bottom, LEFT + PX * right, TOP - PX * top)


def ellipse(col, row, a, b):
    return shapely.affinity.scale(shapely.Point(LEFT + PX * col, TOP - PX * row).buffer(1), PX * a, PX * b)


@pytest.fixture(scope="module")
def landslides():
    rng = np.random.default_rng(0)
    places = [(40 + 46 * i + rng.uniform(-5, 5), 40 + 46 * j + rng.uniform(-5, 5)) for j in range(8) for i in range(7)]
    return [ellipse(col, row, *rng.uniform(4, 9, 2)) for col, row in places]


@pytest.fixture(scope="module")
def image(landslides, tmp_path_factory):
    """A scene of the landslides but the last, with a strip without data at the right."""
    rng = np.random.default_rng(1)
    transform = Affine(PX, 0, LEFT, 0, -PX, TOP)
    bright = rasterio.features.rasterize(landslides[:-1], (SIZE, SIZE), transform=transform).astype(float)
    bands = [5000 + 900 * ndimage.gaussian_filter(rng.standard_normal(bright.shape), 3)
             + 60 * rng.standard_normal(bright.shape) + 400 * ndimage.gaussian_filter(bright, 0.7) for _ in range(3)]
    values = np.stack(bands).round().astype(np.uint16)
    values[:, :, 390:] = 0
    path = tmp_path_factory.mktemp("scene") / "2015.tif"
    with rasterio.open(path, "w", driver="GTiff", height=SIZE, width=SIZE, count=3, dtype="uint16", crs=CRS,
                       transform=transform, nodata=0) as out:
        out.write(values)
    return path


def saved(path, *geometries, crs=CRS):
    gpd.GeoDataFrame({"id": np.arange(len(geometries))}, geometry=list(geometries), crs=crs).to_file(path)
    return str(path)


def checked(folder, image, **options):
    """Runs the stage; returns its result, the polygons and the summary of the one date."""
    report = Recorder()
    params = from_dict(CheckLabelsParams, {"scene": [str(image)], "bands": ["blue", "green", "red"],
                                           "out": str(folder / "out"), "block_px": 128, **options})
    result = run(params, report)
    frame = pyogrio.read_dataframe(result.outputs["label_check"], layer="label_check")
    (summary,) = json.loads(Path(result.outputs["summary"]).read_text()).values()
    return report, frame, summary


def test_every_fault_is_marked_on_its_polygon(tmp_path, image, landslides):
    bow_tie = shapely.Polygon([(LEFT + PX * x, TOP - PX * y) for x, y in ((3, 3), (11, 11), (11, 3), (3, 11))])
    odd = [bow_tie, landslides[3], ground(60, 15, 61, 16), ground(80, 12, 120, 12.7), ground(385, 200, 400, 210),
           ground(500, 500, 520, 520), landslides[10].buffer(-20).union(landslides[10].buffer(15))]
    drawn = saved(tmp_path / "drawn.gpkg", *landslides, *odd)
    searched = saved(tmp_path / "searched.gpkg", ground(0, 0, 400, 370), crs=CRS)
    _, frame, summary = checked(tmp_path, image, landslides=drawn, searched=searched)
    n = len(landslides)
    marks = frame.set_index("source_row")["marks"].fillna("")
    assert "repaired" in marks[n]
    assert "duplicate" in marks[n + 1] and frame["duplicate_of"][n + 1] == 3
    assert "too_small" in marks[n + 2]
    assert "sliver" in marks[n + 3]
    assert marks[n + 4].startswith("outside_image") and frame["observed_share"][n + 4] == pytest.approx(1 / 3, abs=0.01)
    assert "outside_image, outside_searched" in marks[n + 5]
    assert "overlapping" in marks[n + 6] and "overlapping" in marks[10]
    assert "like_surroundings" in marks[n - 1]  # the image does not show the last one
    assert (marks[:n - 1] == "").mean() > 0.7
    assert summary["marks"]["duplicate"] == summary["marks"]["repaired"] == 1
    assert (summary["read"], summary["polygons"]) == (n + 7, n + 7)


@pytest.mark.parametrize("crs", [CRS, "EPSG:4326"])
def test_labels_3_px_down_and_2_px_left_are_said_to_lie_there(tmp_path, image, landslides, crs):
    moved = gpd.GeoSeries(landslides, crs=CRS).translate(-2 * PX, -3 * PX).to_crs(crs)
    report, _, summary = checked(tmp_path, image, landslides=saved(tmp_path / "moved.gpkg", *moved, crs=crs))
    shift = summary["shift"]
    assert (shift["rows_px"], shift["cols_px"]) == pytest.approx((3, -2), abs=0.3)
    assert (shift["east_m"], shift["north_m"]) == pytest.approx((-10, -15), abs=1.5)
    assert shift["significant"] and shift["rows_error_px"] < 0.3
    assert 0.4 < summary["best_f1_at_shift"] < 0.85
    assert any("beside the image" in event["message"] for event in report.events if event["event"] == "log")


def test_labels_in_place_are_not_complained_about(tmp_path, image, landslides):
    report, _, summary = checked(tmp_path, image, landslides=saved(tmp_path / "a.gpkg", *landslides))
    assert np.hypot(summary["shift"]["rows_px"], summary["shift"]["cols_px"]) < 0.3
    assert not any("beside the image" in event["message"] for event in report.events if event["event"] == "log")
    assert summary["best_f1_at_shift"] > 0.95


def test_labels_of_another_place_have_no_shift(tmp_path, image):
    rng = np.random.default_rng(5)
    elsewhere = [ellipse(*rng.uniform(20, 370, 2), *rng.uniform(4, 9, 2)) for _ in range(40)]
    report, _, summary = checked(tmp_path, image, landslides=saved(tmp_path / "a.gpkg", *elsewhere))
    assert not summary["shift"]["significant"]
    assert summary["best_f1_at_shift"] is None
    assert summary["marks"]["like_surroundings"] > 20
    assert any("No shift could be measured" in event["message"] for event in report.events if event["event"] == "log")


def test_block_shifts_are_arrows_from_image_to_labels(tmp_path, image, landslides):
    moved = gpd.GeoSeries(landslides, crs=CRS).translate(-2 * PX, -3 * PX)
    checked(tmp_path, image, landslides=saved(tmp_path / "moved.gpkg", *moved))
    arrows = pyogrio.read_dataframe(tmp_path / "out" / "label_check.gpkg", layer="label_shift")
    assert len(arrows) == 9  # 400 px in blocks of 128 px; the rim of 16 px holds no outline
    ends = np.array([line.coords for line in arrows.geometry])
    steps = (ends[:, 1] - ends[:, 0])[arrows["significant"]]
    assert len(steps) == 9
    assert np.median(steps, axis=0).tolist() == pytest.approx([-10, -15], abs=2)


def test_a_series_is_checked_date_by_date(tmp_path, image, landslides):
    drawn = saved(tmp_path / "drawn.gpkg", *landslides)
    epoch = {"scenes": [str(image)], "bands": ["blue", "green", "red"], "landslides": drawn}
    epochs = [{"name": "2014", **epoch}, {"name": "2015", **epoch}, {"name": "2016", **epoch, "landslides": None}]
    (tmp_path / "series.json").write_text(json.dumps({"epochs": epochs}))
    result = run(CheckLabelsParams(series=str(tmp_path / "series.json"), out=str(tmp_path / "out")), Recorder())
    frame = pyogrio.read_dataframe(result.outputs["label_check"], layer="label_check")
    assert frame["epoch"].value_counts().to_dict() == {"2014": len(landslides), "2015": len(landslides)}
    assert [row["date"] for row in result.summary["checked landslides"]] == ["2014", "2015"]


def test_inputs_without_landslides_are_refused(tmp_path, image):
    with pytest.raises(UsageError, match="landslides"):
        checked(tmp_path, image)
    empty = saved(tmp_path / "empty.gpkg")
    with pytest.raises(InputError, match="holds no landslide polygon"):
        checked(tmp_path, image, landslides=empty)
    assert not (tmp_path / "out").exists()


def test_blocks_too_small_for_the_search_are_refused(tmp_path, image):
    with pytest.raises(UsageError, match="too small"):
        checked(tmp_path, image, landslides="x.gpkg", block_px=100)


@pytest.mark.realdata
def test_atsuma_labels_lie_about_a_pixel_off_the_later_image_and_nowhere_on_the_earlier(tmp_path, shared_data: Path):
    folder = shared_data / "atsuma"
    inputs = {"landslides": f"{folder}/atsuma_2018.gpkg|layername=landslides",
              "searched": f"{folder}/atsuma_2018.gpkg|layername=mapped_area", "block_px": 256}
    _, _, after = checked(tmp_path, folder / "atsuma_2018_post.tif", **inputs)
    assert after["polygons"] == 762
    assert after["shift"]["significant"]
    assert 3 < after["shift"]["distance_m"] < 12  # pixels of 10 m
    (tmp_path / "before").mkdir()
    _, _, before = checked(tmp_path / "before", folder / "atsuma_2018_pre.tif", **inputs)
    assert not before["shift"]["significant"]
    assert before["marks"]["outside_image"] > 200  # the earlier image is half empty
