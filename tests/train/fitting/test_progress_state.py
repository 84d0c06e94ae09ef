"""How far a training has come, and back from plain values."""

from pathlib import Path

import msgspec
import pytest

from train.fitting.learner import Tally
from train.fitting.progress_state import EpochRecord, ProgressState
from train.scenes.sources import Moment

RECORD = EpochRecord(1, 0.5, 0.9, 0.95, None, 1e-3, 12.5)
STATE = ProgressState(1, 3, Tally(96, 80, 40.5), 7.5, (Moment(Path("/a.wav"), 5, 0.9),), (RECORD,))


def test_it_is_the_same_after_conversion_to_plain_values() -> None:
    plain = STATE.plain()
    assert ProgressState.of(plain) == STATE
    assert ProgressState.of(msgspec.json.decode(msgspec.json.encode(plain))) == STATE


def test_after_an_epoch_comes_the_next() -> None:
    after = STATE.next_epoch(RECORD)
    assert (after.epoch, after.step, after.seconds, after.tally) == (2, 0, 0.0, Tally())
    assert after.history == (RECORD, RECORD)
    assert after.hard == STATE.hard
    assert after.begun
    assert not ProgressState().begun


@pytest.mark.parametrize("wrong", [{}, {"epoch": "x"}, {**STATE.plain(), "tally": {"a": 1}}])
def test_something_else_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        ProgressState.of(wrong)
