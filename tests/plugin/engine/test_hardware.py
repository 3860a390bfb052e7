import sys

import pytest

from mtl_qgis_plugin.engine import hardware


@pytest.mark.parametrize("system, told, sysctl, machine", [
    ("Linux", "x86_64", "1", "x86_64"),
    ("Windows", "AMD64", "", "amd64"),
    ("Darwin", "arm64", "1", "arm64"),
    ("Darwin", "x86_64", "1\n", "arm64"),  # QGIS for Intel on Apple's processor
    ("Darwin", "x86_64", "", "x86_64"),
])
def test_the_processor_is_the_machines_and_not_the_one_that_qgis_was_built_for(monkeypatch, system, told, sysctl, machine):
    monkeypatch.setattr(hardware, "SYSTEM", system)
    monkeypatch.setattr(hardware.platform, "machine", lambda: told)
    monkeypatch.setattr(hardware, "ask", lambda _: sysctl)
    assert hardware.machine() == machine


def test_graphics_cards_are_read_from_what_their_driver_says():
    told = "GPU 0: NVIDIA GeForce RTX 4070 (UUID: GPU-1b2c)\nGPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-99)\n"
    assert hardware.card_names(told) == ["NVIDIA GeForce RTX 4070", "NVIDIA H100 80GB HBM3"]
    assert hardware.card_names("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.") == []


def test_a_program_that_is_absent_or_fails_says_nothing():
    assert hardware.ask(["/nonexistent/program"]) == ""
    assert hardware.ask([sys.executable, "-c", "print('x'); raise SystemExit(1)"]) == ""
    assert hardware.ask([sys.executable, "-c", "print('x')"]) == "x\n"
