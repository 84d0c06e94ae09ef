"""One stream of sound: what its feeds bring, one after the other, through one spotter.

No thread, no clock: times come from the feeds.
"""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from kws.audio.feed import Feed
from kws.audio.resample import warn_not_finite
from kws.engine.clips import CLIP_S, Sound
from kws.engine.listener import Listener
from kws.engine.scores import Hop, Observers, level
from kws.errors import SilentError
from kws.protocol.events import AudioBack, AudioLost, Body, Detected, Event, SamplesDropped
from kws.spotting.spotter import Detection, Spotter
from kws.typing import Frames

log = logging.getLogger(__name__)

_MEMORY_S = 4.0
"""Sound that is remembered for another spotter, which has to know all that the old one does."""
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
        keep: Callable[[str, Sound], None] | None = None,
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
        self._feed: Feed | None = None
        self._listener: Listener | None = None
        self._memory: deque[Frames] = deque()
        self._due, self._due_frames = torch.empty(0), np.empty((0, 1), np.float32)
        self._unbroken_since, self._taken = 0.0, 0
        self._last_audio: float | None = None
        self._last_sound: float | None = None
        self._lost = self._silent = False
        self._sound_until: float | None = None
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
        while self._feed or self._waiting:
            if self._feed is None:
                self._next(self._waiting.popleft())
                continue
            model, rate = self.spotter.model, self._feed.format.sample_rate
            window = round(rate * model.window_samples / model.sample_rate)
            behind = window if self._behind_s is None else round(rate * self._behind_s)
            chunk = self._feed.take(
                round(rate * self.spotter.hop_s),
                limit=4 * window,
                behind=behind if self._live else None,
            )
            if chunk is not None:
                listener = self._listener or self._begin(self._feed)
                if chunk.lost:
                    self._skip(listener, chunk.lost)
                if self._lost:
                    self._return(self._feed)
                self._remember(chunk.frames, rate)
                if len(windows := listener.windows(chunk.frames)):
                    self._due, self._due_frames = windows, chunk.frames
                    return windows
            elif self._feed.exhausted:
                self._end(self._feed)
            else:
                break
        return torch.empty(0)

    def decide(self, posteriors: Tensor) -> None:
        """Take the posteriors, shape (n, keywords), of the windows that were due."""
        if not self._observers.wanted(self.name):
            self._report(self.spotter.decide(posteriors))
            return
        for window, row in zip(self._due, posteriors, strict=True):
            self._report(self.spotter.decide(row[None]))
            self._observers.show(self._hop(window, row.tolist()))

    def _hop(self, window: Tensor, posteriors: list[float]) -> Hop:
        spotter = self.spotter
        return Hop(
            self.name,
            spotter.decided / spotter.model.sample_rate,
            level(self._due_frames),
            dict(zip(spotter.model.classes, posteriors, strict=True)),
            spotter.smoothed,
            window[:, -spotter.hop_frames :],
        )

    def exchange(self, spotter: Spotter) -> None:
        """Go on with another spotter, which knows the last seconds as if it had heard them."""
        old, self.spotter = self.spotter, spotter
        if self._feed is None or self._listener is None:
            spotter.skip(round(_seconds(old) * spotter.model.sample_rate))
            return
        # From a whole number of hops on, so that windows lie where they would have lain.
        hop = self._feed.format.sample_rate * spotter.hop_s
        forgotten = self._taken - sum(map(len, self._memory))
        hops = math.ceil(forgotten / hop)
        before = self._unbroken_since + hops * spotter.hop_s
        spotter.skip(round(before * spotter.model.sample_rate))
        self._listener = Listener(self._feed.format, spotter)
        if not self._memory:
            return
        known = np.concatenate(self._memory)[round(hops * hop) - forgotten :]
        found = self._listener.push(known)
        # What the old one was about to say is not lost.
        self._report(each for each in found if each.t > self.seconds - _LATE_S)

    def _next(self, item: Feed | str | Callable[[], object]) -> None:
        if isinstance(item, Feed):
            self._feed, self._listener = item, None
        elif isinstance(item, str):
            self._note_loss(item, silent=False)
        else:
            item()

    def _begin(self, feed: Feed) -> Listener:
        """Hear a feed's first frames; they do not follow those of the one before."""
        if self._last_audio is not None and feed.first_audio is not None:
            gap = max(0.0, feed.first_audio - self._last_audio)
            samples = round(gap * self.spotter.model.sample_rate)
            self.spotter.skip(samples)
            self.dropped_samples += samples
        self._forget()
        self._listener = Listener(feed.format, self.spotter)
        return self._listener

    def _skip(self, listener: Listener, lost: int) -> None:
        samples, detections = listener.skip(lost)
        self._report(detections)
        self._forget()
        self.dropped_samples += samples
        reason = "sound was lost, or could not be heard in time"
        log.warning("stream %r: %d samples dropped: %s", self.name, samples, reason)
        self._publish(SamplesDropped(self.name, self.seconds, samples, reason))

    def _end(self, feed: Feed) -> None:
        listener = self._listener or Listener(feed.format, self.spotter)
        self._report(listener.finish() if self._live else listener.silence())
        warn_not_finite(f"stream {self.name!r}", listener.not_finite)
        self._last_audio = feed.last_audio or self._last_audio
        self._last_sound = feed.last_sound or self._last_sound
        self._feed = self._listener = None
        self._memory.clear()
        if self._live and feed.error is not None:
            self._note_loss(str(feed.error), silent=isinstance(feed.error, SilentError))
        self._heard_to_end()

    def _note_loss(self, reason: str, *, silent: bool) -> None:
        if not self._lost:
            self._publish(AudioLost(self.name, self.seconds, reason))
            self._silent = silent
            self._sound_until = self._last_sound if silent else self._last_audio
        self._lost = True
        self._silent = self._silent and silent

    def _return(self, feed: Feed) -> None:
        """Say that sound is back, if it is: where there was silence, zeros are none."""
        since, until = self._sound_until, feed.last_sound if self._silent else feed.first_audio
        if until is None:
            return
        self._lost = self._silent = False
        seconds = None if since is None else until - since
        self._publish(AudioBack(self.name, self.seconds, seconds))
        log.info("stream %r: sound is back", self.name)

    def _remember(self, frames: Frames, rate: int) -> None:
        self._taken += len(frames)
        self._memory.append(frames)
        surplus = sum(map(len, self._memory)) - round(_MEMORY_S * rate)
        while surplus >= len(self._memory[0]):
            surplus -= len(self._memory.popleft())

    def _forget(self) -> None:
        """What comes does not follow what came."""
        self._memory.clear()
        self._unbroken_since, self._taken = self.seconds, 0

    def _report(self, detections: Iterable[Detection]) -> None:
        name = self.spotter.model.header.name
        for each in detections:
            # A spotter keeps this by itself, but a new one knows little of what was said.
            wait = self.spotter.trigger[each.keyword].refractory_s - _EPSILON_S
            if each.t < self._last_heard.get(each.keyword, -math.inf) + wait:
                continue
            self._last_heard[each.keyword] = each.t
            event = self._publish(Detected(self.name, each.t, each.keyword, each.confidence, name))
            if event is not None and self._keep is not None and self._feed is not None:
                self._keep(event.id, self._sound(self._feed.format.sample_rate, each.t))

    def _sound(self, rate: int, t: float) -> Sound:
        """What was heard up to a moment of the stream, in seconds."""
        frames = np.concatenate(self._memory) if self._memory else np.empty((0, 1), np.float32)
        end = round((t - self._unbroken_since) * rate) - (self._taken - len(frames))
        return Sound(frames[max(0, end - round(CLIP_S * rate)) : max(0, end)], rate)


def _seconds(spotter: Spotter) -> float:
    return spotter.position / spotter.model.sample_rate
