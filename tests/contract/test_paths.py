import os

import pytest

from model_core.contract.paths import absolute, relative


@pytest.mark.parametrize("text", [
    "/vsizip/a.zip/b.tif", "/vsicurl/https://example.org/a.tif", "https://example.org/a.gpkg", "PG:dbname=slides",
    "-",
])
def test_what_only_gdal_understands_or_stands_for_no_file_is_left_alone(tmp_path, text):
    assert absolute(text, tmp_path) == relative(text, tmp_path) == text


def test_a_layer_stays_with_its_file(tmp_path):
    text = absolute("in/slides.gpkg|layername=2015/16", tmp_path)
    assert text == f"{tmp_path}/in/slides.gpkg|layername=2015/16"
    assert relative(text, tmp_path) == "in/slides.gpkg|layername=2015/16"


def test_dots_and_the_home_folder_are_followed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert absolute("../a.tif", tmp_path / "job") == str(tmp_path / "a.tif")
    assert absolute("~/a.tif", tmp_path) == str(tmp_path / "home" / "a.tif")
    assert absolute("~nobody-of-that-name/a.tif", tmp_path) == str(tmp_path / "~nobody-of-that-name" / "a.tif")


@pytest.mark.skipif(os.sep != "/", reason="there backslashes separate anyway")
def test_paths_written_on_windows_are_understood_elsewhere(tmp_path):
    (tmp_path / "odd\\name.tif").touch()
    assert absolute("scenes\\2015\\a.tif", tmp_path) == str(tmp_path / "scenes" / "2015" / "a.tif")
    assert absolute("odd\\name.tif", tmp_path) == str(tmp_path / "odd\\name.tif")
    assert absolute("C:\\data\\a.tif", tmp_path) == "C:\\data\\a.tif"
