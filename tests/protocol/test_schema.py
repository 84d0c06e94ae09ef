"""What is sent, and what is documented, is as docs/protocol.schema.json says."""

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from msgspec import UNSET

from kws.engine.state import SourceState
from kws.protocol.events import (
    STATUSES,
    AudioBack,
    AudioLost,
    Body,
    Detected,
    Event,
    Muted,
    Reloaded,
    ReloadRefused,
    SamplesDropped,
    StreamEnded,
    StreamStarted,
    Unmuted,
    encode,
    scan_line,
)
from kws.protocol.replies import REPLIES, Hello, Started
from kws.protocol.requests import (
    After,
    BadRequestError,
    End,
    Gap,
    MarkRequest,
    MuteRequest,
    Request,
    ScoresRequest,
    Start,
    parse_mark,
    parse_mute,
    parse_request,
    parse_scores_request,
    parse_sender,
    parse_start,
)
from kws.serving.hub import Hub
from kws.serving.status import health, info
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import Spotter
from kws.typing import AudioFormat, IntegrationStatus, MuteState
from tests.support.client import ask, get_json, receive, subscribe
from tests.support.talker import Talker

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "protocol.schema.json").read_text(encoding="utf-8"))
PROTOCOL = (DOCS / "protocol.md").read_text(encoding="utf-8")
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(("type", "stream", "keywords", "after", "seconds")), inner
        )
    ),
)
KEYWORDS = ("yes", "no", "up", "down")
MESSAGES = (
    *("hello", "detection", "status", "subscribed", "request", "scan_line"),
    *("start", "started", "gap", "end", "slow_down", "look", "watching", "scores"),
    *("health", "info", "reload", "mute", "muting"),
    *("history", "mark", "marked"),
)
FROM_CLIENTS = {"request", "start", "gap", "end", "look", "mute", "mark"}

DETECTED = Detected("default", 12.34, "yes", 0.97, "yes-no-up-down")
DROPPED = SamplesDropped(
    "default", 9.184, 30_720, "audio was lost, or could not be processed in time"
)
LOST = AudioLost("default", 9.184, "unplugged")
BACK = AudioBack("default", 21.4, 12.216)
BACK_AT_LAST = AudioBack("default", 21.4, None)
RELOADED = Reloaded("yes-no-up-down", KEYWORDS, dict.fromkeys(KEYWORDS, 0.7))
REFUSED = ReloadRefused("config.yaml: audio.volume: unknown key")
STARTED = StreamStarted("kitchen", 16_000, 1)
ENDED = StreamEnded("kitchen", 13.6, "its sender ended it")
MUTED = Muted(5.0)
UNMUTED = Unmuted("the time that it was to be muted for is over")
PARSERS: dict[str, Callable[[str], object]] = {
    "start": parse_start,
    "gap": parse_sender,
    "end": parse_sender,
    "look": parse_scores_request,
    "mark": lambda text: parse_mark(text.encode()),
    "mute": lambda text: parse_mute(text.encode()),
}
SOURCE = SourceState(
    stream="default",
    kind="microphone",
    name="USB",
    live=True,
    audio_format=AudioFormat(48_000, 2),
    reason="",
    seconds_since_audio=0.02,
    overflows=1,
    losses=3,
    dropped_samples=160,
)
OPEN = MuteState(muted=False)


def check(message: Any, name: str) -> None:
    """A message against its definition."""
    Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{name}"}).validate(message)


def documented() -> list[tuple[str, Any]]:
    """Name and value of every example: blocks of JSON values, each marked with its definition."""
    decoder, examples = json.JSONDecoder(), []
    for name, block in re.findall(r"```json *(\w*)\n(.*?)```", PROTOCOL, re.DOTALL):
        rest = block.strip()
        while rest:
            value, end = decoder.raw_decode(rest)
            examples.append((name, value))
            rest = rest[end:].strip()
    return examples


@pytest.fixture(scope="module")
def model() -> KeywordModel:
    return load_model()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert set(MESSAGES) <= set(SCHEMA["$defs"])


@pytest.mark.parametrize(("name", "example"), documented())
def test_every_example_is_valid(name: str, example: Any) -> None:
    assert name in MESSAGES, "a JSON block should begin with ```json and its definition's name"
    check(example, name)


