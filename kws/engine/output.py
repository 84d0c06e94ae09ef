"""The results of one stream: events, clips of detections, the scores of each hop."""

import logging
import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from kws.audio.reader import RecentAudio
from kws.engine.clips import CLIP_S, Clip, Clips
from kws.engine.scores import Hop, Observers
from kws.protocol.events import (
    AudioBack,
    AudioLost,
    Body,
    Detected,
    Publisher,
    SamplesDropped,
)
from kws.spotting.detection import Detection, TurnedDown
from kws.spotting.spotter import Spotter
from kws.spotting.verifier import Verdict
from kws.typing import InferenceMeter

log = logging.getLogger(__name__)

_EPSILON_S = 1e-6


class StreamOutput:
    """Where the results of one stream go.

    Args:
        stream: name of the stream, in events.
        publisher: takes events.
        observers: get the scores of each hop.
        clips: keep the audio of detections.
        meter: counts what became of candidates.

    Attributes:
        stream: name of the stream.
    """

    def __init__(
        self,
        stream: str,
        publisher: Publisher,
        observers: Observers | None = None,
        clips: Clips | None = None,
        meter: InferenceMeter | None = None,
    ) -> None:
        self.stream, self._publisher = stream, publisher
        self._observers = observers or Observers()
        self._clips = clips if clips is not None and clips.enabled else None
        self._meter = meter
        self._last_detected: dict[str, float] = {}
        self._turned_down: list[TurnedDown] = []

    @property
    def observed(self) -> bool:
        """Whether anybody wants the scores of each hop."""
        return self._observers.wanted(self.stream)

    def publish(self, body: Body) -> None:
        """Publish what happened."""
        self._publisher.publish(body)

    def lost(self, t: float, reason: str) -> None:
        """Publish that there is no audio any more, from second `t` of the stream on."""
        self.publish(AudioLost(self.stream, t, reason))

    def back(self, t: float, seconds: float | None) -> None:
        """Publish that there is audio again, after so many seconds; None: the first ever."""
        self.publish(AudioBack(self.stream, t, seconds))
        log.info("stream %r: sound is back", self.stream)

    def dropped(self, t: float, samples: int) -> None:
        """Publish that so many samples are missing before second `t` of the stream."""
        reason = "audio was lost, or could not be processed in time"
        log.warning("stream %r: %d samples dropped: %s", self.stream, samples, reason)
        self.publish(SamplesDropped(self.stream, t, samples, reason))

    def detected(
        self, spotter: Spotter, detections: Iterable[Detection], recent: RecentAudio | None
    ) -> None:
        """Publish detections of a spotter, and keep their clips.

        Args:
            spotter: what they come from.
            detections: in order.
            recent: the audio that they are in, as far as it is kept.
        """
        model = spotter.model.header.name
        for each in detections:
            # A spotter keeps this by itself, but a new one knows little of earlier detections.
            wait = spotter.trigger[each.keyword].refractory_s - _EPSILON_S
            if each.t < self._last_detected.get(each.keyword, -math.inf) + wait:
                continue
            self._last_detected[each.keyword] = each.t
            if each.score is not None:
                self._settled(each.keyword, "confirmed")
            event = self._publisher.publish(detected(self.stream, each, model))
            if self._clips is not None and recent is not None:
                self._clips.keep(event.id, _clip(recent, each.t))

    def turned_down(self, candidates: Iterable[TurnedDown]) -> None:
        """Count candidates that became no event, and show them with the next decision."""
        for each in candidates:
            self._settled(each.keyword, each.verdict)
            if self.observed:
                self._turned_down.append(each)

    def decided(
        self,
        spotter: Spotter,
        window: npt.NDArray[np.float32],
        posteriors: list[float],
        level: float,
    ) -> None:
        """Notify the observers of the spotter's last decision.

        Args:
            spotter: what has decided.
            window: what it decided on, shape (bands, window_frames).
            posteriors: the model's, of each keyword.
            level: root mean square of the audio, full scale 1.
        """
        turned_down, self._turned_down = tuple(self._turned_down), []
        self._observers.show(
            Hop(
                self.stream,
                spotter.decided / spotter.model.sample_rate,
                level,
                dict(zip(spotter.model.classes, posteriors, strict=True)),
                spotter.smoothed,
                window[:, -spotter.hop_frames :],
                turned_down,
            )
        )

    def _settled(self, keyword: str, verdict: Verdict) -> None:
        if self._meter is not None:
            self._meter.settled(keyword, verdict)


def detected(stream: str, detection: Detection, model: str) -> Detected:
    """The event of a detection.

    Args:
        stream: name of the stream.
        detection: of a spotter.
        model: name of the vocabulary.
    """
    score = UNSET if detection.score is None else detection.score
    return Detected(
        *(stream, detection.t, detection.keyword, detection.confidence, model),
        verified=detection.score is not None,
        score=score,
    )


def _clip(recent: RecentAudio, t: float) -> Clip:
    """The audio up to a moment of the stream, in seconds."""
    end = round((t - recent.start_s) * recent.sample_rate)
    return Clip(recent.between(end - round(CLIP_S * recent.sample_rate), end), recent.sample_rate)
