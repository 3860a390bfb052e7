import re

import pytest

from mtl_qgis_plugin.engine.door import REQUIREMENTS
from mtl_qgis_plugin.engine.flavours import FLAVOURS, offered, suggested


@pytest.fixture
def all_lists(tmp_path):
    for flavour in FLAVOURS:
        (tmp_path / f"{flavour.name}.txt").touch()
    return tmp_path


@pytest.mark.parametrize("system, machine, has_nvidia, names, first", [
    ("Linux", "x86_64", False, ["cpu", "nvidia-linux", "jax"], "cpu"),
    ("Linux", "x86_64", True, ["cpu", "nvidia-linux", "jax"], "nvidia-linux"),
    ("Linux", "aarch64", False, ["cpu", "jax"], "cpu"),
    ("Windows", "AMD64", False, ["cpu", "nvidia-windows", "jax"], "cpu"),
    ("Windows", "AMD64", True, ["cpu", "nvidia-windows", "jax"], "nvidia-windows"),
    ("Darwin", "arm64", False, ["cpu", "apple", "jax"], "apple"),
    ("Darwin", "x86_64", False, [], ""),  # TensorFlow stops at 2.16 there
    ("Windows", "ARM64", False, [], ""),
])
def test_a_machine_is_offered_what_it_can_run(all_lists, system, machine, has_nvidia, names, first):
    offers = offered(system, machine, all_lists)
    assert [flavour.name for flavour in offers] == names
    assert suggested(offers, has_nvidia) == first


def test_a_build_without_a_list_of_versions_is_not_offered():
    assert all((REQUIREMENTS / f"{flavour.name}.txt").is_file() for flavour in offered("Linux", "x86_64", REQUIREMENTS))
    assert "cpu" in [flavour.name for flavour in offered("Linux", "x86_64", REQUIREMENTS)]


def test_size_and_time_are_said_before_and_what_was_not_tried():
    for flavour in FLAVOURS:
        assert re.search(r"to download and .* on disk; some \d+ minutes", flavour.cost)
        assert ("not tried on real hardware" in flavour.cost) == (flavour.name != "cpu")


def test_tensorflow_is_not_taken_for_a_gpu_on_windows():
    windows = next(flavour for flavour in FLAVOURS if flavour.name == "nvidia-windows")
    assert windows.backend == "torch" and windows.index_url.startswith("https://")