def test_every_message_has_an_example() -> None:
    assert {name for name, _ in documented()} == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_every_key_is_explained(name: str) -> None:
    # v and type are explained once, for all.
    keys = set(SCHEMA["$defs"][name]["properties"]) - {"type", "v"}
    assert {key for key in keys if f"`{key}`" not in PROTOCOL} == set()


@pytest.mark.parametrize(
    "what",
    [
        DETECTED,
        DROPPED,
        LOST,
        BACK,
        BACK_AT_LAST,
        RELOADED,
        REFUSED,
        STARTED,
        ENDED,
        MUTED,
        UNMUTED,
    ],
)
def test_events(what: Body) -> None:
    event = Hub("a8064acf2f92").publish(what)
    check(json.loads(event.to_json()), what.type)


@pytest.mark.parametrize(
    "what", [DROPPED, LOST, BACK, RELOADED, REFUSED, STARTED, ENDED, MUTED, UNMUTED]
)
def test_each_status_has_an_example_and_needs_its_keys(what: Body) -> None:
    (example,) = (each for _, each in documented() if each.get("status") == what.fields()["status"])
    event = json.loads(Hub("r").publish(what).to_json())
    assert list(example) == list(event)
    for key in what.fields():
        with pytest.raises(ValidationError):
            check({name: value for name, value in example.items() if name != key}, "status")


LIMITS = {"minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength"}
TYPES = {
    **{reply.__struct_config__.tag: reply for reply in REPLIES},
    **{request.__struct_config__.tag: request for request in (Start, Gap, End)},
    "request": Request,
    "look": ScoresRequest,
    "mute": MuteRequest,
    "mark": MarkRequest,
}


def described(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """What msgspec says of a message."""
    (own,), components = msgspec.json.schema_components([kind])
    schema: dict[str, Any] = components[own["$ref"].rpartition("/")[2]]
    return schema


@pytest.mark.parametrize("kind", TYPES.values(), ids=list(TYPES))
def test_the_schema_has_the_keys_of_the_type(kind: type[msgspec.Struct]) -> None:
    name = next(name for name, each in TYPES.items() if each is kind)
    published, own = SCHEMA["$defs"][str(name).replace("-", "_")], described(kind)
    assert set(published["properties"]) == set(own["properties"])
    # What has a default is always sent by the daemon, and may be left out by a client.
    always = (
        set(own["properties"]) - {"frames", "replay", "turned_down"}
        if kind in REPLIES
        else own["required"]
    )
    assert set(published["required"]) == set(always)
    closed = not published["additionalProperties"]
    assert closed is (kind not in REPLIES)
    for key, value in own["properties"].items():
        for limit in LIMITS & value.keys():
            assert published["properties"][key][limit] == value[limit], f"{key}: {limit}"


STAMP = {"type", "v", "id", "run", "seq", "time"}


def test_the_schema_has_the_keys_of_a_detection() -> None:
    published = SCHEMA["$defs"]["detection"]
    keys = STAMP | set(described(Detected)["properties"])
    assert set(published["properties"]) == set(published["required"]) | {"score"} == keys


def test_the_schema_has_the_keys_of_each_status() -> None:
    published = SCHEMA["$defs"]["status"]
    needed = {
        each["if"]["properties"]["status"]["const"]: set(each["then"]["required"])
        for each in published["allOf"]
    }
    assert needed == {
        str(kind.__struct_config__.tag): set(described(kind)["properties"]) - {"status"}
        for kind in STATUSES
    }
    assert set(published["required"]) == STAMP | {"status"}
    assert set(published["properties"]) == STAMP.union({"status"}, *needed.values())


TEXT = st.text(st.characters(codec="utf-8"))
NAMES = st.frozensets(TEXT) | st.none()
SECONDS = st.floats(0, 86_400)
REQUESTS = (
    st.builds(
        Start,
        stream=st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1).map(
            lambda name: name[:64]
        ),
        sample_rate=st.integers(8_000, 96_000),
        channels=st.integers(1, 8),
        token=TEXT | st.none(),
    ),
    st.builds(Gap, seconds=st.floats(0, 86_400, exclude_min=True)),
    st.builds(End),
    st.builds(
        Request,
        keywords=NAMES,
        streams=NAMES,
        min_confidence=st.floats(0, 1),
        after=st.builds(After, run=TEXT, seq=st.integers(0, 2**53)) | st.none(),
    ),
    st.builds(ScoresRequest, stream=TEXT | st.none()),
)
BODIES: tuple[st.SearchStrategy[Body], ...] = (
    st.builds(Detected, t=SECONDS, confidence=st.floats(0, 1)),
    st.builds(SamplesDropped, t=SECONDS),
    st.builds(AudioLost, t=SECONDS),
    st.builds(AudioBack, t=SECONDS, seconds=SECONDS | st.none()),
    st.builds(Reloaded, thresholds=st.dictionaries(TEXT, st.floats(0, 1))),
    st.builds(ReloadRefused),
    st.builds(StreamStarted, t=SECONDS),
    st.builds(StreamEnded, t=SECONDS),
    st.builds(Muted, seconds=SECONDS | st.none()),
    st.builds(Unmuted),
)


