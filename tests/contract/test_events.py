from types import SimpleNamespace

from model_core.contract import events
from model_core.contract.events import Recorder


def remaining(monkeypatch, steps):
    """The remaining seconds told at each (seconds since the start, fraction)."""
    clock = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr(events, "time", clock)
    report = Recorder()
    report.stage("Working")
    for seconds, fraction in steps:
        clock.now = 100.0 + seconds
        report.progress(fraction)
    return [event["eta_s"] for event in report.events if event["event"] == "progress"]


def test_the_remaining_time_is_told_once_the_speed_is_known(monkeypatch):
    assert remaining(monkeypatch, [(0, 0.0), (0.5, 0.1), (10, 0.25), (20, 0.5), (40, 1.0)]) == [None, None, 30, 20, None]


def test_time_before_the_first_step_does_not_count(monkeypatch):
    """A network that was compiled for 60 s, then takes 1 s a step."""
    assert remaining(monkeypatch, [(60, 0.01), (70, 0.11)]) == [None, 89]


def test_a_resumed_part_is_not_taken_for_a_fast_one(monkeypatch):
    assert remaining(monkeypatch, [(8, 0.5), (18, 0.6)]) == [None, 40]


def test_standing_still_promises_nothing(monkeypatch):
    assert remaining(monkeypatch, [(0, 0.5), (10, 0.5), (20, 0.4)]) == [None, None, None]
