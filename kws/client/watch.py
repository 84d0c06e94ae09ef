"""Prints a daemon's events: `kws watch`."""

import asyncio
from contextlib import aclosing
from typing import TextIO

from kws.client.listen import Listener
from kws.printing import print_line
from kws.protocol.events import encode


class Watcher:
    """Prints the events of a daemon.

    Args:
        listener: gets them.
        output: gets a line of JSON for each event.
    """

    def __init__(self, listener: Listener, output: TextIO) -> None:
        self._listener, self._output = listener, output

    def watch(self) -> None:
        """Write events until the connection ends.

        Raises:
            ServerError: there was no connection, or the daemon refuses this client.
            OutputError: an event cannot be written.
        """
        asyncio.run(self._watch(through_breaks=False))

    def watch_through_breaks(self) -> None:
        """Write events for ever; connect again whenever the connection ends.

        Raises:
            ServerError: the daemon refuses this client, and would again.
            OutputError: an event cannot be written.
        """
        asyncio.run(self._watch(through_breaks=True))

    async def _watch(self, *, through_breaks: bool) -> None:
        listener = self._listener
        messages = listener.messages() if through_breaks else listener.messages_until_the_end()
        async with aclosing(messages):
            async for message in messages:
                print_line(encode(message), self._output)
