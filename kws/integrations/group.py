"""All integrations of a daemon: started and stopped together, each without a say in the others."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from kws.typing import Integration, IntegrationStatus

log = logging.getLogger(__name__)


class Integrations:
    """Those that are switched on.

    Args:
        members: of them each one.
    """

    def __init__(self, members: Sequence[Integration]) -> None:
        self._members = tuple(members)
        self._started: list[Integration] = []

    def statuses(self) -> Sequence[IntegrationStatus]:
        """Of each one."""
        return tuple(each.status() for each in self._members)

    @asynccontextmanager
    async def running(self, stop_seconds: float) -> AsyncIterator[None]:
        """Run them inside this block.

        Args:
            stop_seconds: for their end, all at the same time.

        Raises:
            KwsError: one can never begin.
        """
        try:
            for each in self._members:
                await each.start()
                self._started.append(each)
            yield
        finally:
            await self.stop(stop_seconds)

    async def stop(self, seconds: float) -> None:
        """End those that run, all at the same time, within so many seconds."""
        stopping, self._started = self._started, []
        await asyncio.gather(*(_stop(each, seconds) for each in stopping))


async def _stop(integration: Integration, seconds: float) -> None:
    name = integration.status().name
    try:
        async with asyncio.timeout(seconds):
            await integration.stop()
    except TimeoutError:
        log.warning("%s: its last events have not been taken within %g s", name, seconds)
    # The end of the others is worth no less for it.
    except Exception:
        log.exception("%s: its end failed; please report it", name)
