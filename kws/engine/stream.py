"""One stream: the audio of its feeds, one after the other, through one spotter, to events.

No thread, no clock: times come from the feeds.
"""

from collections.abc import Iterable

import numpy as np

from kws.audio.feed import Feed
from kws.audio.liveness import Liveness, Trouble
from kws.audio.reader import Block, Reader, RecentAudio
from kws.audio.resample import warn_not_finite
from kws.engine.build import SILENCE_S
from kws.engine.output import StreamOutput
from kws.engine.queue import Attach, Lose, Reach, StreamQueue
from kws.engine.scores import level
from kws.spotting.detection import Detection
from kws.spotting.spotter import Spotter
from kws.spotting.verifier import Candidate
from kws.typing import Posteriors, Windows

_RECENT_S = 4.0
"""Audio that is kept for another spotter, whose state has to become that of the old one."""
_LATE_S = 1.0
"""When spotters are exchanged, what the new one detects in so much of it is published late."""


class Stream:
    """A stream that may be lost and come back.

    Args:
        spotter: detects keywords in it.
        output: takes the results.
        live: whether its source does not wait. Where a live one is too far ahead, its audio is
            dropped up to the newest window.
        behind_s: how far that is, if it is more than a window.

    Attributes:
        spotter: detects keywords in it.
        queue: what comes next; all else is for the inference thread.
        dropped_samples: how many are missing, at the model's rate.
    """

    def __init__(
        self, spotter: Spotter, output: StreamOutput, *, live: bool, behind_s: float = 0.0
    ) -> None:
        self.spotter = spotter
        self.dropped_samples = 0
        self._output = output
        self._behind_s = behind_s if live else None
        self.queue = StreamQueue()
        self._reader: Reader | None = None
        self._recent: RecentAudio | None = None
        self._due: tuple[Windows, Block] | None = None
        self._liveness = Liveness()
        self._muted = self._was_muted = False

    @property
    def name(self) -> str:
        """Its name, in events."""
        return self._output.stream

    @property
    def seconds(self) -> float:
        """Length of the stream so far, lost time included."""
        return self.spotter.position / self.spotter.model.sample_rate

    def due(self) -> Windows:
        """Windows that are complete and not decided: shape (n, bands, window_frames); n may be 0.

        Their posteriors are for `decide`, before this is called again.
        """
        while self._reader or self._next():
            if (reader := self._reader) is None:
                continue
            if (block := reader.take()) is not None:
                if self._muted:
                    self._leave_out(reader.feed, block)
                elif len(windows := self._process(reader.feed, block)):
                    self._due = windows, block
                    return windows
            elif reader.feed.exhausted:
                self._end(reader)
            else:
                break
        return np.empty(0, np.float32)

    def decide(self, posteriors: Posteriors) -> None:
        """Take the posteriors, shape (n, keywords), of the windows that were due."""
        if self._due is None or not self._output.observed:
            self._detected(self.spotter.propose(posteriors))
            return
        windows, block = self._due
        for window, row in zip(windows, posteriors, strict=True):
            self._detected(self.spotter.propose(row[None]))
            self._output.decided(self.spotter, window, row.tolist(), level(block.frames))

    def candidate(self) -> Candidate | None:
        """The next candidate for the verifier; its scores are for `settle`."""
        return self.spotter.due()

    def settle(self, scores: Posteriors) -> None:
        """Take the verifier's scores, shape (classes,), of the candidate."""
        detection = self.spotter.settle(scores)
        self._detected([detection] if detection is not None else [])

    def exchange(self, spotter: Spotter) -> None:
        """Go on with another spotter, which gets the recent audio first."""
        rate, position_s = spotter.model.sample_rate, self.seconds
        self.spotter = spotter
        if self._reader is not None:
            self._reader = self._read(self._reader.feed)
        if self._reader is None or self._recent is None:
            spotter.skip(round(position_s * rate))
            return
        start_s, frames = self._recent.from_multiple_of(spotter.hop_s)
        spotter.skip(round(start_s * rate))
        late = spotter.push(self._reader.resample(frames))
        # What the old one was about to detect is not lost.
        self._detected(each for each in late if each.t > self.seconds - _LATE_S)

    def mute(self) -> None:
        """Detect nothing from here on; what was about to be detected is dropped."""
        self._muted = self._was_muted = True
        self._recent = None
        self.spotter.skip(0)
        self._detected(())

    def unmute(self) -> None:
        """Detect again, in what comes from here on."""
        if self._reader is not None:
            self.spotter.skip(self._reader.drop())
        self._muted = False

    def _next(self) -> bool:
        """Do what comes next in the queue; false where there is nothing yet."""
        match self.queue.take():
            case None:
                return False
            case Attach(feed):
                self._reader, self._recent = self._read(feed), None
            case Lose(reason):
                self._lose(Trouble.LOST, reason)
            case Reach(milestone):
                milestone.reached()
        return True

    def _read(self, feed: Feed) -> Reader:
        model = self.spotter.model
        window_s = model.window_samples / model.sample_rate
        behind_s = None if self._behind_s is None else max(window_s, self._behind_s)
        block_s, limit_s = self.spotter.hop_s, 4 * window_s
        return Reader(
            feed,
            model.sample_rate,
            block_s=block_s,
            limit_s=limit_s,
            behind_s=behind_s,
            name=f"stream {self.name!r}",
        )

    def _process(self, feed: Feed, block: Block) -> Windows:
        """The windows that a block completes, shape (n, bands, window_frames)."""
        if self._recent is None:
            gap_s = self._liveness.seconds_until(feed.first_audio)
            gap = round(gap_s * self.spotter.model.sample_rate)
            # What was not to be processed was not lost.
            if self._was_muted:
                self.spotter.skip(gap)
            else:
                self._skip(gap)
            self._was_muted = False
        if block.lost:
            self._detected(self.spotter.push(block.rest))
            self._skip(block.lost)
            self._output.dropped(self.seconds, block.lost)
        if self._recent is None:
            self._recent = RecentAudio(self.seconds, feed.format.sample_rate, _RECENT_S)
        self._delivered(feed)
        self._recent.append(block.frames)
        return self.spotter.windows(block.samples)

    def _leave_out(self, feed: Feed, block: Block) -> None:
        """Count a block's time, and nothing else."""
        self.spotter.skip(len(block.rest) + block.lost + len(block.samples))
        self._delivered(feed)

    def _skip(self, samples: int) -> None:
        """So many samples are missing before the next ones."""
        self.spotter.skip(samples)
        self.dropped_samples += samples
        self._recent = None

    def _end(self, reader: Reader) -> None:
        feed, live = reader.feed, self._behind_s is not None
        if self._muted:
            self.spotter.skip(len(reader.end()))
        else:
            self._detected(self.spotter.push(reader.end(0.0 if live else SILENCE_S)))
            self._detected(self.spotter.finish())
        warn_not_finite(f"stream {self.name!r}", reader.not_finite)
        self._delivered(feed)
        self._reader = self._recent = None
        if live and feed.error is not None:
            self._lose(Trouble.of(feed.error), str(feed.error))

    def _lose(self, trouble: Trouble, reason: str) -> None:
        if self._liveness.lose(trouble, reason):
            self._output.lost(self.seconds, reason)

    def _delivered(self, feed: Feed) -> None:
        back = self._liveness.delivered(feed.first_audio, feed.last_audio, feed.last_sound)
        if back is not None:
            self._output.back(self.seconds, back.seconds)

    def _detected(self, detections: Iterable[Detection]) -> None:
        self._output.detected(self.spotter, detections, self._recent)
        if turned_down := self.spotter.turned_down():
            self._output.turned_down(turned_down)
