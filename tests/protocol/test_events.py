"""Events and their JSON."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from kws.protocol.events import Detected, Event, SamplesDropped, encode, scan_line, utc
from kws.protocol.replies import Hello
from kws.protocol.requests import Filter

TIME = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)
DETECTED = Detected("default", 12.3400001, "ja ✓", 0.971234, "yes-no-up-down")


def test_a_detection_is_the_documented_line() -> None:
    assert Event("abc", 17, TIME, DETECTED).to_json() == (
        '{"type":"detection","v":1,"id":"abc-17","run":"abc","seq":17,'
        '"time":"2026-11-22T12:00:00.123Z","stream":"default","t":12.34,'
        '"keyword":"ja ✓","confidence":0.9712,"model":"yes-no-up-down","verified":false}'
    )


def test_a_verified_detection_has_its_score() -> None:
    verified = msgspec.structs.replace(DETECTED, verified=True, score=0.98765)
    assert Event("abc", 17, TIME, verified).to_json().endswith('"verified":true,"score":0.9877}')


def test_of_a_verified_detection_the_score_is_what_a_filter_goes_by() -> None:
    verified = msgspec.structs.replace(DETECTED, confidence=0.2, verified=True, score=0.9)
    wanted = Filter(min_confidence=0.5)
    assert wanted.wants(Event("abc", 1, TIME, verified))
    assert not wanted.wants(Event("abc", 1, TIME, msgspec.structs.replace(verified, score=0.4)))
    assert wanted.wants(Event("abc", 1, TIME, DETECTED))


def test_dropped_sound_is_a_status() -> None:
    message = json.loads(
        Event("abc", 1, TIME, SamplesDropped("default", 2.0, 800, "late")).to_json()
    )
    assert message["type"] == "status"
    assert (message["status"], message["samples"]) == ("samples-dropped", 800)


def test_a_scan_line_names_its_file_and_no_run() -> None:
    message = json.loads(scan_line("a.wav", DETECTED))
    assert message["file"] == "a.wav"
    assert not {"time", "run", "seq", "id", "stream"} & set(message)


def test_times_are_utc() -> None:
    east = TIME.astimezone(timezone(timedelta(hours=9)))
    assert utc(east) == "2026-11-22T12:00:00.123Z"


def test_what_json_cannot_say_is_an_error() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(
            Hello(run="a", seq=1, model="m", keywords=(), thresholds={"yes": math.nan}, sources=())
        )


def test_a_file_name_that_is_no_text_is_printed_unchanged() -> None:
    line = scan_line("a\udcff.wav", DETECTED)
    assert json.loads(line)["file"] == "a\udcff.wav"
    assert line.encode(errors="surrogateescape").startswith(
        b'{"type":"detection","v":1,"file":"a\xff'
    )
