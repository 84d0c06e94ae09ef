"""What a subscriber may say."""

import json
from urllib.parse import urlencode

import pytest

from kws.protocol.requests import (
    After,
    BadRequestError,
    Filter,
    message_token,
    parse_request,
    parse_start,
    parse_start_query,
)
from kws.text import is_plain

KEYWORDS = ("yes", "no")


def test_every_key_is_optional() -> None:
    assert parse_request("{}", KEYWORDS).filter == Filter()
    request = parse_request(
        '{"keywords":["no"],"min_confidence":0.5,"after":{"run":"r","seq":3},"token":"t"}', KEYWORDS
    )
    assert request.filter == Filter(frozenset({"no"}), 0.5)
    assert request.after == After("r", 3)
    assert request.token == "t"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"{}", "text, not binary"),
        ("", "truncated"),
        ("nonsense", "malformed"),
        ("[]", "Expected `object`"),
        ('{"keyword":["yes"]}', "unknown field `keyword`"),
        ('{"keywords":["maybe"]}', "no maybe here; there are: yes, no"),
        ('{"keywords":"yes"}', "Expected `array"),
        ('{"min_confidence":2}', "<= 1"),
        ('{"after":{"run":"r"}}', "missing required field `seq`"),
        ('{"after":{"run":"r","seq":-1}}', ">= 0"),
        ('{"after":{"run":"r","seq":1,"x":1}}', "unknown field `x`"),
        ("[" * 10_000, "Expected `object`"),
    ],
)
def test_nonsense_is_refused_with_its_reason(message: str | bytes, reason: str) -> None:
    with pytest.raises(BadRequestError, match=reason.replace("[", r"\[")):
        parse_request(message, KEYWORDS)


def start(stream: str) -> str:
    return json.dumps({"type": "start", "stream": stream, "sample_rate": 16_000, "format": "s16le"})


@pytest.mark.parametrize(
    "name", ["kitchen\n", "\x1b[31m", "a\x85b", "a\u2028", "\u202ea", " a", "a\u3000", "", "x" * 65]
)
def test_a_stream_has_a_name_that_can_be_shown(name: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        parse_start(start(name))
    assert is_plain(str(refused.value))
    query = urlencode({"stream": name, "sample_rate": 16_000, "format": "s16le"})
    with pytest.raises(BadRequestError):
        parse_start_query(query)


@pytest.mark.parametrize("name", ["kitchen", "Wohnzimmer links", "台所", "क्\u200dष", "x" * 64])
def test_a_stream_has_a_name_in_any_language(name: str) -> None:
    assert parse_start(start(name)).stream == name


def test_of_a_first_message_the_token_alone_is_read() -> None:
    assert message_token('{"token": "a", "keywords": 3, "unknown": []}') == "a"
    for message in ('{"token": 3}', "{}", "", "[" * 10_000, b"\xff", r'{"token": "\ud800"}', "[]"):
        assert message_token(message) is None
