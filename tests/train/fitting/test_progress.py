"""What is seen of an epoch."""

import io
import logging
import sys

import pytest

from train.fitting import progress
from train.fitting.learner import Tally
from train.fitting.progress import Meter, duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (75, "1 min 15 s"), (3_899, "1 h 04 min")],
)
def test_durations_are_for_people(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_without_a_terminal_there_are_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(progress, "LINE_S", 0.0)
    with Meter("epoch 1/2", clips=100, done=50, shown=True) as meter:
        meter.advance(25, Tally(windows=100, right=75, loss=50.0))
        assert meter.pace > 0
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("epoch 1/2: 75 of 100 clips, loss 0.5000, 75.0 % right, ")
    with Meter("epoch 1/2", clips=100, done=0, shown=False) as meter:
        meter.advance(25, Tally(1, 1, 1.0))
    assert len(caplog.messages) == 1


class Terminal(io.StringIO):
    """A terminal that remembers what was on it."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_is_a_bar(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(progress, "LINE_S", 0.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Meter("epoch 1/2", clips=100, done=25, shown=True) as meter:
        for _ in range(3):
            # The bar is drawn at most so often.
            meter._bar.last_print_t = 0.0
            meter.advance(25, Tally(windows=100, right=75, loss=50.0))
    assert "epoch 1/2" in terminal.getvalue()
    assert "50/100" in terminal.getvalue()
    assert "loss 0.5000, 75.0 % right" in terminal.getvalue()
    assert "clips/s" in terminal.getvalue()
    assert not caplog.messages


def test_tallies_add_up() -> None:
    tally = Tally(2, 1, 3.0) + Tally(2, 2, 1.0)
    assert (tally.mean_loss, tally.accuracy) == (1.0, 0.75)
    assert (Tally().mean_loss, Tally().accuracy) == (0.0, 0.0)