@given(st.one_of(REQUESTS))
def test_a_request_is_read_as_it_was_written(request: msgspec.Struct) -> None:
    assert msgspec.json.decode(encode(request), type=type(request)) == request


@given(st.one_of(BODIES))
def test_a_body_stays_in_its_message(body: Body) -> None:
    message = json.loads(Event("r", 1, datetime.now(UTC), body).to_json())
    assert message["type"] == body.type
    for key in body.__struct_fields__:
        value = getattr(body, key)
        if value is UNSET:
            assert key not in message
            continue
        if isinstance(value, float):
            assert message[key] == pytest.approx(value, abs=0.0006)
        else:
            assert message[key] == json.loads(json.dumps(value))


@given(st.one_of(TEXT, st.binary(), st.builds(json.dumps, JSON)))
def test_any_message_is_accepted_or_refused(message: str | bytes) -> None:
    for parse in (parse_start, parse_sender, parse_scores_request):
        with contextlib.suppress(BadRequestError):
            parse(message)
    with contextlib.suppress(BadRequestError):
        parse_request(message, KEYWORDS)


def test_hello() -> None:
    message = Hello(
        run="a8064acf2f92",
        seq=1,
        model="yes-no-up-down",
        keywords=KEYWORDS,
        thresholds=dict.fromkeys(KEYWORDS, 0.7),
        sources=(SOURCE.summary(),),
    )
    check(json.loads(encode(message)), "hello")


def test_started() -> None:
    message = Started(
        run="a8064acf2f92",
        seq=1,
        stream="kitchen",
        model="yes-no-up-down",
        keywords=KEYWORDS,
        thresholds=dict.fromkeys(KEYWORDS, 0.7),
    )
    check(json.loads(encode(message)), "started")


def test_scan_line_even_before_the_start() -> None:
    check(
        json.loads(scan_line("a.wav", Detected("", -0.1, "yes", 0.97, "yes-no-up-down"))),
        "scan_line",
    )


@pytest.mark.parametrize(
    ("source", "stalled", "muting", "status"),
    [
        (SOURCE, "", OPEN, "ok"),
        (replace(SOURCE, seconds_since_audio=None), "", OPEN, "waiting"),
        (replace(SOURCE, reason="unplugged", audio_format=None), "", OPEN, "lost"),
        (SOURCE, "no audio was processed for 7 s", OPEN, "stalled"),
        (replace(SOURCE, reason="unplugged"), "", MuteState(True, 4.2), "muted"),
    ],
)
def test_health(source: SourceState, stalled: str, muting: MuteState, status: str) -> None:
    _, page = health(
        *(source, (SOURCE,)),
        run="a8064acf2f92",
        uptime_s=1.5,
        stalled=stalled,
        subscribers=2,
        muting=muting,
        integrations=(IntegrationStatus("mqtt", "mqtt://b", connected=True, events={"sent": 1}),),
    )
    assert page["status"] == status
    check(page, "health")


