"""What comes out of one stream: events, clips of detections, the scores of each hop."""

import math
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from kws.audio.reader import RecentAudio
from kws.engine.clips import CLIP_S, Clip
from kws.engine.scores import Hop, Observers
from kws.protocol.events import Body, Detected, Event
from kws.spotting.spotter import Detection, Spotter

_EPSILON_S = 1e-6


class StreamOutput:
    """Where the results of one stream go.

    Args:
        stream: name of the stream, in events.
        publish: takes events.
        observers: get the scores of each hop.
        keep: takes the clip of each detection, with the event's id; None: nobody does.

    Attributes:
        stream: name of the stream.
        publish: takes events.
    """

    def __init__(
        self,
        stream: str,
        publish: Callable[[Body], Event | None],
        observers: Observers | None = None,
        keep: Callable[[str, Clip], None] | None = None,
    ) -> None:
        self.stream, self.publish = stream, publish
        self._observers = observers or Observers()
        self._keep = keep
        self._last_detected: dict[str, float] = {}

    @property
    def observed(self) -> bool:
        """Whether anybody wants the scores of each hop."""
        return self._observers.wanted(self.stream)

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
            body = Detected(self.stream, each.t, each.keyword, each.confidence, model)
            event = self.publish(body)
            if event is not None and self._keep is not None and recent is not None:
                self._keep(event.id, _clip(recent, each.t))

    def decided(
        self,
        spotter: Spotter,
        window: npt.NDArray[np.float32],
        posteriors: list[float],
        level: float,
    ) -> None:
        """Show the spotter's last decision to the observers.

        Args:
            spotter: what has decided.
            window: what it decided on, shape (bands, window_frames).
            posteriors: the model's, of each keyword.
            level: root mean square of the audio, full scale 1.
        """
        self._observers.show(
            Hop(
                self.stream,
                spotter.decided / spotter.model.sample_rate,
                level,
                dict(zip(spotter.model.classes, posteriors, strict=True)),
                spotter.smoothed,
                window[:, -spotter.hop_frames :],
            )
        )


def _clip(recent: RecentAudio, t: float) -> Clip:
    """The audio up to a moment of the stream, in seconds."""
    end = round((t - recent.start_s) * recent.sample_rate)
    return Clip(recent.between(end - round(CLIP_S * recent.sample_rate), end), recent.sample_rate)
