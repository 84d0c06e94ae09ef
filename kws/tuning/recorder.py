"""Messages of a daemon to the lines of a recording. Pure."""

from collections.abc import Iterator, Mapping

import msgspec

from kws.protocol.events import Detected
from kws.protocol.replies import Scores, Watching
from kws.tuning.peaks import PeakFinder
from kws.tuning.records import Begin, Candidate, Peak, Processed, Record, rounded

_PROCESSED_S = 60.0
"""So much audio at most is missing where a recording was ended by force."""


class Recorder:
    """Makes the lines of one connection, from what the daemon sends in order.

    Args:
        model: name of the daemon's vocabulary.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self._begin: Begin | None = None
        self._finders: Mapping[str, PeakFinder] = {}
        self._t: float | None = None
        self._hops = 0

    def watching(self, message: Watching, time: str) -> Iterator[Record]:
        """What the scores from here on have in common; `time`: of day, UTC, RFC 3339."""
        yield from self.finish()
        none = dict.fromkeys(message.keywords, 0.0)
        self._begin = Begin(
            time=time,
            stream=message.stream,
            model=self.model,
            keywords=message.keywords,
            thresholds=message.thresholds,
            release=message.release,
            patience_s={**none, **message.patience_s},
            refractory_s=message.refractory_s,
            hop_s=message.hop_s,
            verifier=message.verifier,
            verifier_thresholds=message.verifier_thresholds,
        )
        self._t = None
        self._finders = {
            word: PeakFinder(self._begin.release[word], self._begin.patience_s[word], message.hop_s)
            for word in message.keywords
        }
        yield self._begin

    def scores(self, message: Scores, time: str) -> Iterator[Record]:
        """The scores of a hop.

        Args:
            message: of the keywords that were announced; it is ignored if it has others.
            time: of day, as in `watching`.

        """
        if self._begin is None or set(message.smoothed) != set(self._begin.keywords):
            # The model was exchanged; what its scores have in common follows.
            return
        if self._t is not None and message.t <= self._t:
            # Another stream of the same name.
            yield from self._begin_again(self._begin, time)
        elif self._t is not None and message.t - self._t > 1.5 * self._begin.hop_s:
            yield from self._finish_peaks()
        self._t = message.t
        self._hops += 1
        for word, finder in self._finders.items():
            if (peak := finder.push(message.t, message.smoothed[word])) is not None:
                yield Peak(word, peak.t, rounded(peak.height))
        for each in message.turned_down or ():
            if each.score is not None:
                yield Candidate(
                    each.keyword, each.t, rounded(each.score), rounded(each.confidence), False
                )
        if self._hops * self._begin.hop_s >= _PROCESSED_S:
            yield from self._finish_seconds()

    def detected(self, event: Detected) -> Iterator[Record]:
        """A detection in the stream; without a verifier its peak says all."""
        known = self._begin is not None and event.keyword in self._begin.keywords
        if known and event.score:
            score, confidence = rounded(event.score), rounded(event.confidence)
            yield Candidate(event.keyword, event.t, score, confidence, True)

    def reloaded(self, model: str, time: str) -> Iterator[Record]:
        """The daemon has loaded a model, perhaps another; `time`: of day, as in `watching`."""
        self.model = model
        if self._begin is not None and self._begin.model != model:
            yield from self._begin_again(msgspec.structs.replace(self._begin, model=model), time)

    def finish(self) -> Iterator[Record]:
        """The connection ends."""
        yield from self._finish_peaks()
        yield from self._finish_seconds()

    def _begin_again(self, begin: Begin, time: str) -> Iterator[Record]:
        yield from self.finish()
        self._begin = msgspec.structs.replace(begin, time=time)
        self._t = None
        yield self._begin

    def _finish_peaks(self) -> Iterator[Record]:
        for word, finder in self._finders.items():
            if (peak := finder.finish()) is not None:
                yield Peak(word, peak.t, rounded(peak.height))

    def _finish_seconds(self) -> Iterator[Record]:
        if self._begin is not None and self._hops:
            yield Processed(round(self._hops * self._begin.hop_s, 3))
        self._hops = 0
