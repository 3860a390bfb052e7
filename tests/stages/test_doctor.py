import importlib.metadata

import pytest

from model_core.contract.errors import ResourceError

from .conftest import do


def test_the_doctor_names_device_and_libraries_after_a_real_training():
    result, report = do("doctor", device="cpu", precision="float32")
    assert "(cpu)" in result.summary["device"]
    assert "as asked for" in result.summary["why"]
    before, after = (float(word) for word in result.summary["trial"].split()[1:4:2])
    assert 0 < after < before <= 1
    for name in ("keras", "rasterio", "shapely"):
        assert f"{name} {importlib.metadata.version(name)}" in result.summary["libraries"]
    assert not result.outputs
    assert [event["name"] for event in report.events if event["event"] == "stage"] == [
        "Starting the network", "Trying a tiny network"]


@pytest.mark.parametrize("after", [0.9, float("nan")])
def test_a_network_that_does_not_learn_is_said_with_advice(monkeypatch, after):
    from model_core.network import trial

    monkeypatch.setattr(trial, "train_and_predict", lambda: (0.8, after))
    with pytest.raises(ResourceError) as refused:
        do("doctor", device="cpu", precision="float32")
    assert refused.value.code == "doctor.trial"
    assert "--device cpu" in refused.value.hint


def test_too_little_memory_is_said_as_such(monkeypatch):
    from model_core.network import trial

    def full():
        raise MemoryError

    monkeypatch.setattr(trial, "train_and_predict", full)
    with pytest.raises(ResourceError) as refused:
        do("doctor", device="cpu", precision="float32")
    assert refused.value.code == "backend.out-of-memory"
