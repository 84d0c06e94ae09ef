"""Recordings that cannot be used: each is named and left out, and too many end the training."""

import logging
from collections.abc import Iterable

from tqdm import tqdm

from kws.errors import AudioFileError

log = logging.getLogger(__name__)

MOST = 0.01
"""Share of all recordings that may be broken; a single one always may."""
SHOWN = 20


class SkippedRecordings:
    """What was found to be wrong with recordings, each named once.

    Args:
        recordings: how many there are in all.
    """

    def __init__(self, recordings: int) -> None:
        self._recordings = recordings
        self._messages: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def skip(self, error: AudioFileError) -> None:
        """Name a recording.

        Raises:
            AudioFileError: by now too many are broken.
        """
        self.add([str(error)])

    def add(self, messages: Iterable[str]) -> None:
        """Name recordings.

        Args:
            messages: what is wrong, with the recording's path; all that were found at once.

        Raises:
            AudioFileError: by now too many are broken.
        """
        new = [message for message in messages if message not in self._messages]
        self._messages |= dict.fromkeys(new)
        count = len(self)
        if new and count > max(1, MOST * self._recordings):
            listed = list(self._messages)[:SHOWN]
            rest = [f"... and {count - SHOWN} more"] if count > SHOWN else []
            raise AudioFileError(
                "\n".join(
                    [
                        f"{count} of {self._recordings} recordings cannot be used, more than "
                        f"{MOST:.0%}; repair or remove them:",
                        *listed,
                        *rest,
                    ]
                )
            )
        # A progress bar steps aside for as long.
        with tqdm.external_write_mode():
            for message in new:
                log.warning("left out: %s", message)
