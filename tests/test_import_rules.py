"""The arrows between the rooms: who may import whom. A room that is not named here may not exist."""

import ast
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "model_core"

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


def modules():
    return sorted(path for path in CORE.rglob("*.py") if path.parent != CORE or path.stem in RULES)


def imports(path):
    """Yields (room of model_core or None, top-level package or None) for every import, wherever it stands."""
    inside = path.relative_to(CORE).with_suffix("").parts
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
