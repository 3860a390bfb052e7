import re
import subprocess
import sys
import zipfile
from pathlib import Path

from model_core import __version__
from model_core.contract import library

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_engine_weights_and_command(tmp_path):
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
                    "--wheel-dir", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        assert {"model_core/cli.py", "model_core/contract/card.py", "model_core/weights/README.md"} <= names
        assert not any(name.startswith("tests") for name in names)
        # Weights, cards and what they are; not how they were made.
        assert {Path(name).suffix for name in names if "/weights/" in name} <= {".md", ".json", ".h5"}
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "mtl = model_core.cli:main" in wheel.read(entry_points).decode()
        # The installed engine finds the weights inside the package.
        wheel.extractall(tmp_path / "site")
    found = subprocess.run([sys.executable, "-I", "-c", "import sys; sys.path.insert(0, sys.argv[1]); "
                            "from model_core.contract.library import bundled_folder; print(bundled_folder())",
                            str(tmp_path / "site")], check=True, capture_output=True, text=True)
    assert Path(found.stdout.strip()) == tmp_path / "site" / "model_core" / "weights"


def test_a_checkout_finds_the_weights_beside_the_package():
    assert library.bundled_folder() == ROOT / "weights"


def test_the_version_is_the_same_everywhere():
    metadata = (ROOT / "metadata.txt").read_text()
    assert re.search(r"^version=(.*)$", metadata, re.MULTILINE)[1] == __version__


def test_locked_requirements_have_hashes_and_name_no_host():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9-]+==", text, re.MULTILINE)
        assert len(pins) > (0 if path.name == "uv.txt" else 10)
        assert text.count("--hash=sha256:") >= len(pins)
