"""Messages, and the timestamps of chunks."""

import io

import pytest
from wyoming.event import read_event
from wyoming.info import Info

from kws.integrations.wyoming.messages import (
    ChunkTimes,
    detection,
    info,
    not_detected,
    pong,
    to_bytes,
    unknown_names,
)


def test_bytes_are_what_the_library_reads() -> None:
    for event in (detection("yes", 12), not_detected(), pong("a"), info(("yes",), "m", ("en",))):
        read = read_event(io.BytesIO(to_bytes(event)))
        assert read is not None
        assert (read.type, read.data) == (event.type, event.data)


def test_a_detection_has_name_and_timestamp_alone() -> None:
    assert detection("yes", 12).data == {"name": "yes", "timestamp": 12}


def test_a_phrase_is_what_is_spoken() -> None:
    (program,) = Info.from_event(info(("hey_computer",), "m", ("en", "de"))).wake
    (model,) = program.models
    assert (model.name, model.phrase, model.description) == (
        "hey_computer",
        "hey computer",
        "hey computer",
    )
    assert model.languages == ["en", "de"]
    assert model.version == program.version


def test_unknown_names() -> None:
    assert unknown_names(("yes",), ("yes", "no")) is None
    assert unknown_names((), ("yes", "no")) is None
    error = unknown_names(("yes", "alexa"), ("yes", "no"))
    assert error is not None
    assert "'alexa'" in error.data["text"]
    assert "'yes'" not in error.data["text"]


def test_a_time_is_in_the_chunk_that_began_before_it() -> None:
    times = ChunkTimes(0)
    for timestamp in (7_000, 7_100, 7_200):
        times.add(0.1, timestamp)
    assert times.at(0.0) == 7_000
    assert times.at(0.15) == 7_100
    assert times.at(99.0) == 7_200


def test_without_timestamps_time_is_counted() -> None:
    times = ChunkTimes(500)
    times.add(0.1, None)
    assert times.at(0.15) == 650
    assert times.now == 600


def test_old_chunks_are_forgotten() -> None:
    times = ChunkTimes(0)
    for index in range(5_000):
        times.add(0.01, index)
    assert times.at(0.05) == 50, "by its time"
    assert times.at(49.995) == 4_999
    assert len(times._chunks) <= 1_001


def test_before_any_chunk_time_is_counted() -> None:
    assert ChunkTimes(3).at(0.0) == pytest.approx(3)
