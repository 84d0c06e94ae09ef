"""What a subscriber may say."""

import pytest

from kws.protocol.requests import After, BadRequestError, Filter, parse_request

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
