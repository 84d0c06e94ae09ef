"""All streams in one thread: the model processes the windows that are due as one batch, and the
verifier their candidates as another."""

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from kws.engine.stream import Stream
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import Spotter
from kws.typing import InferenceMeter

_GATHER_S = 0.02
"""Where there are several streams, the windows of so long a time are one batch."""


class Inference:
    """Processes streams with one model.

    Args:
        model: of all streams.
        meter: gets the time that each batch took.

    Attributes:
        woken: to be set when a stream has audio to process: `Feed(..., filled=inference.woken)`.
        windows: how many have been processed so far.
    """

    def __init__(
        self,
        model: KeywordModel,
        meter: InferenceMeter | None = None,
    ) -> None:
        self.woken = threading.Event()
        self.windows = 0
        self._model = model
        self._streams: list[Stream] = []
        self._orders: deque[Callable[[], None]] = deque()
        self._meter = meter
        self._spotter: Callable[[], Spotter] | None = None
        self._muted = False
        self._stopped = threading.Event()

    @property
    def model(self) -> KeywordModel:
        """The model in use."""
        return self._model

    def add(self, stream: Stream) -> None:
        """Process a stream too."""

        def order() -> None:
            # It may have been made just before the model was exchanged.
            if self._spotter is not None and stream.spotter.model is not self._model:
                stream.exchange(self._spotter())
            if self._muted:
                stream.mute()
            self._streams.append(stream)

        self._order(order)

    def remove(self, stream: Stream) -> None:
        """Process a stream no more."""
        self._order(lambda: self._streams.remove(stream))

    def exchange(
        self,
        model: KeywordModel,
        spotter: Callable[[], Spotter],
        done: Callable[[], None],
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Exchange the model between two windows.

        Args:
            model: the new one.
            spotter: a new spotter with it, for each stream.
            done: called when every stream has the new model.
            wanted: called first; False cancels the exchange, whose caller may have given up.
        """

        def order() -> None:
            if not wanted():
                return
            self._model, self._spotter = model, spotter
            for stream in self._streams:
                stream.exchange(spotter())
            done()

        self._order(order)

    def mute(self, muted: bool, done: Callable[[], None]) -> None:
        """Detect nothing in any stream from here on, or again; `done` is called when that is so."""

        def order() -> None:
            self._muted = muted
            for stream in self._streams:
                if muted:
                    stream.mute()
                else:
                    stream.unmute()
            done()

        self._order(order)

    def ask(self, answer: Callable[[], None]) -> None:
        """Call `answer` from the inference thread, between two windows."""
        self._order(answer)

    def stop(self) -> None:
        """Let `run` return, after the windows that are due."""
        self._stopped.set()
        self.woken.set()

    def run(self) -> None:
        """Process audio as it arrives until `stop`."""
        while not self._stopped.is_set():
            self.woken.wait()
            if len(self._streams) > 1:
                self._stopped.wait(_GATHER_S)
            self.woken.clear()
            self.work()

    def work(self) -> None:
        """Process all audio that is there."""
        self._obey()
        while batch := [(each, due) for each in self._streams if len(due := each.due())]:
            windows = batch[0][1] if len(batch) == 1 else np.concatenate([due for _, due in batch])
            begun = time.perf_counter()
            posteriors = self._model.posteriors(windows)
            if self._meter is not None:
                self._meter.inferred(time.perf_counter() - begun, len(posteriors))
            parts = np.split(posteriors, np.cumsum([len(due) for _, due in batch])[:-1])
            for (stream, _), part in zip(batch, parts, strict=True):
                stream.decide(part)
            self.windows += len(posteriors)
            self._verify()
            # A recording can take long.
            self._obey()

    def _verify(self) -> None:
        """Run the verifier on the candidates that are due, one of each stream at a time."""
        while due := [(each, found) for each in self._streams if (found := each.candidate())]:
            verification = due[0][0].spotter.verification
            assert verification is not None
            begun = time.perf_counter()
            scores = verification.verifier.scores(np.stack([found.window for _, found in due]))
            if self._meter is not None:
                self._meter.verified(time.perf_counter() - begun, len(due))
            for (stream, _), row in zip(due, scores, strict=True):
                stream.settle(row)

    def _obey(self) -> None:
        while self._orders:
            self._orders.popleft()()

    def _order(self, order: Callable[[], None]) -> None:
        self._orders.append(order)
        self.woken.set()
