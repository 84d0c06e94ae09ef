"""How many messages a client may send. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MessageRate:
    """A limit of messages.

    Attributes:
        per_second: that may come for as long as a client wants.
        burst: that may come at once, after a pause.
    """

    per_second: float
    burst: int


class MessageCounter:
    """Counts a client's messages against a limit: a token bucket.

    Args:
        rate: the limit.
        now: by the clock, seconds.
    """

    def __init__(self, rate: MessageRate, now: float) -> None:
        self.rate = rate
        self._left = float(rate.burst)
        self._then = now

    def take(self, now: float) -> bool:
        """Count a message; false: it is one too many."""
        earned = (now - self._then) * self.rate.per_second
        self._left = min(self.rate.burst, self._left + earned) - 1
        self._then = now
        return self._left >= 0
