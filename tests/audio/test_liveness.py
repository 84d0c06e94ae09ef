"""The watch: verdicts over any course of sound and looks."""

from hypothesis import given
from hypothesis import strategies as st

from kws.audio.liveness import Patience, Trouble, Watch

PATIENCE = Patience(lost_after=3.0, silent_after=60.0)
LOOKS = st.lists(st.floats(0.01, 2.0), min_size=1, max_size=80)
"""Seconds between one look and the next."""


def test_a_source_that_stops_is_lost_at_the_second_look() -> None:
    watch = Watch(PATIENCE, 0.0)
    assert watch.look(3.0, 0.0, 0.0) is None
    assert watch.look(3.1, 0.0, 0.0) is None
    assert watch.look(3.2, 0.0, 0.0) is Trouble.LOST


def test_a_source_that_never_delivers_is_lost() -> None:
    watch = Watch(PATIENCE, 10.0)
    assert watch.look(12.9, None, None) is None
    assert watch.look(13.1, None, None) is None
    assert watch.look(13.2, None, None) is Trouble.LOST


def test_zeros_are_silence_and_only_for_so_long() -> None:
    watch = Watch(PATIENCE, 0.0)
    for now in (30.0, 60.0, 60.1):
        assert watch.look(now, now, None) is None
    assert watch.look(60.2, 60.2, None) is Trouble.SILENT


def test_one_trouble_does_not_confirm_another() -> None:
    watch = Watch(PATIENCE, 0.0)
    assert watch.look(100.0, 100.0, 1.0) is None
    assert watch.look(104.0, 100.0, 1.0) is None
    assert watch.look(104.1, 104.1, 1.0) is None
    assert watch.look(104.2, 104.2, 1.0) is Trouble.SILENT


@given(LOOKS)
def test_a_source_that_delivers_sound_has_no_trouble(steps: list[float]) -> None:
    watch, now = Watch(PATIENCE, 0.0), 0.0
    for step in steps:
        now += step
        assert watch.look(now, now, now - 2.9) is None


@given(st.floats(3.5, 1e6), LOOKS)
def test_a_paused_process_loses_nothing_if_sound_comes_then(
    pause: float, steps: list[float]
) -> None:
    watch, now = Watch(PATIENCE, 0.0), 0.0
    for step in steps:
        now += pause
        assert watch.look(now, now - pause, now - pause) is None
        now += step
        assert watch.look(now, now, now) is None


@given(st.floats(0.0, 100.0), LOOKS)
def test_a_dead_source_is_lost_in_time_and_stays_so(died: float, steps: list[float]) -> None:
    watch, now, late = Watch(PATIENCE, 0.0), died, 0
    for step in steps:
        now += step
        verdict = watch.look(now, died, died)
        late += now - died > PATIENCE.lost_after
        assert (verdict is Trouble.LOST) is (late >= 2)


@given(LOOKS)
def test_without_patience_for_silence_it_is_no_trouble(steps: list[float]) -> None:
    watch, now = Watch(Patience(3.0, 0.0), 0.0), 0.0
    for step in steps:
        now += 100 * step
        assert watch.look(now, now, None) is None