def test_info(model: KeywordModel) -> None:
    page = info(Spotter(model), keep_audio_s=60.0, history_days=0.0)
    check(msgspec.json.decode(msgspec.json.encode(page)), "info")


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"keywords": []},
        {"keywords": None, "min_confidence": 1},
        {"token": "secret", "after": {"run": "a8064acf2f92", "seq": 0}},
        {"after": None, "token": None},
    ],
)
def test_what_the_schema_allows_is_understood(request_: dict[str, Any]) -> None:
    check(request_, "request")
    parse_request(json.dumps(request_), KEYWORDS)


@pytest.mark.parametrize(
    "request_",
    [
        [],
        {"keyword": "yes"},
        {"keywords": "yes"},
        {"keywords": [1]},
        {"min_confidence": 1.1},
        {"min_confidence": None},
        {"after": {"run": "a8064acf2f92"}},
        {"after": {"run": "a8064acf2f92", "seq": -1}},
        {"after": {"run": "a8064acf2f92", "seq": 1, "more": 1}},
        {"token": 1},
    ],
)
def test_what_the_schema_forbids_is_refused(request_: Any) -> None:
    with pytest.raises(ValidationError):
        check(request_, "request")
    with pytest.raises(BadRequestError):
        parse_request(json.dumps(request_), KEYWORDS)


START = {"type": "start", "stream": "kitchen", "sample_rate": 16_000, "format": "s16le"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("start", START),
        ("start", {**START, "channels": 8, "scores": True, "token": "secret"}),
        ("gap", {"type": "gap", "seconds": 0.001}),
        ("end", {"type": "end"}),
        ("look", {}),
        ("look", {"stream": None, "frames": True, "token": "secret"}),
        ("mark", {"not_a_word": False}),
        ("mute", {}),
        ("mute", {"seconds": None}),
        ("mute", {"seconds": 86_400}),
    ],
)
def test_what_the_schema_allows_is_accepted(name: str, message: Any) -> None:
    check(message, name)
    PARSERS[name](json.dumps(message))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("start", {}),
        ("start", {**START, "type": "begin"}),
        ("start", {**START, "stream": ""}),
        ("start", {**START, "stream": "x" * 65}),
        ("start", {**START, "stream": "two\nlines"}),
        ("start", {**START, "sample_rate": 7_999}),
        ("start", {**START, "sample_rate": 96_001}),
        ("start", {**START, "sample_rate": "16000"}),
        ("start", {**START, "format": "mp3"}),
        ("start", {**START, "channels": 0}),
        ("start", {**START, "channels": 9}),
        ("start", {**START, "more": 1}),
        ("gap", {"type": "gap"}),
        ("gap", {"type": "gap", "seconds": 0}),
        ("gap", {"type": "gap", "seconds": -1}),
        ("end", {"type": "end", "more": 1}),
        ("look", {"stream": 1}),
        ("look", {"what": "kitchen"}),
        ("mark", {}),
        ("mark", {"not_a_word": 1}),
        ("mark", {"not_a_word": True, "more": 1}),
        ("mute", {"seconds": 0}),
        ("mute", {"seconds": 86_401}),
        ("mute", {"seconds": "5"}),
        ("mute", {"minutes": 5}),
        ("mute", []),
    ],
)
def test_what_the_schema_forbids_a_sender_is_refused(name: str, message: Any) -> None:
    with pytest.raises(ValidationError):
        check(message, name)
    with pytest.raises(BadRequestError):
        PARSERS[name](json.dumps(message))


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - FROM_CLIENTS))
def test_what_the_daemon_sends_may_grow(name: str) -> None:
    example = next(example for each, example in documented() if each == name)
    check({**example, "new": 1}, name)


def test_what_a_real_daemon_sends() -> None:
    with Talker() as daemon, subscribe(daemon.port) as subscriber:
        hello = receive(subscriber)
        check(hello, "hello")
        check(ask(subscriber, keywords=["yes"]), "subscribed")
        printed = daemon.say("yes")
        check(printed[0], "detection")
        assert receive(subscriber) == printed[0]
        check(ask(subscriber, after={"run": hello["run"], "seq": 0}), "subscribed")
        check(get_json(daemon.port, "/health"), "health")
        check(get_json(daemon.port, "/info"), "info")
