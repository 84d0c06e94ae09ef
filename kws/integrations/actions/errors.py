"""Why an action has failed."""


class ActionError(Exception):
    """It has failed, for a reason that people are told.

    Args:
        reason: why.
        again: whether it may succeed if it is tried again.
    """

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again
