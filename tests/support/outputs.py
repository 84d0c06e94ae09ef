"""Outputs of a command that cannot be written."""

import io


class FailingOutput(io.StringIO):
    """An output whose reader has ended, or whose disk is full.

    Args:
        error: what writing to its descriptor raises.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def flush(self) -> None:
        """Raise the error."""
        raise self._error
