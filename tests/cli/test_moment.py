"""Moments as people write them."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.cli.moment import moment

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("36h", NOW - timedelta(hours=36)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-11-22T08:00:00Z", datetime(2026, 11, 22, 8, tzinfo=UTC)),
        ("2026-11-22T08:00+01:00", datetime(2026, 11, 22, 7, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 22).astimezone()),
        ("2026-11-22 08:15", datetime(2026, 11, 22, 8, 15).astimezone()),
        ("today", datetime(2026, 11, 22).astimezone()),
        ("yesterday", datetime(2026, 11, 21).astimezone()),
    ],
)
def test_what_is_meant(text: str, meant: datetime) -> None:
    assert moment(text, NOW) == meant


@given(st.text() | st.sampled_from(["999999w", "0001-01-01", "9999-12-31", "7", "d", "-1d"]))
def test_anything_else_is_refused_or_has_an_offset(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert moment(text, NOW).tzinfo is not None


@pytest.mark.parametrize("text", ["", "someday", "7", "-1d", "999999w", "24:00"])
def test_it_is_said_what_is_understood(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}: should be yesterday, today, 30m"):
        moment(text, NOW)
