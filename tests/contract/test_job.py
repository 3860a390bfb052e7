import json

import pytest

from model_core.contract.errors import UsageError
from model_core.contract.job import make_job, read_job, to_json
from model_core.contract.presets import PRESETS


def test_a_job_file_gives_the_same_job_again(tmp_path):
    job = make_job("train", {"scene": ["a.tif"], "landslides": "a.gpkg", "out": "model", "seed": 7})
    path = tmp_path / "job.json"
    path.write_text(json.dumps(to_json(job, "0")))
    assert read_job(path) == job


def test_a_preset_sets_what_is_not_given():
    values = {"scene": ["a.tif"], "out": "model", "preset": "paper", "batch_size": 8}
    params = make_job("train", values).params
    assert params.training_epochs == PRESETS["paper"]["training_epochs"] == 250
    assert params.loss_weights() == (0.3, 0.7)
    assert params.batch_size == 8


def test_the_papers_own_split_is_only_in_paper_exact():
    splits = {name: make_job("train", {"scene": ["a"], "out": "m", "preset": name}).params.split for name in PRESETS}
    assert splits == {"recommended": "blocks", "paper": "blocks", "paper-exact": "paper"}


@pytest.mark.parametrize(("text", "code"), [
    ("not json", "job.unreadable"),
    ("[]", "job.unreadable"),
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
