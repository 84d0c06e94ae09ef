"""A daemon that processes, as fast as it can, what a test sends to it."""

import subprocess
from collections.abc import Mapping

from .process import DaemonProcess, Message
from .speech import pcm, spoken


class Talker(DaemonProcess):
    """`kws run --source -` whose standard input stays open: it lives on between two words.

    Args:
        arguments: further ones of the command line.
        environment: variables beside those of this process.
        stdout: where its events go; a pipe for `events`, or a descriptor.
        first: what its input begins with; nothing, once that is processed too.
    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdout: int = subprocess.PIPE,
        first: bytes = bytes(4),
    ) -> None:
        super().__init__(
            "--source",
            "-",
            *arguments,
            environment=environment,
            stdin=subprocess.PIPE,
            stdout=stdout,
        )
        self._said = 0
        # It asks its input whether it is a WAV stream before it is ready.
        self.write(first)

    def say(self, *keywords: str) -> list[Message]:
        """Say keywords one after the other; their events, as standard output gives them."""
        self.mumble(*keywords)
        return self.events(self._said)[-len(keywords) :]

    def mumble(self, *keywords: str) -> None:
        """Say keywords without waiting for their events."""
        for keyword in keywords:
            self.write(pcm(spoken(keyword)))
        self._said += len(keywords)
