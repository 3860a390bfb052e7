"""Which dates a training goes on with where an image of one cannot be read."""

from pathlib import Path

import pytest

from model_core.contract.errors import InputError
from model_core.contract.events import Recorder
from model_core.contract.series import read_series
from model_core.stages.shared.ground import load_grounds
from model_core.stages.shared.scenes import describe_series, study_grid

BANDS = ("green", "red", "nir")


@pytest.fixture
def load(epochs, write_series, tmp_path):
    """Loads a sound date and the same one with half an image."""
    def run(rule="scene-robust", which=("2015", "broken"), **options):
        image = Path(epochs[1]["scenes"][0])
        half = tmp_path / image.name
        half.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
        for side in image.parent.glob(f"{image.stem}*.xml"):
            (tmp_path / side.name).write_bytes(side.read_bytes())
        rows = [epochs[1], {**epochs[1], "name": "broken", "scenes": [str(half)]}]
        series, report = read_series(Path(write_series([row for row in rows if row["name"] in which]))), Recorder()
        dated = describe_series(series, report)
        grounds = load_grounds(dated, study_grid(dated, series), BANDS, rule, 200.0, report, **options)
        told = [event["message"] for event in report.events if event.get("level") == "warning"]
        return [ground.scenes.name for ground in grounds], told

    return run


@pytest.mark.parametrize("rule", ["scene-robust", "fixed"])
def test_a_date_whose_image_cannot_be_read_is_told_and_left_out(load, rule):
    names, told = load(rule, leave_out=True)
    assert names == ["2015"]
    (sentence,) = (text for text in told if text.startswith("broken is left out, neither learned from nor mapped: "))
    assert ".tif" in sentence


@pytest.mark.parametrize("rule", ["scene-robust", "fixed"])
def test_the_last_date_is_never_left_out_and_none_where_it_is_not_wanted(load, rule):
    for options in ({"which": ("broken",), "leave_out": True}, {}):
        with pytest.raises(InputError, match=r"\.tif") as error:
            load(rule, **options)
        assert error.value.code != "labels.none-on-image"
