import shutil
import subprocess
import sys
from pathlib import Path

from mtl_qgis_plugin.engine import door

ROOT = Path(__file__).parents[3]
TELL = """
import sys
sys.path.insert(0, sys.argv[1])
before = list(sys.path)
from mtl_qgis_plugin.engine import door
print(door.errors.__name__)
print(door.FOLDER)
print(door.library.bundled_folder())
print(sys.path == before)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"numpy", "keras", "tyro", "model_core"}))
"""


def tell(folder):
    """What the door says where `folder` is on the path, as QGIS puts its plugin folders there."""
    told = subprocess.run([sys.executable, "-I", "-c", TELL, str(folder)], capture_output=True, text=True, check=True)
    return told.stdout.splitlines()


def test_in_a_checkout_the_engine_lies_beside_the_plugin():
    assert door.FOLDER == ROOT
    assert tell(ROOT) == ["model_core.contract.errors", str(ROOT), str(ROOT / "weights"), "True", "['model_core']"]


def test_an_installed_plugin_uses_its_own_engine_even_where_there_is_another_model_core(tmp_path):
    plugin = tmp_path / "mtl_qgis_plugin"
    shutil.copytree(ROOT / "mtl_qgis_plugin" / "engine", plugin / "engine")
    shutil.copy(ROOT / "mtl_qgis_plugin" / "__init__.py", plugin)
    shutil.copytree(ROOT / "model_core" / "contract", plugin / "bundled" / "model_core" / "contract")
    shutil.copy(ROOT / "model_core" / "__init__.py", plugin / "bundled" / "model_core")
    (plugin / "bundled" / "weights").mkdir()
    (tmp_path / "model_core.py").write_text("raise SystemExit('another model_core was imported')")
    assert tell(tmp_path) == ["mtl_qgis_plugin.bundled.model_core.contract.errors", str(plugin / "bundled"),
                              str(plugin / "bundled" / "weights"), "True", "[]"]


def test_the_folder_holds_all_that_the_engine_needs():
    assert (door.FOLDER / "model_core" / "__main__.py").is_file()
    assert (door.REQUIREMENTS / "cpu.txt").is_file()
