"""One stream of sound: what its feeds bring, one after the other, through one spotter.

No thread, no clock: times come from the feeds.
"""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from kws.audio.feed import Feed
from kws.audio.liveness import Liveness, Trouble
from kws.audio.reader import Block, Reader, RecentAudio
from kws.audio.resample import warn_not_finite
from kws.engine.build import SILENCE_S
from kws.engine.clips import CLIP_S, Clip
from kws.engine.scores import Hop, Observers, level
from kws.protocol.events import AudioBack, AudioLost, Body, Detected, Event, SamplesDropped
from kws.spotting.spotter import Detection, Spotter

log = logging.getLogger(__name__)

_MEMORY_S = 4.0
"""Clip that is remembered for another spotter, which has to know all that the old one does."""
_LATE_S = 1.0
"""When spotters are exchanged, what the new one would have said within so long is said late."""
_EPSILON_S = 1e-6


class Stream:
    """A stream that may be lost and come back.

    `attach` and `lose` may be called from any thread, all else is for the one that hears.

    Args:
        name: of the stream, in events.
        spotter: hears it.
        publish: takes what happened.
        live: whether its source does not wait. Where a live one is too far ahead of us, the newest
            window is heard next and what came before it is dropped.
        behind_s: how far that is; a window by default.
        heard_to_end: called when a feed has been heard to its end.
        observers: who looks at each hop.
        keep: takes the sound of each detection, with the event's id.
    """

    def __init__(
        self,
        name: str,
        spotter: Spotter,
        publish: Callable[[Body], Event | None],
        *,
        live: bool,
        behind_s: float | None = None,
        heard_to_end: Callable[[], None] = lambda: None,
        observers: Observers | None = None,
        keep: Callable[[str, Clip], None] | None = None,
    ) -> None:
        self.name = name
        self.spotter = spotter
        self.dropped_samples = 0
        self._publish = publish
        self._live = live
        self._behind_s = behind_s
        self._heard_to_end = heard_to_end
        self._observers = observers or Observers()
        self._keep = keep
        self._waiting: deque[Feed | str | Callable[[], object]] = deque()
        self._reader: Reader | None = None
        self._recent: RecentAudio | None = None
        self._due: tuple[Tensor, Block] | None = None
        self._liveness = Liveness()
        self._last_heard: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Length of the stream so far, lost time included."""
        return _seconds(self.spotter)

    def attach(self, feed: Feed) -> None:
        """What comes after the feeds so far comes from this one."""
        self._waiting.append(feed)

    def lose(self, reason: str) -> None:
        """After the feeds so far there is no sound, and no feed either."""
        self._waiting.append(reason)

    def call(self, work: Callable[[], object]) -> None:
        """Once the feeds so far have been heard, call `work` from the thread that hears."""
        self._waiting.append(work)

    def due(self) -> Tensor:
        """Windows that are complete and not decided: shape (n, bands, window_frames); n may be 0.

        What is heard in them is for `decide`, before this is called again.
        """
        while self._reader or self._waiting:
            if self._reader is None:
                self._next(self._waiting.popleft())
                continue
            block = self._reader.take()
            if block is not None:
                recent = self._recent or self._begin(self._reader.feed)
                if block.lost:
                    recent = self._skip(block)
                self._delivered(self._reader.feed)
                recent.append(block.frames)
                if len(windows := self.spotter.windows(block.samples)):
                    self._due = windows, block
                    return windows
            elif self._reader.feed.exhausted:
                self._end(self._reader)
            else:
                break
        return torch.empty(0)

    def decide(self, posteriors: Tensor) -> None:
        """Take the posteriors, shape (n, keywords), of the windows that were due."""
        if self._due is None or not self._observers.wanted(self.name):
            self._report(self.spotter.decide(posteriors))
            return
        windows, block = self._due
        for window, row in zip(windows, posteriors, strict=True):
            self._report(self.spotter.decide(row[None]))
            self._observers.show(self._hop(window, row.tolist(), level(block.frames)))

    def _hop(self, window: Tensor, posteriors: list[float], rms: float) -> Hop:
        spotter = self.spotter
        return Hop(
            self.name,
            spotter.decided / spotter.model.sample_rate,
            rms,
            dict(zip(spotter.model.classes, posteriors, strict=True)),
            spotter.smoothed,
            window[:, -spotter.hop_frames :],
        )

    def exchange(self, spotter: Spotter) -> None:
        """Go on with another spotter, which gets the last seconds of audio first."""
        old, self.spotter = self.spotter, spotter
        if self._reader is not None:
            self._reader = self._read(self._reader.feed)
        if self._reader is None or self._recent is None:
            spotter.skip(round(_seconds(old) * spotter.model.sample_rate))
            return
        # From a whole number of hops on, so that windows lie where they would have lain.
        recent = self._recent
        hop = recent.sample_rate * spotter.hop_s
        hops = math.ceil(recent.first / hop)
        before = recent.start_s + hops * spotter.hop_s
        spotter.skip(round(before * spotter.model.sample_rate))
        samples = self._reader.resample(recent.between(round(hops * hop)))
        # What the old one was about to detect is not lost.
        self._report(each for each in spotter.push(samples) if each.t > self.seconds - _LATE_S)

    def _next(self, item: Feed | str | Callable[[], object]) -> None:
        if isinstance(item, Feed):
            self._reader, self._recent = self._read(item), None
        elif isinstance(item, str):
            self._lose(Trouble.LOST, item)
        else:
            item()

    def _read(self, feed: Feed) -> Reader:
        model = self.spotter.model
        window_s = model.window_samples / model.sample_rate
        behind_s = window_s if self._behind_s is None else self._behind_s
        return Reader(
            feed,
            model.sample_rate,
            block_s=self.spotter.hop_s,
            limit_s=4 * window_s,
            behind_s=behind_s if self._live else None,
        )

    def _begin(self, feed: Feed) -> RecentAudio:
        """A feed's first frames have come; they do not follow those of the one before."""
        last_audio = self._liveness.last_audio
        if last_audio is not None and feed.first_audio is not None:
            gap = max(0.0, feed.first_audio - last_audio)
            samples = round(gap * self.spotter.model.sample_rate)
            self.spotter.skip(samples)
            self.dropped_samples += samples
        return self._forget(feed.format.sample_rate)

    def _forget(self, sample_rate: int) -> RecentAudio:
        self._recent = RecentAudio(self.seconds, sample_rate, _MEMORY_S)
        return self._recent

    def _skip(self, block: Block) -> RecentAudio:
        assert self._recent is not None
        self._report(self.spotter.push(block.rest))
        self.spotter.skip(block.lost)
        recent = self._forget(self._recent.sample_rate)
        self.dropped_samples += block.lost
        reason = "sound was lost, or could not be heard in time"
        log.warning("stream %r: %d samples dropped: %s", self.name, block.lost, reason)
        self._publish(SamplesDropped(self.name, self.seconds, block.lost, reason))
        return recent

    def _end(self, reader: Reader) -> None:
        feed = reader.feed
        self._report(self.spotter.push(reader.end(0.0 if self._live else SILENCE_S)))
        warn_not_finite(f"stream {self.name!r}", reader.not_finite)
        self._delivered(feed)
        self._reader = self._recent = None
        if self._live and feed.error is not None:
            self._lose(Trouble.of(feed.error), str(feed.error))
        self._heard_to_end()

    def _lose(self, trouble: Trouble, reason: str) -> None:
        if self._liveness.lose(trouble, reason):
            self._publish(AudioLost(self.name, self.seconds, reason))

    def _delivered(self, feed: Feed) -> None:
        back = self._liveness.delivered(feed.first_audio, feed.last_audio, feed.last_sound)
        if back is not None:
            self._publish(AudioBack(self.name, self.seconds, back.seconds))
            log.info("stream %r: sound is back", self.name)

    def _report(self, detections: Iterable[Detection]) -> None:
        name = self.spotter.model.header.name
        for each in detections:
            # A spotter keeps this by itself, but a new one knows little of what was said.
            wait = self.spotter.trigger[each.keyword].refractory_s - _EPSILON_S
            if each.t < self._last_heard.get(each.keyword, -math.inf) + wait:
                continue
            self._last_heard[each.keyword] = each.t
            event = self._publish(Detected(self.name, each.t, each.keyword, each.confidence, name))
            if event is not None and self._keep is not None and self._recent is not None:
                self._keep(event.id, _clip(self._recent, each.t))


def _clip(recent: RecentAudio, t: float) -> Clip:
    """The audio up to a moment of the stream, in seconds."""
    end = round((t - recent.start_s) * recent.sample_rate)
    return Clip(recent.between(end - round(CLIP_S * recent.sample_rate), end), recent.sample_rate)


def _seconds(spotter: Spotter) -> float:
    return spotter.position / spotter.model.sample_rate
