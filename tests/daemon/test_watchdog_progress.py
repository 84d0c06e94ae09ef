"""Work of life: what counts as progress, by what has to come next."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.daemon.watchdog import Awaited, Progress, Work

START = Work(10, 20, 30, Awaited.AUDIO)
MORE = {"windows": 11, "attempts": 21, "responses": 31}


def after_start() -> Progress:
    progress = Progress()
    assert progress.progressed(START), "that it runs at all is progress"
    return progress


@pytest.mark.parametrize(
    ("awaited", "done", "progressed"),
    [
        (Awaited.AUDIO, {"windows"}, True),
        (Awaited.AUDIO, {"attempts", "responses"}, False),
        (Awaited.DEVICE, {"windows"}, True),
        (Awaited.DEVICE, {"attempts", "responses"}, True),
        (Awaited.DEVICE, {"attempts"}, False),
        (Awaited.DEVICE, {"responses"}, False),
        (Awaited.NOTHING, {"windows"}, True),
        (Awaited.NOTHING, {"responses"}, True),
        (Awaited.NOTHING, {"attempts"}, False),
    ],
)
def test_what_counts(awaited: Awaited, done: set[str], progressed: bool) -> None:
    signs = Work(
        **{name: MORE[name] if name in done else getattr(START, name) for name in MORE},
        awaited=awaited,
    )
    assert after_start().progressed(signs) is progressed


def test_an_attempt_and_an_answer_need_not_come_at_once() -> None:
    progress = after_start()
    waiting = replace(START, awaited=Awaited.DEVICE)
    assert not progress.progressed(replace(waiting, attempts=21))
    assert progress.progressed(replace(waiting, attempts=21, responses=31))


@given(st.sampled_from(Awaited), st.integers(1, 20))
def test_without_progress_it_is_stalled_at_every_check(awaited: Awaited, looks: int) -> None:
    progress = after_start()
    for _ in range(looks):
        assert not progress.progressed(replace(START, awaited=awaited))


@given(st.lists(st.tuples(st.sampled_from(Awaited), *[st.integers(0, 1)] * 3), max_size=30))
def test_progress_counts_since_the_last_that_was_found(
    steps: list[tuple[Awaited, int, int, int]],
) -> None:
    progress, before, now = after_start(), START, START
    for awaited, *done in steps:
        now = Work(
            now.windows + done[0], now.attempts + done[1], now.responses + done[2], awaited=awaited
        )
        progressed = progress.progressed(now)
        if now.windows > before.windows:
            assert progressed
        elif awaited is Awaited.AUDIO or now.responses == before.responses:
            assert not progressed
        if progressed:
            before = now
