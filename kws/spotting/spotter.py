"""The spotter of one stream: front end, model and trigger as one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.spotting.frontend import LogMel, StreamingLogMel
from kws.spotting.model import KeywordModel
from kws.spotting.samples import as_samples
from kws.spotting.trigger import Trigger, TriggerSettings
from kws.typing import Posteriors, Samples, Windows


@dataclass(frozen=True)
class Detection:
    """A keyword was detected.

    Attributes:
        keyword: the word.
        confidence: the smoothed posterior that fired, in (0, 1].
        t: seconds of the stream's audio at the moment of decision.
    """

    keyword: str
    confidence: float
    t: float


class Spotter:
    """Hears keywords in a stream of samples. Without threads, clocks or files.

    `push` is `windows`, the model and `decide`; a caller with many streams may run the windows of
    all of them through one model call.

    Args:
        model: what to hear with.
        hop_s: seconds between windows, a multiple of the front end's hop (10 ms); by default the
            one that the model was calibrated at.
        trigger: settings per keyword instead of the model's own.

    Attributes:
        model: what it hears with.
        trigger: settings of each keyword.

    Raises:
        ValueError: the hop is no multiple, or `trigger` names a keyword that the model lacks.
    """

    def __init__(
        self,
        model: KeywordModel,
        *,
        hop_s: float | None = None,
        trigger: Mapping[str, TriggerSettings] | None = None,
    ) -> None:
        settings = model.header.front_end
        self.model = model
        self._hop_frames = hop_frames(model, model.header.hop_s if hop_s is None else hop_s)
        self._hop = self._hop_frames * settings.hop_length
        chosen = {**model.header.trigger, **(trigger or {})}
        if unknown := set(chosen) - set(model.classes):
            raise ValueError(f"the model has no keyword {', '.join(sorted(unknown))}")
        self.trigger = {keyword: chosen[keyword] for keyword in model.classes}
        self._trigger = Trigger(
            list(self.trigger.values()),
            sample_rate=settings.sample_rate,
            hop=self._hop,
        )
        self._frames = np.empty((0, settings.bands), np.float32)
        self._next_decision = 0
        self._front_end = StreamingLogMel(LogMel(settings))
        self._pushed = 0
        self._restart(0)

    @property
    def hop_s(self) -> float:
        """Seconds between windows."""
        return self._hop / self.model.sample_rate

    @property
    def position(self) -> int:
        """Samples of the stream so far, lost ones included."""
        return self._pushed

    @property
    def hop_frames(self) -> int:
        """Frames between windows."""
        return self._hop_frames

    @property
    def decided(self) -> int:
        """Position, in samples, of the last decision: where its window ended."""
        return self._next_decision - self._hop

    @property
    def thresholds(self) -> dict[str, float]:
        """The smoothed posterior that each keyword has to reach."""
        return {keyword: settings.threshold for keyword, settings in self.trigger.items()}

    @property
    def smoothed(self) -> dict[str, float]:
        """The smoothed posterior of each keyword after the last decision."""
        return dict(zip(self.model.classes, self._trigger.smoothed, strict=True))

    def push(self, samples: npt.ArrayLike) -> list[Detection]:
        """Take the next samples of the stream.

        Args:
            samples: shape (n,), mono, at the model's rate; any n. float32 or float64 in [-1, 1], or
                int16 or int32, which are scaled by their full range.

        Returns:
            What was detected, in order.

        Raises:
            TypeError, ValueError: see `as_samples`; the stream is as it was before.
        """
        return self.decide(self.model.posteriors(self.windows(as_samples(samples))))

    def windows(self, samples: Samples) -> Windows:
        """The windows that `samples` complete: float32 of shape (n, bands, window_frames).

        `samples` are not checked: see `as_samples`.
        """
        self._pushed += len(samples)
        frames = self._front_end.push(np.asarray(samples, np.float32))
        frames = np.concatenate((self._frames, frames))
        length = self.model.header.window_frames
        count = max(0, 1 + (len(frames) - length) // self._hop_frames)
        self._frames = frames[count * self._hop_frames :].copy()
        if not count:
            return np.empty((0, frames.shape[1], length), np.float32)
        row, item = frames.strides
        shape = (count, frames.shape[1], length)
        # What `sliding_window_view` gives, in a tenth of its time: this runs in each hop.
        return np.ndarray(shape, np.float32, frames, strides=(row * self._hop_frames, item, row))

    def decide(self, posteriors: Posteriors) -> list[Detection]:
        """Take the posteriors, shape (n, keywords), of the next `n` windows, in order."""
        detections = []
        for row in posteriors.tolist():
            decision = self._trigger.step(row, self._next_decision)
            self._next_decision += self._hop
            if decision is not None:
                detections.append(
                    Detection(
                        keyword=self.model.classes[decision.keyword],
                        confidence=decision.confidence,
                        t=decision.position / self.model.sample_rate,
                    )
                )
        return detections

    def skip(self, lost: int) -> None:
        """The next samples do not follow the last ones: `lost` samples are missing between them.

        Nothing is decided again before a full window of what follows has arrived.
        """
        self._pushed += lost
        self._front_end.reset()
        self._trigger.reset()
        self._restart(self._pushed)

    def _restart(self, position: int) -> None:
        self._frames = np.empty((0, self.model.header.front_end.bands), np.float32)
        self._next_decision = position + self.model.window_samples


def warm_up(model: KeywordModel) -> None:
    """Let a model hear once: the first window takes longer than the others."""
    Spotter(model).push(np.zeros(model.window_samples, np.float32))


def hop_frames(model: KeywordModel, hop_s: float) -> int:
    """Frames in a hop.

    Raises:
        ValueError: the hop is not a multiple of the front end's hop, or longer than half a
            window: then a word could fall between two.
    """
    settings = model.header.front_end
    step = settings.hop_length / settings.sample_rate
    most = model.window_samples / settings.sample_rate / 2
    frames = hop_s / step
    if not step <= hop_s + 1e-9 <= most + 1e-6 or abs(frames - round(frames)) > 1e-6:
        raise ValueError(f"hop_s must be a multiple of {step:g} s up to {most:g} s, not {hop_s:g}")
    return round(frames)
