import json

import pytest

from mtl_qgis_plugin.engine import door
from mtl_qgis_plugin.engine.job_file import write_job


def test_the_job_stands_beside_the_results_with_the_versions(tmp_path):
    path = write_job("sample", {"out": str(tmp_path / "new" / "Beispiel é")}, tmp_path / "scratch")
    assert path == tmp_path / "new" / "Beispiel é.job.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    assert (data["stage"], data["plugin"], data["engine"]) == ("sample", door.VERSION, door.VERSION)
    assert door.job.read_job(path).params.out == str(tmp_path / "new" / "Beispiel é")
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_stage_without_results_has_its_job_in_the_scratch_folder(tmp_path):
    assert write_job("doctor", {}, tmp_path / "scratch").parent == tmp_path / "scratch"


def test_bad_parameters_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(door.errors.UsageError):
        write_job("sample", {"out": str(tmp_path / "x"), "size_px": 1}, tmp_path)
    with pytest.raises(door.errors.UsageError):
        write_job("nothing", {}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_an_output_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(door.errors.OutputError, match="Choose a folder"):
        write_job("sample", {"out": str(tmp_path / "file" / "x")}, tmp_path)
