import dataclasses
import json

import pytest

from model_core.contract.errors import UsageError
from model_core.contract.job import make_job, read_job, to_json
from model_core.contract.presets import PRESETS


def test_a_job_file_gives_the_same_job_again(tmp_path):
    job = make_job("train", {"scene": ["/data/a.tif"], "landslides": "/data/a.gpkg|layername=2015", "out": "/model",
                             "seed": 7})
    path = tmp_path / "job.json"
    path.write_text(json.dumps(to_json(job, "0")))
    assert read_job(path) == job


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_paths_begin_at_the_job_files_folder_in_any_encoding(tmp_path, monkeypatch, encoding):
    (tmp_path / "bild.tif").touch()
    (tmp_path / "model").mkdir()
    values = {"scene": ["bild.tif", "../höhe/b.tif"], "unusable": "c.gpkg|layername=wolken", "model": "model",
              "out": "karte 1"}
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"stage": "predict", "params": values}, ensure_ascii=False), encoding=encoding)
    monkeypatch.chdir("/")
    params = read_job(path).params
    assert params.scene == (str(tmp_path / "bild.tif"), str(tmp_path.parent / "höhe" / "b.tif"))
    assert params.unusable == f"{tmp_path / 'c.gpkg'}|layername=wolken"
    assert params.model == str(tmp_path / "model")
    assert params.out == str(tmp_path / "karte 1")


def test_a_bundled_model_stays_a_name(tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"stage": "predict", "params": {"scene": ["a"], "model": "atsuma", "out": "x"}}))
    assert read_job(path).params.model == "atsuma"


def test_values_may_take_the_place_of_the_files(tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"stage": "train", "params": {"scene": ["a"], "out": "x"}}))
    params = read_job(path, out="/elsewhere", resume=True).params
    assert (params.out, params.resume) == ("/elsewhere", True)


def test_a_preset_sets_what_is_not_given():
    values = {"scene": ["a.tif"], "out": "model", "preset": "paper", "batch_size": 8}
    params = make_job("train", values).params
    assert params.training_epochs == PRESETS["paper"]["training_epochs"] == 250
    assert params.loss_weights() == (0.3, 0.7)
    assert params.batch_size == 8


def test_the_help_of_a_study_tells_that_the_preset_leaves_fine_tuning_alone():
    values = {"series": "a.json", "model": "m", "out": "o", "preset": "paper"}
    study, alone = (make_job(stage, values).params for stage in ("study", "fine-tune"))
    assert (study.fine_tuning_epochs, study.fine_tuning_rate) == (60, 3e-4)
    assert (alone.training_epochs, alone.learning_rate) == (250, 1e-3)
    said = next(field.metadata["help"] for field in dataclasses.fields(study) if field.name == "preset")
    assert "60 training epochs at 3e-4" in said and "250 at 1e-3" in said


def test_the_papers_own_split_is_only_in_paper_exact():
    splits = {name: make_job("train", {"scene": ["a"], "out": "m", "preset": name}).params.split for name in PRESETS}
    assert splits == {"recommended": "blocks", "paper": "blocks", "paper-exact": "paper"}


@pytest.mark.parametrize(("text", "code"), [
    ("not json", "job.unreadable"),
    ("[]", "job.unreadable"),
    ("[" * 100_000, "job.unreadable"),
    ("null", "job.unreadable"),
    ('{"stage": ["train"], "params": {}}', "job.unreadable"),
    ('{"stage": "train", "params": null}', "job.unreadable"),
    ('{"stage": "train", "params": {"preset": []}}', "params.preset"),
    ('{"stage": "train", "params": {"scene": "a.tif", "out": "x"}}', "params.wrong-type"),
    ('{"stage": "train", "params": {"scene": [1], "out": "x"}}', "params.wrong-type"),
    ('{"stage": "train"}', "job.unreadable"),
    ('{"stage": "fly", "params": {}}', "job.stage"),
    ('{"stage": "train", "params": {"wings": 2}}', "params.unknown"),
    ('{"stage": "train", "params": {"out": "x"}}', "params.series-or-scene"),
    ('{"stage": "train", "params": {"scene": ["a"], "series": "s.json", "out": "x"}}', "params.series-or-scene"),
    ('{"stage": "train", "params": {"scene": ["a"]}}', "params.missing"),
    ('{"stage": "train", "params": {"scene": ["a"], "out": "x", "patch_size_px": 100}}', "params.patch-size"),
    ('{"stage": "train", "params": {"scene": ["a"], "out": "x", "fold": 5}}', "params.fold"),
    ('{"stage": "train", "params": {"scene": ["a"], "out": "x", "preset": "best"}}', "params.preset"),
    ('{"stage": "predict", "params": {}, "version": 99}', "job.version"),
])
def test_a_bad_job_is_refused_in_plain_words(tmp_path, text, code):
    path = tmp_path / "job.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_job(path)
    assert caught.value.code == code


def test_an_absent_job_file_is_said_to_be_absent(tmp_path):
    with pytest.raises(UsageError, match="cannot be opened"):
        read_job(tmp_path / "job.json")
