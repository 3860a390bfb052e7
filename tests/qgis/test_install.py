"""The zip goes through QGIS's own installer, is used, switched off and removed."""

import json
import zipfile

import pytest

pytestmark = pytest.mark.qgis

COURSE = """
import json, os, time

def work():
    import pyplugin_installer
    import qgis.utils as utils
    zip_path, out = os.environ["MTL_ZIP"], os.environ["MTL_OUT"]
    told = {}
    # The boxes of the installer are modal: they are closed from a timer.
    timer = QTimer()
    boxes = []
    def close():
        box = QApplication.activeModalWidget()
        if box is not None:
            boxes.append(getattr(box, "text", lambda: "")())
            box.accept() if hasattr(box, "accept") else box.close()
    timer.timeout.connect(close)
    timer.start(200)
    before = list(sys.path)
    pyplugin_installer.instance().installFromZipFile(zip_path)
    told["enabled"] = "mtl_qgis_plugin" in plugins
    told["new on sys.path"] = [path for path in sys.path if path not in before and "mtl_qgis_plugin" in path]
    told["another model_core"] = "model_core" in sys.modules
    from mtl_qgis_plugin.engine import door
    told["version"] = door.VERSION
    told["contract"] = door.errors.__name__
    told["metadata"] = utils.pluginMetadata("mtl_qgis_plugin", "version")
    told["reloads"] = utils.reloadPlugin("mtl_qgis_plugin") is not False and "mtl_qgis_plugin" in plugins
    began = time.perf_counter()
    utils.unloadPlugin("mtl_qgis_plugin")
    utils.loadPlugin("mtl_qgis_plugin"); utils.startPlugin("mtl_qgis_plugin")
    told["load_ms"] = (time.perf_counter() - began) * 1000
    folder = os.path.dirname(utils.plugins["mtl_qgis_plugin"].__class__.__module__ and sys.modules["mtl_qgis_plugin"].__file__)
    told["unloaded"] = utils.unloadPlugin("mtl_qgis_plugin")
    pyplugin_installer.instance().uninstallPlugin("mtl_qgis_plugin", quiet=True)
    told["removed"] = not os.path.exists(folder)
    told["boxes"] = boxes
    open(out, "w").write(json.dumps(told))
"""


def test_the_zip_is_installed_enabled_reloaded_switched_off_and_removed(window, plugin_zip, tmp_path):
    out = tmp_path / "told.json"
    code, printed = window(COURSE, MTL_ZIP=str(plugin_zip), MTL_OUT=str(out))
    assert code == 0, printed
    told = json.loads(out.read_text())
    assert told["enabled"] and told["reloads"] and told["unloaded"] and told["removed"], told
    assert told["contract"] == "mtl_qgis_plugin.bundled.model_core.contract.errors"
    assert told["metadata"] == told["version"]
    assert not told["another model_core"] and not told["new on sys.path"]
    assert told["load_ms"] < 100, told
    assert "Traceback" not in printed, printed


def test_qgis_process_enables_it(qgis_process, plugin_zip, tmp_path):
    with zipfile.ZipFile(plugin_zip) as file:
        file.extractall(tmp_path / "plugins")
    code, printed = qgis_process("plugins", "enable", "mtl_qgis_plugin", QGIS_PLUGINPATH=str(tmp_path / "plugins"))
    assert code == 0, printed
    code, printed = qgis_process("plugins", QGIS_PLUGINPATH=str(tmp_path / "plugins"))
    assert code == 0 and "mtl_qgis_plugin" in printed and "Traceback" not in printed, printed
