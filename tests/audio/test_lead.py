"""How far sound is ahead of the clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.audio.lead import Lead


def test_real_time_is_no_lead_and_neither_is_a_fast_sound_card() -> None:
    lead, now = Lead(0.0), 0.0
    for _ in range(10_000):
        now += 0.1
        assert lead.add(0.1 * 1.01, now) <= 0.102


def test_what_comes_at_once_is_ahead_and_is_caught_up_with() -> None:
    lead = Lead(0.0)
    assert lead.add(4.0, 0.0) == 4.0
    assert lead.add(0.0, 2.0) == pytest.approx(4.0 - 2.04)
    assert lead.add(0.0, 100.0) == 0.0


def test_a_pause_gives_nothing_to_spend_later() -> None:
    lead = Lead(0.0)
    lead.add(1.0, 1.0)
    assert lead.add(5.0, 60.0) == 5.0


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), max_size=50))
def test_it_is_never_less_than_what_just_came(steps: list[tuple[float, float]]) -> None:
    lead, now = Lead(0.0), 0.0
    for passed, seconds in steps:
        now += passed
        assert lead.add(seconds, now) >= seconds
