import os

from mtl_qgis_plugin.engine.log_file import KEPT, LogFile, new_log


def test_the_log_stays_small_and_keeps_the_last_words(tmp_path):
    log = LogFile(tmp_path / "a.log", limit_bytes=1000)
    for number in range(500):
        log.write(f"line {number}\n".encode())
    log.write(b"x" * 5000 + b"the end")
    assert log.tail().endswith("the end")
    log.close()
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2 and max(sizes) <= 1000


def test_the_newest_logs_of_a_stage_are_kept(tmp_path):
    (tmp_path / "predict.x.log").write_text("another stage")
    for number in range(KEPT + 5):
        log = new_log(tmp_path, "train")
        log.line(str(number))
        log.close()
        os.utime(log.path, (number, number))
    kept = sorted(int(path.read_text().split("] ")[1]) for path in tmp_path.glob("train.*.log"))
    assert kept == list(range(5, KEPT + 5))
    assert (tmp_path / "predict.x.log").exists()


def test_two_runs_at_one_time_have_two_logs(tmp_path):
    logs = [new_log(tmp_path, "train") for _ in range(3)]
    assert len({log.path for log in logs}) == 3
    for log in logs:
        log.close()


def test_words_after_the_end_are_dropped(tmp_path):
    log = new_log(tmp_path / "made", "train")
    log.write(b"a")
    log.close()
    log.write(b"b")
    assert log.path.read_bytes() == b"a"
