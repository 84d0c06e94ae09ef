"""A clock that is set by hand."""


class Clock:
    """Seconds, as a test wants them.

    Attributes:
        now: the time.
    """

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now
