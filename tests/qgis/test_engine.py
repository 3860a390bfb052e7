"""The real engine, started from a real QGIS and its own Python."""

import json
import os
import sys
import time
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.qgis

RUN = """
import json, os, time
from pathlib import Path
from qgis.core import QgsTask

class Run(QgsTask):
    def __init__(self, stage, values):
        super().__init__("engine", QgsTask.Flag.CanCancel)
        self.stage, self.values, self.told, self.outcome = stage, values, [], None
    def run(self):
        from mtl_qgis_plugin.engine import door, job_file, process
        here = Path(os.environ["MTL_HERE"])
        engine = process.Engine(Path(os.environ["MTL_PYTHON"]), door.FOLDER)
        try:
            job = job_file.write_job(self.stage, self.values, here)
            self.outcome = process.run_job(engine, job, here / "logs", self.told.append, self.isCanceled).outputs
        except door.errors.MtlError as error:
            self.outcome = error.code
        return True

def begin(stage, **values):
    import qgis.utils as utils
    utils.updateAvailablePlugins()
    assert utils.loadPlugin("mtl_qgis_plugin") and utils.startPlugin("mtl_qgis_plugin")
    task = Run(stage, values)
    QgsApplication.taskManager().addTask(task)
    return task

def until(condition, limit_s=60):
    end = time.monotonic() + limit_s
    while not condition() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    assert condition()

def told(**values):
    (Path(os.environ["MTL_HERE"]) / "told.json").write_text(json.dumps(values))
"""


@pytest.fixture
def engine(window, plugin_zip, tmp_path):
    with zipfile.ZipFile(plugin_zip) as file:
        file.extractall(tmp_path / "plugins")

    def run(work):
        here = tmp_path / "Ünï 地 space"
        here.mkdir()
        code, printed = window(RUN + work, QGIS_PLUGINPATH=str(tmp_path / "plugins"), MTL_HERE=str(here), MTL_PYTHON=sys.executable)
        assert "Traceback" not in printed, printed
        assert code == 0, printed
        return json.loads((here / "told.json").read_text())

    return run


def test_qgis_runs_the_engine_and_gets_its_result(engine):
    told = engine("""
def work():
    here = os.environ["MTL_HERE"]
    task = begin("sample", out=here + "/sample", kind="pair", size_px=128, n_landslides=3)
    until(lambda: task.outcome is not None)
    told(outcome=task.outcome, kinds=[event["event"] for event in task.told])
""")
    assert Path(told["outcome"]["series"]).is_file(), told
    assert told["kinds"][0] == "hello" and told["kinds"][-1] == "result" and "progress" in told["kinds"]


def test_closing_qgis_ends_a_running_engine_and_leaves_no_half_result(engine, tmp_path):
    told = engine("""
def work():
    here = os.environ["MTL_HERE"]
    task = begin("sample", out=here + "/sample")
    until(lambda: any(event["event"] == "progress" for event in task.told))
    told(pid=task.told[0]["pid"], out=here + "/sample", at=time.time())
    QgsApplication.task = task
""")
    assert time.time() - told["at"] < 15, "QGIS closed late"
    time.sleep(0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(told["pid"], 0)
    assert not Path(told["out"]).exists()
