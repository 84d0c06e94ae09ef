"""One client: its audio becomes a stream of the engine, and it is told what is detected in it."""

import asyncio
import logging
from dataclasses import dataclass, field

from kws.audio.wyoming_events import Audio, WyomingError, WyomingEvent, data_of
from kws.engine.senders import NameTakenError, Senders, SenderStream
from kws.engine.waiting import LoopEvent
from kws.integrations.wyoming import messages
from kws.integrations.wyoming.clients import Names, Turns
from kws.integrations.wyoming.connection import Connection
from kws.integrations.wyoming.messages import ChunkTimes, Detect, Ping
from kws.protocol.events import Detected, Event, StreamEnded
from kws.protocol.requests import Filter
from kws.serving.description import Description
from kws.serving.hub import Hub

log = logging.getLogger(__name__)

PAUSE_S = 2.0
"""A client that sends no audio for so long has paused: that ends its stream, and its next audio
begins another one."""
PIECE_S = 1.0
"""Longer chunks are taken in pieces."""
_QUEUE = 256


@dataclass
class Counts:
    """What became of clients and of what they sent, since the service began.

    Attributes:
        detections: that clients were told of.
        not_detected: times that audio ended without one.
        refused: clients that were closed, for what they sent or did not send.
    """

    detections: int = 0
    not_detected: int = 0
    refused: int = 0


@dataclass(frozen=True)
class House:
    """What all sessions share.

    Attributes:
        hub: whose events.
        senders: process streams.
        description: of the daemon.
        names: of streams.
        turns: to begin one.
        counts: of all sessions.
        languages: of the keywords.
    """

    hub: Hub
    senders: Senders
    description: Description
    names: Names
    turns: Turns
    languages: tuple[str, ...]
    counts: Counts = field(default_factory=Counts)


@dataclass
class _Audio:
    """What has come since `audio-start`.

    Attributes:
        stream: that is under way; None: it has paused.
        format: of it.
        times: of its chunks.
        detected: whether there was a detection.
    """

    format: Audio
    times: ChunkTimes
    stream: SenderStream | None = None
    detected: bool = False


class Session:
    """One client, from its first event to its last.

    Args:
        connection: of the client.
        house: what it shares with others.
    """

    def __init__(self, connection: Connection, house: House) -> None:
        self._connection, self._house = connection, house
        self._wanted: frozenset[str] | None = None
        self._audio: _Audio | None = None
        self._woken, self._replaced, self._over = LoopEvent(), asyncio.Event(), asyncio.Event()
        self._name = ""
        self._last: SenderStream | None = None
        self._subscription = house.hub.subscribe(self._woken, _QUEUE)
        house.hub.change(self._subscription, Filter(streams=frozenset()))

    async def run(self) -> None:
        """Serve it until it leaves or has to be closed."""
        house, last = self._house, None
        tasks = [
            asyncio.create_task(work)
            for work in (self._receive(), self._deliver(), self._replaced.wait())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        except WyomingError as error:
            house.counts.refused += 1
            log.info("wyoming: client %s closed: %s", self._connection.peer, error)
            last = messages.error(str(error), "refused")
        except ConnectionError:
            log.debug("wyoming: client %s left", self._connection.peer)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            house.hub.unsubscribe(self._subscription)
            if self._last is not None:
                self._last.abandon("its connection ended")
                house.names.release(self._last)
            await self._connection.close(last)

    async def _receive(self) -> None:
        """Take what it sends until there is no more."""
        while True:
            audio = self._audio
            try:
                streams = audio is not None and audio.stream is not None
                event = await self._connection.read(PAUSE_S if streams else None)
            except TimeoutError:
                await self._end_stream()
                continue
            if event is None:
                await self._end_stream()
                return
            await self._take(event)

    async def _take(self, event: WyomingEvent) -> None:
        description = self._house.description
        match event.type:
            case "audio-chunk":
                await self._take_audio(data_of(event, Audio), event.payload)
            case "audio-start":
                await self._end_stream()
                audio = data_of(event, Audio)
                self._audio = _Audio(audio, ChunkTimes(audio.timestamp or 0))
            case "audio-stop":
                await self._stop_audio()
            case "detect":
                names = data_of(event, Detect).names
                self._wanted = frozenset(names) if names else None
                unknown = messages.unknown_names(names or (), description.keywords)
                if unknown is not None:
                    await self._connection.write(unknown)
            case "describe":
                keywords, model = description.keywords, description.model
                languages = self._house.languages
                await self._connection.write(messages.info(keywords, model, languages))
            case "ping":
                await self._connection.write(messages.pong(data_of(event, Ping).text))
            case _:
                # The protocol has many that are for others, and gets new ones.
                pass

    async def _take_audio(self, chunk: Audio, payload: bytes) -> None:
        """Process a chunk, no faster than in real time: the client waits where it is ahead."""
        audio = self._audio
        if audio is None:
            # Some clients just send.
            audio = self._audio = _Audio(chunk, ChunkTimes(chunk.timestamp or 0))
        if chunk.pcm != audio.format.pcm:
            await self._end_stream()
            audio.format = chunk
        pcm = chunk.pcm
        rate = pcm.audio.sample_rate
        if audio.stream is None:
            if not payload:
                return
            audio.stream = await self._begin_stream(audio)
        audio.times.add(len(payload) / pcm.frame_bytes / rate, chunk.timestamp)
        step = round(PIECE_S * rate) * pcm.frame_bytes
        for begin in range(0, len(payload), step):
            wait_s = audio.stream.receive_paced(payload[begin : begin + step])
            if wait_s > 0:
                await asyncio.sleep(wait_s)

    async def _begin_stream(self, audio: _Audio) -> SenderStream:
        """Begin a stream; all that was before it has been processed.

        Raises:
            WyomingError: there are too many, or its name is taken.
        """
        self._connection.count_start()
        await self._house.turns.wait()
        audio.times = ChunkTimes(audio.times.now)
        self._over.clear()
        house, peer = self._house, self._connection.peer
        if not self._name:
            self._name = house.names.take()
            house.hub.change(self._subscription, Filter(streams=frozenset((self._name,))))
        try:
            self._last = house.senders.open(self._name, audio.format.pcm, peer, self._replaced)
        except NameTakenError as error:
            raise WyomingError(str(error)) from error
        return self._last

    async def _end_stream(self) -> None:
        """End the stream that is under way, and wait until all of it was processed."""
        audio = self._audio
        if audio is None or audio.stream is None:
            return
        stream, audio.stream = audio.stream, None
        stream.finish()
        await self._over.wait()

    async def _stop_audio(self) -> None:
        await self._end_stream()
        audio, self._audio = self._audio, None
        if audio is None or not audio.detected:
            self._house.counts.not_detected += 1
            await self._connection.write(messages.not_detected())

    async def _deliver(self) -> None:
        """Tell it what is detected, until the daemon ends."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            for message in self._subscription.take():
                match message:
                    case None:
                        return
                    case Event(body=Detected() as body):
                        await self._tell(body)
                    case Event(body=StreamEnded()) if self._last and self._last.over:
                        self._over.set()
            if self._subscription.missed:
                raise WyomingError("it does not read its answers")

    async def _tell(self, body: Detected) -> None:
        if self._audio is None or (self._wanted is not None and body.keyword not in self._wanted):
            return
        self._audio.detected = True
        self._house.counts.detections += 1
        timestamp = self._audio.times.at(body.t)
        await self._connection.write(messages.detection(body.keyword, timestamp))
