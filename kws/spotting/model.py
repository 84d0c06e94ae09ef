"""A keyword model: from windows of log-mel frames to posteriors."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kws.spotting.header import ModelHeader
from kws.spotting.trigger import TriggerSettings
from kws.spotting.verifier import Verification, Verifier
from kws.typing import Posteriors, Windows

BATCH = 32
"""Windows that go through the network at once; more would only grow the memory."""


class Backend(Protocol):
    """Runs a network.

    Attributes:
        engine: what it is, as `model.engine` names it.
        parameters: number of weights and biases.
    """

    engine: str
    parameters: int

    def posteriors(self, windows: Windows) -> Posteriors:
        """Posteriors of at least one window and at most `BATCH`."""
        ...


@dataclass(frozen=True)
class KeywordModel:
    """A header, what runs its network, and the verifier that it works with, if any."""

    header: ModelHeader
    backend: Backend
    verifier: Verifier | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The keywords. "None of them" is the implicit reference class: see `ModelHeader`."""
        return self.header.classes

    @property
    def sample_rate(self) -> int:
        """Samples per second of the model's audio."""
        return self.header.front_end.sample_rate

    @property
    def window_samples(self) -> int:
        """Samples that one window spans."""
        return self.header.front_end.samples_in(self.header.window_frames)

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return self.backend.parameters

    def trigger(self, *, verified: bool) -> dict[str, TriggerSettings]:
        """Trigger settings of each keyword, for use with the verifier or without."""
        pair = self.header.pair
        return self.header.trigger if pair is None or not verified else pair.trigger

    def verification(self, *, lookahead_s: float | None = None) -> Verification | None:
        """The verifier with the thresholds that it was calibrated for; None without one.

        Args:
            lookahead_s: one of the lookaheads in the header; the first of them by default.

        Raises:
            ValueError: the model was not calibrated for that.
        """
        if self.verifier is None or self.header.pair is None:
            return None
        point = self.header.pair.at(lookahead_s)
        return Verification(self.verifier, point.lookahead_s, point.thresholds)

    def trigger_at(self, false_alarms_per_hour: float) -> dict[str, TriggerSettings]:
        """Trigger settings for a `Spotter` without a verifier that is to give no more false alarms
        than that.

        Args:
            false_alarms_per_hour: of all keywords together, as measured in calibration.

        Raises:
            ValueError: the model was not calibrated, or its calibration cannot show the rate.
        """
        header = self.header
        if header.calibration is None:
            raise ValueError(f"model {header.name!r} is not calibrated; set thresholds yourself")
        point = header.calibration.at(false_alarms_per_hour)
        return {
            keyword: settings.with_threshold(point.thresholds[keyword])
            for keyword, settings in header.trigger.items()
        }

    def posteriors(self, windows: Windows) -> Posteriors:
        """Posteriors of windows of log-mel frames.

        Args:
            windows: float32 of shape (n, bands, window_frames), ln mel power; n may be 0.

        Returns:
            float32 of shape (n, keywords), each in [0, 1].
        """
        if len(windows) <= BATCH:
            if not len(windows):
                return np.empty((0, len(self.classes)), np.float32)
            return self.backend.posteriors(windows)
        parts = range(0, len(windows), BATCH)
        return np.concatenate([self.backend.posteriors(windows[at : at + BATCH]) for at in parts])
