"""The arrows between the rooms: who may import whom. A room that is not named here may not exist."""

import ast
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "model_core"
PLUGIN = Path(__file__).parents[1] / "mtl_qgis_plugin"

# room: (rooms of model_core that it may import, third-party packages that it may import)
ARRAYS = {"numpy", "scipy"}
RULES = {
    "contract": ({"contract"}, set()),
    "arrays": ({"arrays", "contract"}, ARRAYS),
    "geo": ({"geo", "arrays", "contract"},
            ARRAYS | {"rasterio", "affine", "pyogrio", "geopandas", "shapely", "pyproj", "pandas"}),
    "network": ({"network", "arrays", "contract"}, ARRAYS | {"keras", "h5py"}),
    "stages": ({"stages", "arrays", "geo", "network", "report", "simulate", "contract"},
               ARRAYS | {"geopandas", "shapely", "affine"}),
    "report": ({"report", "arrays", "contract"}, ARRAYS | {"matplotlib"}),
    "simulate": ({"simulate", "arrays", "contract"}, ARRAYS),
    "cli": ({"contract", "stages", "wire", "console"}, {"tyro"}),
    "console": ({"contract"}, {"rich"}),
    "wire": ({"contract"}, set()),
}
FRAMEWORKS = {"tensorflow", "jax", "torch"}
# The same for the plugin. Its only way to the engine's code is engine/door.py.
QGIS = {"qgis", "processing"}
PLUGIN_RULES = {
    "__init__": ({"plugin"}, set()),
    "plugin": ({"algorithms", "dock", "engine", "layers", "map_tools", "settings"}, QGIS),
    "engine": ({"engine"}, set()),
    "algorithms": ({"algorithms", "engine", "layers"}, QGIS),
    "layers": ({"layers"}, QGIS),
    "settings": ({"settings"}, QGIS),
    "dock": ({"dock", "engine", "layers", "settings"}, QGIS),
    "map_tools": ({"map_tools"}, QGIS),
}


def modules():
    return sorted(path for path in CORE.rglob("*.py") if path.parent != CORE or path.stem in RULES)


def plugin_modules():
    return sorted(PLUGIN.rglob("*.py"))


def imports(path, top=CORE):
    """Yields (room or None, top-level package or None) for every import, wherever it stands."""
    inside = path.relative_to(top).with_suffix("").parts
    package = inside[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((None, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield None, node.module.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            target = base + tuple((node.module or "").split(".")) if node.module else base
            rooms = [target[0]] if target else [alias.name for alias in node.names]
            yield from ((room, None) for room in rooms)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(CORE)))
def test_a_module_imports_only_what_its_room_may(path):
    room = path.relative_to(CORE).parts[0].removesuffix(".py")
    rooms, packages = RULES[room]
    allowed = packages | (FRAMEWORKS if path.match("network/backend.py") else set())
    for inner, outer in imports(path):
        if inner is not None:
            assert inner in rooms | {"__version__"}, f"{path} imports the room {inner}"
        else:
            assert outer in allowed or outer in sys.stdlib_module_names, f"{path} imports {outer}"


def test_every_room_has_a_rule():
    rooms = {path.name for path in CORE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms - {"weights"} <= set(RULES)


def test_nothing_in_the_project_imports_qgis_into_the_engine():
    for path in modules():
        assert not {outer for _, outer in imports(path)} & {"qgis", "PyQt5", "PyQt6"}


@pytest.mark.parametrize("path", plugin_modules(), ids=lambda p: str(p.relative_to(PLUGIN)))
def test_a_module_of_the_plugin_imports_only_what_its_room_may(path):
    room = path.relative_to(PLUGIN).parts[0].removesuffix(".py")
    rooms, packages = PLUGIN_RULES[room]
    if path.match("engine/door.py"):
        rooms, packages = rooms | {"bundled"}, packages | {"model_core"}
    for inner, outer in imports(path, PLUGIN):
        if inner is not None:
            assert inner in rooms, f"{path} imports the room {inner}"
        else:
            assert outer in packages or outer in sys.stdlib_module_names, f"{path} imports {outer}"


def test_the_door_opens_to_the_contract_only():
    tree = ast.parse((PLUGIN / "engine" / "door.py").read_text())
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "model_core" in node.module]
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module.endswith("model_core")
             for alias in node.names]
    assert {module.removeprefix("bundled.") for module in modules} == {"model_core", "model_core.contract"}
    assert set(names) == {"__version__"}


def test_nothing_in_the_plugin_edits_the_path_of_qgis():
    for path in plugin_modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Attribute) and node.attr == "path" and getattr(node.value, "id", "") == "sys"), path
