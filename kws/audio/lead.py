"""How far sound runs ahead of the clock. Pure."""

LEAD_TOLD_S, LEAD_LIMIT_S = 2.5, 5.0
"""A sender is told that it is too fast, and refused."""
_DRIFT = 1.02
"""A sound card's second may be shorter than ours; what comes so much too fast is no lead."""


class Lead:
    """Counts by how much a stream has been faster than real time.

    A pause gives nothing to spend later: what was held back during a break of the network, and
    comes after it in one piece, is a lead too.

    Args:
        now: by the clock, seconds.
    """

    def __init__(self, now: float) -> None:
        self.seconds = 0.0
        self._then = now

    def add(self, seconds: float, now: float) -> float:
        """So much sound has come by now; the lead, in seconds."""
        passed, self._then = now - self._then, now
        self.seconds = max(0.0, self.seconds - _DRIFT * passed) + seconds
        return self.seconds
