"""What is seen of an epoch that is going on: a bar on a terminal, elsewhere a line at times."""

import logging
import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

from train.fitting.learner import Tally

log = logging.getLogger(__name__)

LINE_S = 30.0
"""Seconds between two lines where there is no terminal."""


class Meter:
    """Shows loss, accuracy, clips a second and time left of an epoch.

    Args:
        title: of the epoch.
        clips: scenes in it.
        done: those that an earlier run has done.
        shown: whether to show anything.
    """

    def __init__(self, title: str, clips: int, done: int, *, shown: bool) -> None:
        self._title, self._clips, self._first = title, clips, done
        self._done = done
        self._lines = shown and not sys.stderr.isatty()
        self._bar = tqdm(
            total=clips,
            initial=done,
            desc=title,
            unit=" clips",
            leave=False,
            disable=None if shown else True,
        )
        self._start = self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    @property
    def pace(self) -> float:
        """Clips a second."""
        return (self._done - self._first) / max(1e-9, time.monotonic() - self._start)

    def advance(self, clips: int, tally: Tally) -> None:
        """Some more clips are done, and the epoch so far looks like this."""
        self._done += clips
        figures = f"loss {tally.mean_loss:.4f}, {100 * tally.accuracy:.1f} % right"
        self._bar.set_postfix_str(figures, refresh=False)
        self._bar.update(clips)
        now = time.monotonic()
        if self._lines and now - self._said >= LINE_S:
            self._said = now
            log.info(
                "%s: %d of %d clips, %s, %.0f clips/s, %s left in it",
                *(self._title, self._done, self._clips, figures, self.pace),
                duration((self._clips - self._done) / self.pace),
            )


def duration(seconds: float) -> str:
    """Seconds for people, as "1 h 05 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
