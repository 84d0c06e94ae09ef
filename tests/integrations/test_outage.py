"""A failure is said once, and tried again at growing intervals."""

import logging

import pytest

from kws.integrations.outage import PAUSES_S, STEADY_S, Outage
from tests.integrations.clock import Clock


@pytest.fixture(autouse=True)
def level(caplog: pytest.LogCaptureFixture) -> None:
    """Everything is kept."""
    caplog.set_level(logging.INFO)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records]


def test_each_reason_is_said_once_and_the_pauses_grow(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage("mqtt", "mqtt://b:1", Clock())
    pauses = [outage.failed("refused") for _ in range(10)]
    assert pauses == [*PAUSES_S, *(PAUSES_S[-1],) * (10 - len(PAUSES_S))]
    outage.failed("gone")
    assert said(caplog) == [
        "mqtt: mqtt://b:1: refused; kws goes on, and tries again",
        "mqtt: mqtt://b:1: gone; kws goes on, and tries again",
    ]


def test_after_a_steady_connection_all_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    outage = Outage("mqtt", "b", clock)
    for _ in range(2):
        outage.over()
        clock.now += STEADY_S
        assert outage.failed("gone") == PAUSES_S[0]
        assert outage.failed("gone") == PAUSES_S[1]
    assert said(caplog) == ["mqtt: b: connected", said(caplog)[1]] * 2


def test_a_connection_that_ends_at_once_again_and_again_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outage = Outage("mqtt", "b", Clock())
    pauses = []
    for _ in range(6):
        outage.over()
        pauses.append(outage.failed("taken over"))
    assert pauses == list(PAUSES_S)
    # The second time says that it was back once.
    assert len(said(caplog)) == 3
