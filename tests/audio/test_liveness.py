"""The liveness of a source: verdicts over any course of audio and polls, losses and returns."""

from hypothesis import given
from hypothesis import strategies as st

from kws.audio.liveness import Back, IdleTimeouts, Liveness, Trouble
from kws.errors import DeviceError, SilentError

TIMEOUTS = IdleTimeouts(lost_after=3.0, silent_after=60.0)
POLLS = st.lists(st.floats(0.01, 2.0), min_size=1, max_size=80)
"""Seconds between one poll and the next."""


def test_a_source_that_stops_is_lost_at_the_second_poll() -> None:
    source = Liveness(TIMEOUTS, 0.0)
    assert source.poll(3.0, 0.0, 0.0) is None
    assert source.poll(3.1, 0.0, 0.0) is None
    assert source.poll(3.2, 0.0, 0.0) is Trouble.LOST


def test_a_source_that_never_delivers_is_lost() -> None:
    source = Liveness(TIMEOUTS, 10.0)
    assert source.poll(12.9, None, None) is None
    assert source.poll(13.1, None, None) is None
    assert source.poll(13.2, None, None) is Trouble.LOST


def test_zeros_are_silence_and_only_for_so_long() -> None:
    source = Liveness(TIMEOUTS, 0.0)
    for now in (30.0, 60.0, 60.1):
        assert source.poll(now, now, None) is None
    assert source.poll(60.2, 60.2, None) is Trouble.SILENT


def test_silence_and_loss_are_confirmed_separately() -> None:
    source = Liveness(TIMEOUTS, 0.0)
    assert source.poll(100.0, 100.0, 1.0) is None
    assert source.poll(104.0, 100.0, 1.0) is None
    assert source.poll(104.1, 104.1, 1.0) is None
    assert source.poll(104.2, 104.2, 1.0) is Trouble.SILENT


def test_a_source_that_is_started_again_has_its_time_again() -> None:
    source = Liveness(TIMEOUTS, 0.0)
    assert source.poll(4.0, None, None) is None
    source.start(4.1, IdleTimeouts(lost_after=10.0))
    assert source.poll(14.0, None, None) is None
    assert source.poll(14.2, None, None) is None
    assert source.poll(14.3, None, None) is Trouble.LOST


@given(POLLS)
def test_a_source_that_delivers_sound_has_no_trouble(steps: list[float]) -> None:
    source, now = Liveness(TIMEOUTS, 0.0), 0.0
    for step in steps:
        now += step
        assert source.poll(now, now, now - 2.9) is None


@given(st.floats(3.5, 1e6), POLLS)
def test_a_suspended_process_is_not_a_loss_if_audio_comes_then(
    pause: float, steps: list[float]
) -> None:
    source, now = Liveness(TIMEOUTS, 0.0), 0.0
    for step in steps:
        now += pause
        assert source.poll(now, now - pause, now - pause) is None
        now += step
        assert source.poll(now, now, now) is None


@given(st.floats(0.0, 100.0), POLLS)
def test_a_source_that_stops_is_lost_in_time_and_stays_so(died: float, steps: list[float]) -> None:
    source, now, late = Liveness(TIMEOUTS, 0.0), died, 0
    for step in steps:
        now += step
        verdict = source.poll(now, died, died)
        late += now - died > TIMEOUTS.lost_after
        assert (verdict is Trouble.LOST) is (late >= 2)


@given(POLLS)
def test_without_a_timeout_silence_is_no_trouble(steps: list[float]) -> None:
    source, now = Liveness(IdleTimeouts(3.0, 0.0), 0.0), 0.0
    for step in steps:
        now += 100 * step
        assert source.poll(now, now, None) is None


def test_an_error_names_its_trouble() -> None:
    assert Trouble.of(SilentError("muted")) is Trouble.SILENT
    assert Trouble.of(DeviceError("unplugged")) is Trouble.LOST


def test_a_lost_source_is_back_with_its_first_audio() -> None:
    source = Liveness()
    assert source.delivered(1.0, 5.0, 2.0) is None
    assert source.lose(Trouble.LOST, "unplugged")
    assert not source.lose(Trouble.LOST, "no such device")
    assert (source.trouble, source.reason, source.losses) == (Trouble.LOST, "no such device", 1)
    assert source.delivered(None, None, None) is None
    assert source.delivered(7.5, 7.6, None) == Back(2.5)
    assert (source.trouble, source.reason, source.last_audio) == (None, "", 7.6)
    assert source.last_sound == 2.0


def test_a_silent_source_is_back_with_sound_only() -> None:
    source = Liveness()
    source.delivered(1.0, 65.0, 5.0)
    source.lose(Trouble.SILENT, "muted")
    assert source.delivered(66.0, 70.0, None) is None
    assert source.reason == "muted"
    assert source.delivered(66.0, 71.0, 71.0) == Back(66.0)


def test_a_silent_source_that_is_unplugged_is_back_with_any_audio() -> None:
    source = Liveness()
    source.delivered(1.0, 65.0, 5.0)
    source.lose(Trouble.SILENT, "muted")
    assert not source.lose(Trouble.LOST, "unplugged")
    assert not source.lose(Trouble.SILENT, "muted")
    assert source.delivered(70.0, 71.0, None) == Back(65.0)


def test_a_source_that_was_never_there_comes_without_a_length_of_absence() -> None:
    source = Liveness()
    source.absent("no microphone")
    assert not source.lose(Trouble.LOST, "still none")
    assert (source.reason, source.losses) == ("still none", 0)
    assert source.delivered(9.0, 9.1, 9.1) == Back(None)


STEP = st.one_of(st.sampled_from(Trouble), st.tuples(st.floats(0.01, 100.0), st.booleans()))
"""Trouble, or so many seconds of audio that are all zeros or not."""


@given(st.lists(STEP, max_size=40))
def test_each_loss_ends_once(
    steps: list[Trouble | tuple[float, bool]],
) -> None:
    source, now, backs = Liveness(), 0.0, list[Back]()
    for step in steps:
        now += 1.0
        if isinstance(step, Trouble):
            new = source.trouble is None
            assert source.lose(step, step.value) is new
            assert source.reason
            continue
        was_lost, was_silent = source.trouble is Trouble.LOST, source.trouble is Trouble.SILENT
        (seconds, zeros), begun = step, now
        now += seconds
        back = source.delivered(begun, now, None if zeros else now)
        assert (back is not None) is (was_lost or (was_silent and not zeros))
        assert (source.trouble is None) is (source.reason == "")
        assert source.last_audio == now
        backs += [] if back is None else [back]
    assert source.losses == len(backs) + (source.trouble is not None)
    assert all(back.seconds is None or 0 < back.seconds <= now for back in backs)
