import os
import subprocess
import time

import pytest

from mtl_qgis_plugin.engine import keep_awake


def found(name):
    return f"/usr/bin/{name}"


def test_the_helpers_of_linux_and_macos_wait_for_the_end_of_their_stdin():
    assert keep_awake.awake_command("Darwin", found) == ["/usr/bin/caffeinate", "-i", "-s", "/usr/bin/cat"]
    linux = keep_awake.awake_command("Linux", found)
    assert (linux[0], linux[1], linux[-1]) == ("/usr/bin/systemd-inhibit", "--what=idle:sleep", "/usr/bin/cat")


def test_without_a_helper_the_work_goes_on():
    assert keep_awake.awake_command("Linux", lambda name: None) is None
    assert keep_awake.awake_command("Plan 9", found) is None


@pytest.mark.skipif(os.name == "nt", reason="Windows needs no helper")
def test_the_helper_lives_as_long_as_the_work(monkeypatch):
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(keep_awake, "awake_command", lambda *_: ["/bin/cat"])
    monkeypatch.setattr(keep_awake.subprocess, "Popen", lambda *a, **o: started.append(popen(*a, **o)) or started[-1])
    with keep_awake.kept_awake():
        time.sleep(0.1)
        assert started[0].poll() is None
    assert started[0].poll() == 0
    with keep_awake.kept_awake(False):
        assert len(started) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows needs no helper")
def test_a_helper_that_fails_does_not_stop_the_work(monkeypatch):
    for command in (["/bin/false"], ["/nonexistent/program"]):
        monkeypatch.setattr(keep_awake, "awake_command", lambda *_, command=command: command)
        with keep_awake.kept_awake():
            time.sleep(0.05)


def test_windows_is_told_before_and_after(monkeypatch):
    told = []
    monkeypatch.setattr(keep_awake, "SYSTEM", "Windows")
    monkeypatch.setattr(keep_awake, "_tell_windows", told.append)
    with pytest.raises(ValueError), keep_awake.kept_awake():
        raise ValueError
    assert told == [0x80000001, 0x80000000]
