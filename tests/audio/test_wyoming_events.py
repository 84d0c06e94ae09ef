"""Events out of bytes, as the protocol's library writes them, within limits."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event, write_event

from kws.audio.wyoming_events import (
    Audio,
    EventDecoder,
    Limits,
    WyomingError,
    WyomingEvent,
    data_of,
)

LIMITS = Limits(header=500, data=2_000, payload=1_000)


def written(*events: Event) -> bytes:
    target = io.BytesIO()
    for event in events:
        write_event(event, target)
    return target.getvalue()


def push(decoder: EventDecoder, data: bytes) -> list[WyomingEvent]:
    """The events that these bytes complete."""
    decoder.feed(data)
    events = []
    while (event := decoder.take()) is not None:
        events.append(event)
    return events


TEXTS = st.text(max_size=20)
EVENTS = st.builds(
    Event,
    type=TEXTS,
    data=st.dictionaries(TEXTS, st.none() | st.integers(-(2**53), 2**53) | TEXTS, max_size=5),
    payload=st.none() | st.binary(min_size=1, max_size=200),
)


@given(events=st.lists(EVENTS, max_size=5), cuts=st.lists(st.integers(0, 2_000), max_size=10))
def test_what_the_library_writes_is_read_in_any_pieces(
    events: list[Event], cuts: list[int]
) -> None:
    data = written(*events)
    decoder, read, begin = EventDecoder(LIMITS), list[WyomingEvent](), 0
    for end in (*sorted(cuts), len(data)):
        read += push(decoder, data[begin:end])
        begin = max(begin, end)
    expected = [WyomingEvent(each.type, each.data, each.payload or b"") for each in events]
    assert read == expected
    assert not decoder.pending


def test_data_may_be_in_the_header_too() -> None:
    line = b'{"type":"x","data":{"a":1,"b":1},"data_length":7}\n{"a":2}'
    assert push(EventDecoder(LIMITS), line) == [WyomingEvent("x", {"a": 2, "b": 1})]


def test_what_has_begun_is_pending() -> None:
    decoder, pending = EventDecoder(LIMITS), list[bool]()
    for piece in (b"", b'{"type":"x","payload_length":2}\na', b"b"):
        read = push(decoder, piece)
        pending.append(decoder.pending)
    assert read == [WyomingEvent("x", {}, b"ab")]
    assert pending == [False, True, False]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x" * 501, "a header of more than 500 bytes"),
        (b'{"type":"' + b"x" * 500 + b'"}\n', "a header of more than 500 bytes"),
        (b'{"type":"x","data_length":2001}\n', "2001 bytes of data; at most 2000"),
        (b'{"type":"x","payload_length":1001}\n', "1001 bytes of payload; at most 1000"),
        (
            b'{"type":"x","payload_length":1' + b"0" * 30 + b"}\n",
            "0 bytes of payload; at most 1000",
        ),
        (b"GET / HTTP/1.1\r\n", "header is not of the Wyoming"),
        (b"\n", "header is not of the Wyoming"),
        (b'{"type":5}\n', "header is not of the Wyoming"),
        (b'{"type":"\xff"}\n', "header is not of the Wyoming"),
        (b'{"type":"x","data_length":-1}\n', "header is not of the Wyoming"),
        (b'{"type":"x","data_length":2}\n[]', "data is not of the Wyoming"),
    ],
)
def test_what_is_no_event_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(WyomingError, match=message):
        push(EventDecoder(LIMITS), data)


def test_nothing_is_kept_beyond_the_limits() -> None:
    decoder = EventDecoder(LIMITS)
    push(decoder, b"x" * 500)
    with pytest.raises(WyomingError):
        push(decoder, b"x")


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_widths_have_formats(width: int) -> None:
    event = WyomingEvent("audio-chunk", {"rate": 44_100, "width": width, "channels": 2, "more": 1})
    pcm = data_of(event, Audio).pcm
    assert pcm.frame_bytes == 2 * width
    assert (pcm.audio.sample_rate, pcm.audio.channels) == (44_100, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 7_999},
        {"rate": 96_001},
        {"rate": None},
        {"rate": "16000"},
        {"width": 0},
        {"width": 5},
        {"channels": 0},
        {"channels": 9},
        {"timestamp": 1.5},
    ],
)
def test_audio_of_other_formats_is_refused(wrong: dict[str, object]) -> None:
    data = {"rate": 16_000, "width": 2, "channels": 1, **wrong}
    with pytest.raises(WyomingError, match="audio-start: "):
        data_of(WyomingEvent("audio-start", data), Audio)
