import json

import pytest

from mtl_qgis_plugin.engine.event_lines import EventLines

HELLO = {"event": "hello", "version": 1, "engine": "x", "python": "3", "pid": 1}
LOG = {"event": "log", "level": "info", "message": "größer \u2028 地"}
STREAM = b"".join(json.dumps(event).encode() + b"\n" for event in (HELLO, LOG, LOG))


@pytest.mark.parametrize("size", [1, 7, 64, 10000])
def test_events_are_found_however_the_stream_is_cut(size):
    lines = EventLines()
    found = [event for start in range(0, len(STREAM), size) for event in lines.feed(STREAM[start:start + size])]
    assert found == [HELLO, LOG, LOG]
    lines.end()
    assert lines.n_garbage_bytes == 0


@pytest.mark.parametrize("line", [b"words", b"\xff\xfe", b"[]", b"1", b"{}", b'{"event": 3}', b'{"event": "progress"}', b"[" * 100000])
def test_what_is_no_event_is_counted_and_does_no_harm(line):
    lines = EventLines()
    assert lines.feed(line + b"\n" + STREAM) == [HELLO, LOG, LOG]
    assert lines.n_garbage_bytes == len(line) + 1
    assert lines.garbage.startswith(line[:10])


def test_events_of_later_versions_and_empty_lines_pass():
    assert EventLines().feed(b'\r\n\n{"event": "later", "x": 1}\r\n') == [{"event": "later", "x": 1}]


def test_an_endless_line_takes_no_memory_and_what_follows_is_read():
    lines = EventLines(limit_bytes=1000)
    for _ in range(1000):
        assert lines.feed(b"x" * 1000) == []
    assert sum(map(len, lines._parts)) <= 1000
    assert lines.feed(b"\n" + STREAM) == [HELLO, LOG, LOG]
    assert lines.n_garbage_bytes == 1_000_000


def test_a_line_that_was_begun_is_no_event():
    lines = EventLines()
    lines.feed(STREAM + b'{"event": "resu')
    lines.end()
    assert lines.n_garbage_bytes == 15
