"""What is said of another side that cannot be reached, and when it is tried again."""

import logging

from kws.typing import Clock

log = logging.getLogger(__name__)

PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Between attempts: longer with each in a row that failed."""
STEADY_S = 10.0
"""A connection that lasts so long has not failed at once."""


class Outage:
    """Tells of failures once each, however often the same one comes again.

    Args:
        name: of the integration.
        peer: what it talks to, for people.
        clock: seconds, monotonic.
    """

    def __init__(self, name: str, peer: str, clock: Clock) -> None:
        self._place, self._clock = f"{name}: {peer}", clock
        self._failures = 0
        self._told = set[str]()
        self._announced = False
        self._since: float | None = None

    def failed(self, reason: str) -> float:
        """It cannot be reached, or is not any more.

        Returns:
            Seconds to wait before the next attempt.
        """
        if self._since is not None and self._clock() - self._since >= STEADY_S:
            self._failures = 0
            self._told.clear()
        self._since = None
        if reason not in self._told:
            log.warning("%s: %s; kws goes on, and tries again", self._place, reason)
            self._told.add(reason)
            self._announced = False
        pause = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
        self._failures += 1
        return pause

    def over(self) -> None:
        """It can be reached."""
        self._since = self._clock()
        if not self._announced:
            log.info("%s: connected", self._place)
            self._announced = True
