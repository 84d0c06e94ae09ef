"""The integration with a hub of its own, without the rest of a daemon."""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from kws.config.schema import MqttConfig
from kws.errors import KwsError
from kws.integrations.mqtt.archive import Archive
from kws.integrations.mqtt.broker import read_broker
from kws.integrations.mqtt.client import Mqtt
from kws.protocol.events import Detected, Event
from kws.protocol.replies import Hello, Source
from kws.serving.description import Description
from kws.serving.hub import Hub
from kws.typing import IntegrationStatus, MuteState, Muting
from tests.support.limits import TIMEOUT, limit, wait_until

ID = "test"


@dataclass
class Described:
    """Stands for the description of a daemon."""

    keywords: tuple[str, ...] = ("yes", "no")
    source: Source = field(default=Source("default", "microphone", "USB", live=True))

    def hello(self, seq: int) -> Hello:
        """What it is."""
        levels = dict.fromkeys(self.keywords, 0.5)
        return Hello(
            run="run",
            seq=seq,
            model="m",
            keywords=self.keywords,
            thresholds=levels,
            sources=(self.source,),
        )


class Microphone:
    """Stands for the switch of a daemon.

    Args:
        muted: how it stands.
        remote: whether it may be unmuted from elsewhere.
    """

    def __init__(self, *, muted: bool = False, remote: bool = True) -> None:
        self.state = MuteState(muted)
        self._remote = remote

    async def mute(self, seconds: float | None = None) -> MuteState:
        """Close it."""
        self.state = MuteState(muted=True, seconds_left=seconds)
        return self.state

    async def unmute(self, *, local: bool) -> MuteState:
        """Open it."""
        if not (local or self._remote):
            raise KwsError("only on this machine")
        self.state = MuteState(muted=False)
        return self.state


class Daemon:
    """A hub whose events go to a broker.

    Args:
        url: of the broker.
        folder: for the archive; None: there is none.
        muting: None: it cannot mute.
        run: identifies it.
        settings: further ones of the integration.
    """

    def __init__(
        self,
        url: str,
        folder: Path | None = None,
        muting: Muting | None = None,
        run: str = "run",
        **settings: Any,
    ) -> None:
        config = MqttConfig(url=url, id=ID, **settings)
        self.hub = Hub(run)
        self.mqtt = Mqtt(
            config,
            read_broker(config),
            hub=self.hub,
            description=cast(Description, Described()),
            archive=None if folder is None else Archive(folder / "mqtt.sqlite", 100_000, 10**8),
            muting=muting,
            clock=time.monotonic,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._stopped = False

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.mqtt.start(), self._loop).result(limit(TIMEOUT))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(limit(TIMEOUT))
        self._loop.close()

    def stop(self, seconds: float = TIMEOUT) -> bool:
        """End as a daemon does; whether that took less than so many seconds."""
        if self._stopped:
            return True
        self._stopped = True
        self.hub.close()

        async def end() -> bool:
            try:
                async with asyncio.timeout(limit(seconds)):
                    await self.mqtt.stop()
            except TimeoutError:
                return False
            return True

        return asyncio.run_coroutine_threadsafe(end(), self._loop).result(limit(TIMEOUT) * 2)

    @property
    def status(self) -> IntegrationStatus:
        """How it is."""
        return self.mqtt.status()

    def detect(self, keyword: str = "yes", stream: str = "default") -> Event:
        """A keyword is detected."""
        return self.hub.publish(Detected(stream, 1.0, keyword, 0.9, "m"))

    def wait_for(self, *, connected: bool) -> None:
        """Wait until it is connected, or not."""
        wait_until(lambda: self.status.connected == connected, f"connected: {connected}")

    def wait_for_count(self, name: str, count: int) -> None:
        """Wait until so many events have come to an outcome."""
        wait_until(lambda: self.status.events[name] >= count, f"{count} {name}")
