import os
import sqlite3

import geopandas as gpd
import shapely

from model_core.geo.content import content_of
from model_core.geo.vectors import write_layers


def layer(path, *squares):
    frame = gpd.GeoDataFrame({"name": list("abc")[: len(squares)]}, geometry=[shapely.box(*s) for s in squares],
                             crs="EPSG:32645")
    write_layers(path, {"landslides": frame})
    return str(path)


def test_time_and_place_do_not_matter_but_content_does(tmp_path):
    one, other = tmp_path / "one.bin", tmp_path / "other.bin"
    one.write_bytes(b"abc")
    other.write_bytes(b"abc")
    os.utime(other, (1, 1))
    assert content_of(str(one)) == content_of(str(other)) != []
    before = content_of(str(one))
    one.write_bytes(b"abd")
    assert content_of(str(one)) != before


def test_a_geopackage_that_was_only_looked_at_is_the_same(tmp_path):
    path = layer(tmp_path / "slides.gpkg", (0, 0, 10, 10))
    before, first_bytes = content_of(path), (tmp_path / "slides.gpkg").read_bytes()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")  # as QGIS does
        database.execute("UPDATE gpkg_contents SET last_change = '2030-01-01T00:00:00.000Z'")
    database.close()
    assert (tmp_path / "slides.gpkg").read_bytes() != first_bytes
    assert content_of(path) == before


def test_a_moved_corner_or_a_further_polygon_changes_a_geopackage(tmp_path):
    first = content_of(layer(tmp_path / "a.gpkg", (0, 0, 10, 10)))
    assert content_of(layer(tmp_path / "b.gpkg", (0, 0, 10, 10))) == first
    assert content_of(layer(tmp_path / "c.gpkg", (0, 0, 10, 11))) != first
    assert content_of(layer(tmp_path / "d.gpkg", (0, 0, 10, 10), (20, 0, 30, 10))) != first


def test_metadata_and_mask_belong_to_a_scene_but_not_what_viewers_leave(tmp_path):
    scene = tmp_path / "1_RE1_3A.tif"
    scene.write_bytes(b"pixels")
    alone = content_of(str(scene))
    (tmp_path / "1_RE1_3A.tif.aux.xml").write_text("statistics")
    assert content_of(str(scene)) == alone
    (tmp_path / "1_RE1_3A_metadata.xml").write_text("sun")
    with_sun = content_of(str(scene))
    (tmp_path / "1_RE1_3A_udm.tif").write_bytes(b"clouds")
    assert len({str(c) for c in (alone, with_sun, content_of(str(scene)))}) == 3


def test_a_missing_file_and_a_broken_geopackage_have_an_answer_too(tmp_path):
    assert content_of(str(tmp_path / "none.tif")) == []
    (tmp_path / "broken.gpkg").write_bytes(b"no database")
    assert len(content_of(str(tmp_path / "broken.gpkg"))) == 1
