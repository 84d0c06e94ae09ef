"""A client of the Wyoming protocol: the library's own, with what it was told."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soxr
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.event import Event, Eventable
from wyoming.wake import Detect, Detection, NotDetected

from kws.typing import Samples
from tests.support.limits import TIMEOUT, limit
from tests.support.process import DaemonProcess
from tests.support.speech import RATE

_CHUNK_S = 0.064
_FULL_SCALE = {1: 127, 2: 2**15 - 1, 3: 2**23 - 1, 4: 2**31 - 128}


@dataclass(frozen=True)
class Form:
    """A format of audio.

    Attributes:
        rate: frames per second.
        width: bytes of a sample.
        channels: samples per frame.
    """

    rate: int = RATE
    width: int = 2
    channels: int = 1

    def encode(self, samples: Samples) -> bytes:
        """Samples at the demo's rate, the same in each channel."""
        if self.rate != RATE:
            samples = soxr.resample(samples, RATE, self.rate)
        whole = np.round(np.clip(samples, -1, 1).astype(np.float64) * _FULL_SCALE[self.width])
        whole = np.repeat(whole.astype("<i8"), self.channels)
        if self.width == 1:
            return bytes((whole + 128).astype(np.uint8))
        return whole.view(np.uint8).reshape(-1, 8)[:, : self.width].tobytes()


PLAIN = Form()


@dataclass
class Told:
    """What a client was told.

    Attributes:
        detections: name and timestamp of each.
        not_detected: how often it was told that.
        others: all other events.
    """

    detections: list[Detection] = field(default_factory=list)
    not_detected: int = 0
    others: list[Event] = field(default_factory=list)

    @property
    def names(self) -> list[str | None]:
        """Of the detections."""
        return [each.name for each in self.detections]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The detections, as a subscriber would have got them."""
        return [
            {"keyword": each.name, "t": (each.timestamp or 0) / 1000} for each in self.detections
        ]

    def take(self, event: Event) -> None:
        """Take note of an event."""
        if Detection.is_type(event.type):
            assert "speaker" not in event.data
            self.detections.append(Detection.from_event(event))
        elif NotDetected.is_type(event.type):
            self.not_detected += 1
        else:
            self.others.append(event)


def wyoming_port(daemon: DaemonProcess) -> int:
    """Where a daemon serves Wyoming."""
    prefix = "wyoming: listening at tcp://127.0.0.1:"
    entry = daemon.logged(lambda entry: entry["message"].startswith(prefix))
    return int(entry["message"].removeprefix(prefix))


def chunks(samples: Samples, form: Form, *, timestamps: bool = True) -> Iterable[AudioChunk]:
    """Samples at the demo's rate as chunks of audio."""
    data = form.encode(samples)
    frame = form.width * form.channels
    step = round(_CHUNK_S * form.rate) * frame
    for begin in range(0, len(data), step):
        ms = round(1000 * begin / frame / form.rate) if timestamps else None
        piece = data[begin : begin + step]
        yield AudioChunk(form.rate, form.width, form.channels, piece, timestamp=ms)


async def converse(uri: str, said: Sequence[Eventable], until: int = 0, answers: int = 0) -> Told:
    """Say all that, and listen until the other side closes or that has come which is waited for.

    Args:
        uri: of the service.
        said: what to send, as fast as it is taken.
        until: detections and `not-detected` that are waited for.
        answers: other events that are waited for.
    """
    told = Told()
    async with asyncio.timeout(limit(4 * TIMEOUT, now=True)):
        client = AsyncClient.from_uri(uri)
        await client.connect()
        try:
            sending = asyncio.create_task(_send(client, said))
            while len(told.detections) + told.not_detected < until or len(told.others) < answers:
                event = await client.read_event()
                if event is None:
                    break
                told.take(event)
            with suppress(ConnectionError):
                await sending
        finally:
            with suppress(ConnectionError):
                await client.disconnect()
    return told


async def listen_to(
    uri: str,
    samples: Samples,
    form: Form = PLAIN,
    names: list[str] | None = None,
    *,
    until: int,
    timestamps: bool = True,
) -> Told:
    """Send audio from its start to its stop, and wait for so many outcomes."""
    said: list[Eventable] = [Detect(names=names), AudioStart(form.rate, form.width, form.channels)]
    said += [*chunks(samples, form, timestamps=timestamps), AudioStop()]
    return await converse(uri, said, until)


async def _send(client: AsyncClient, said: Sequence[Eventable]) -> None:
    for each in said:
        await client.write_event(each.event())
