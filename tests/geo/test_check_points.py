"""Points to check: what is written comes back, and a file that lost it is refused."""

import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from shapely.geometry import Point

from model_core.contract.errors import InputError
from model_core.geo.check_points import LAYER, SampleDesign, read_points, write_points
from model_core.geo.grid import Grid

GRID = Grid("EPSG:32645", Affine(5, 0, 320_000, 0, -5, 3_109_000), 40, 30)
DESIGN = SampleDesign("karte-ü", [1, 2, 3, 0], [1000, 50, 20, 30, 0], 25.01, 2, 7)


@pytest.fixture
def points(tmp_path):
    path = tmp_path / "check_points.gpkg"
    write_points(path, GRID, np.array([0, 3, 4, 29]), np.array([0, 8, 9, 39]), ["landslide", "edge", "edge", "rest"],
                 DESIGN)
    return path


def fill(path, change):
    """Saves the layer anew, as an analyst's own script would."""
    frame = gpd.read_file(path, layer=LAYER)
    change(frame).to_file(path, layer=LAYER)


def test_points_lie_in_the_centres_of_their_pixels_and_wait_for_answers(points):
    frame = gpd.read_file(points, layer=LAYER)
    assert list(frame.columns) == ["id", "stratum", "answer", "x", "y", "geometry"]
    assert frame["answer"].isna().all() and frame.crs == GRID.crs
    assert frame["id"].tolist() == [1, 2, 3, 4]
    assert frame["stratum"].tolist() == ["landslide", "edge", "edge", "rest"]
    assert frame[["x", "y"]].to_numpy()[[0, 3]].tolist() == [[320_002.5, 3_108_997.5], [320_197.5, 3_108_852.5]]
    assert (frame.geometry.x == frame["x"]).all() and (frame.geometry.y == frame["y"]).all()


def test_the_column_answer_takes_text(points):
    fill(points, lambda frame: frame.assign(answer=["yes", "No ", None, "UNSURE"]))
    design, answers = read_points(str(points))
    assert design == DESIGN
    assert answers == {1: "yes", 2: "no", 3: "", 4: "unsure"}


def test_a_copy_and_the_name_that_qgis_gives_it_serve_as_well(points, tmp_path):
    copy = shutil.copy(points, tmp_path / "done.gpkg")
    assert read_points(f"{copy}|layername={LAYER}") == read_points(str(points))


def test_deleted_and_moved_points_keep_the_others(points):
    fill(points, lambda frame: frame[frame["id"] != 2].sort_values("id", ascending=False).assign(answer="no"))
    assert read_points(str(points))[1] == {1: "no", 3: "no", 4: "no"}


@pytest.mark.parametrize("new_id", [3, 5, 0, None])
def test_points_that_were_not_drawn_are_refused(points, new_id):
    extra = {"id": [new_id], "stratum": ["edge"], "answer": ["yes"]}
    more = gpd.GeoDataFrame(extra, geometry=[Point(320_050, 3_108_950)], crs=GRID.crs)
    fill(points, lambda frame: gpd.GeoDataFrame(pd.concat([frame, more]), crs=GRID.crs))
    with pytest.raises(InputError) as refused:
        read_points(str(points))
    assert refused.value.code == "sample.other-points"


@pytest.mark.parametrize("how", ["exported", "no column", "no file", "text"])
def test_other_files_are_refused(points, tmp_path, how):
    path = tmp_path / "other.gpkg"
    if how == "exported":  # only the features go along, not what the file knows
        gpd.read_file(points, layer=LAYER).to_file(path, layer=LAYER)
    elif how == "no column":
        shutil.copy(points, path)
        fill(path, lambda frame: frame.drop(columns="answer"))
    elif how == "text":
        path.write_text("yes")
    with pytest.raises(InputError) as refused:
        read_points(str(path))
    assert refused.value.code == ("sample.missing" if how == "no file" else "sample.not-points")
    assert refused.value.hint
