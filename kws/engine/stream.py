"""One stream: the audio of its feeds, one after the other, through one spotter, to events.

No thread, no clock: times come from the feeds.
"""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from kws.audio.feed import Feed
from kws.audio.liveness import Liveness, Trouble
from kws.audio.reader import Block, Reader, RecentAudio
from kws.audio.resample import warn_not_finite
from kws.engine.build import SILENCE_S
from kws.engine.clips import Clip
from kws.engine.output import StreamOutput
from kws.engine.scores import Observers, level
from kws.protocol.events import AudioBack, AudioLost, Body, Event, SamplesDropped
from kws.spotting.spotter import Detection, Spotter
from kws.typing import Posteriors, Windows

log = logging.getLogger(__name__)

_RECENT_S = 4.0
"""Audio that is kept for another spotter, whose state has to become that of the old one."""
_LATE_S = 1.0
"""When spotters are exchanged, what the new one detects in so much of it is published late."""


@dataclass(frozen=True)
class Attach:
    """The audio of this feed comes next."""

    feed: Feed


@dataclass(frozen=True)
class Lose:
    """There is no audio, and no feed either."""

    reason: str


@dataclass(frozen=True)
class Call:
    """Something to do between two feeds."""

    work: Callable[[], object]


class Stream:
    """A stream that may be lost and come back.

    `attach`, `lose` and `call` may be used from any thread, all else from the inference thread.

    Args:
        name: of the stream, in events.
        spotter: detects keywords in it.
        publish: takes events.
        live: whether its source does not wait. Where a live one is too far ahead, its audio is
            dropped up to the newest window.
        behind_s: how far that is, if it is more than a window.
        drained: called when a feed has been processed to its end.
        observers: get the scores of each hop.
        keep: takes the clip of each detection, with the event's id.

    Attributes:
        spotter: detects keywords in it.
        dropped_samples: how many are missing, at the model's rate.
    """

    def __init__(
        self,
        name: str,
        spotter: Spotter,
        publish: Callable[[Body], Event | None],
        *,
        live: bool,
        behind_s: float | None = None,
        drained: Callable[[], None] = lambda: None,
        observers: Observers | None = None,
        keep: Callable[[str, Clip], None] | None = None,
    ) -> None:
        self.spotter = spotter
        self.dropped_samples = 0
        self._output = StreamOutput(name, publish, observers, keep)
        self._behind_s = (behind_s or 0.0) if live else None
        self._drained = drained
        self._queue: deque[Attach | Lose | Call] = deque()
        self._reader: Reader | None = None
        self._recent: RecentAudio | None = None
        self._due: tuple[Windows, Block] | None = None
        self._liveness = Liveness()

    @property
    def name(self) -> str:
        """Its name, in events."""
        return self._output.stream

    @property
    def seconds(self) -> float:
        """Length of the stream so far, lost time included."""
        return self.spotter.position / self.spotter.model.sample_rate

    def attach(self, feed: Feed) -> None:
        """What comes after the feeds so far comes from this one."""
        self._queue.append(Attach(feed))

    def lose(self, reason: str) -> None:
        """After the feeds so far there is no audio, and no feed either."""
        self._queue.append(Lose(reason))

    def call(self, work: Callable[[], object]) -> None:
        """Once the feeds so far have been processed, call `work` from the inference thread."""
        self._queue.append(Call(work))

    def due(self) -> Windows:
        """Windows that are complete and not decided: shape (n, bands, window_frames); n may be 0.

        Their posteriors are for `decide`, before this is called again.
        """
        while self._reader or self._queue:
            if self._reader is None:
                self._next(self._queue.popleft())
            elif (block := self._reader.take()) is not None:
                windows = self._process(self._reader.feed, block)
                if len(windows):
                    self._due = windows, block
                    return windows
            elif self._reader.feed.exhausted:
                self._end(self._reader)
            else:
                break
        return np.empty(0, np.float32)

    def decide(self, posteriors: Posteriors) -> None:
        """Take the posteriors, shape (n, keywords), of the windows that were due."""
        if self._due is None or not self._output.observed:
            self._detected(self.spotter.decide(posteriors))
            return
        windows, block = self._due
        for window, row in zip(windows, posteriors, strict=True):
            self._detected(self.spotter.decide(row[None]))
            self._output.decided(self.spotter, window, row.tolist(), level(block.frames))

    def exchange(self, spotter: Spotter) -> None:
        """Go on with another spotter, which gets the recent audio first."""
        position_s, rate = self.seconds, spotter.model.sample_rate
        self.spotter = spotter
        if self._reader is not None:
            self._reader = self._read(self._reader.feed)
        if self._reader is None or self._recent is None:
            spotter.skip(round(position_s * rate))
            return
        # From a whole number of hops on, so that windows lie where they would have lain.
        recent = self._recent
        hop = recent.sample_rate * spotter.hop_s
        hops = math.ceil(recent.first / hop)
        spotter.skip(round((recent.start_s + hops * spotter.hop_s) * rate))
        samples = self._reader.resample(recent.between(round(hops * hop)))
        # What the old one was about to detect is not lost.
        self._detected(each for each in spotter.push(samples) if each.t > self.seconds - _LATE_S)

    def _next(self, item: Attach | Lose | Call) -> None:
        match item:
            case Attach(feed):
                self._reader, self._recent = self._read(feed), None
            case Lose(reason):
                self._lose(Trouble.LOST, reason)
            case Call(work):
                work()

    def _read(self, feed: Feed) -> Reader:
        model = self.spotter.model
        window_s = model.window_samples / model.sample_rate
        behind_s = None if self._behind_s is None else max(window_s, self._behind_s)
        block_s, limit_s = self.spotter.hop_s, 4 * window_s
        return Reader(feed, model.sample_rate, block_s=block_s, limit_s=limit_s, behind_s=behind_s)

    def _process(self, feed: Feed, block: Block) -> Windows:
        """The windows that a block completes, shape (n, bands, window_frames)."""
        recent = self._recent or self._begin(feed)
        if block.lost:
            recent = self._skip(feed, block)
        self._delivered(feed)
        recent.append(block.frames)
        return self.spotter.windows(block.samples)

    def _begin(self, feed: Feed) -> RecentAudio:
        """A feed's first frames have come; they do not follow those of the one before."""
        last_audio = self._liveness.last_audio
        if last_audio is not None and feed.first_audio is not None:
            gap_s = max(0.0, feed.first_audio - last_audio)
            samples = round(gap_s * self.spotter.model.sample_rate)
            self.spotter.skip(samples)
            self.dropped_samples += samples
        self._recent = RecentAudio(self.seconds, feed.format.sample_rate, _RECENT_S)
        return self._recent

    def _skip(self, feed: Feed, block: Block) -> RecentAudio:
        """Samples are missing before a block."""
        self._detected(self.spotter.push(block.rest))
        self.spotter.skip(block.lost)
        self.dropped_samples += block.lost
        reason = "sound was lost, or could not be heard in time"
        log.warning("stream %r: %d samples dropped: %s", self.name, block.lost, reason)
        self._output.publish(SamplesDropped(self.name, self.seconds, block.lost, reason))
        self._recent = RecentAudio(self.seconds, feed.format.sample_rate, _RECENT_S)
        return self._recent

    def _end(self, reader: Reader) -> None:
        feed, live = reader.feed, self._behind_s is not None
        self._detected(self.spotter.push(reader.end(0.0 if live else SILENCE_S)))
        warn_not_finite(f"stream {self.name!r}", reader.not_finite)
        self._delivered(feed)
        self._reader = self._recent = None
        if live and feed.error is not None:
            self._lose(Trouble.of(feed.error), str(feed.error))
        self._drained()

    def _lose(self, trouble: Trouble, reason: str) -> None:
        if self._liveness.lose(trouble, reason):
            self._output.publish(AudioLost(self.name, self.seconds, reason))

    def _delivered(self, feed: Feed) -> None:
        back = self._liveness.delivered(feed.first_audio, feed.last_audio, feed.last_sound)
        if back is not None:
            self._output.publish(AudioBack(self.name, self.seconds, back.seconds))
            log.info("stream %r: sound is back", self.name)

    def _detected(self, detections: Iterable[Detection]) -> None:
        self._output.detected(self.spotter, detections, self._recent)
