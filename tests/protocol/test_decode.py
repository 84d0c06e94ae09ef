"""An event out of its message is the event that made it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.protocol.decode import UnknownMessageError, parse_event
from kws.protocol.events import Body, Event, Reloaded
from tests.protocol.test_schema import BODIES, TEXT

TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(body=st.one_of(BODIES), run=TEXT, seq=st.integers(1, 2**53), time=TIMES)
def test_there_and_back(body: Body, run: str, seq: int, time: datetime) -> None:
    message = Event(run, seq, time, body).to_json()
    event = parse_event(message)
    assert event.to_json() == message
    assert type(event.body) is type(body)
    assert parse_event(json.loads(message)) == event


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "{",
        "{}",
        '{"type":"hello","run":"r","seq":1}',
        '{"type":"detection","run":"r","seq":1,"time":"2026-11-22T12:00:00.000Z"}',
        '{"type":"status","status":"of tomorrow","run":"r","seq":1,'
        '"time":"2026-11-22T12:00:00.000Z"}',
    ],
)
def test_what_is_no_known_event(message: str) -> None:
    with pytest.raises(UnknownMessageError):
        parse_event(message)


def test_what_is_new_in_a_known_event_is_ignored() -> None:
    event = Event("r", 1, datetime(2026, 11, 22, tzinfo=UTC), Reloaded("m", ("yes",), {"yes": 0.5}))
    assert parse_event({**json.loads(event.to_json()), "new": [1]}) == event
