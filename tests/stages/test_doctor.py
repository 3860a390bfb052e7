from .conftest import do


def test_the_doctor_names_device_and_libraries_after_a_real_training():
    result, _ = do("doctor", device="cpu", precision="float32")
    assert "cpu" in result.summary["device"]
    assert result.summary["trial"].startswith("loss")
    assert "keras" in result.summary["libraries"]
    assert "as asked for" in result.summary["why"]
