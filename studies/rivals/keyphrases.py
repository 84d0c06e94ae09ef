"""pocketsphinx's keyword mode, fed as a live program would feed it; its model is in its package.

How it decides, by its `kws_search.c`: every 10 ms the likelihood of each keyphrase, over that of
the best sequence of any sounds, is compared with the keyphrase's threshold. What passes is kept, of
overlapping stretches the likeliest, and shown once it has been the likeliest for 0.1 s.
"""

import importlib
import math
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, takewhile
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kws.errors import ConfigError
from kws.spotting.detection import Detection
from train.measure.labelled_streams import LabelledStream

SAMPLE_RATE = 16000
BLOCK_S = 0.1
"""Seconds of sound that it gets at once, where it gets all."""
LOOSEST, STRICTEST = -20.0, 50.0
"""Thresholds that are tried, log10; the strictest is above the highest score."""
_FRAME_S = 0.01
_SHOWN_S = 0.16
"""From the start of a keyphrase's last frame until it is shown: 10 frames that it waits for a
better one, and what its features look ahead."""
_SCORE_UNIT = 1024 * math.log10(1.0001)
"""Its scores are whole numbers of this, log10."""
_SCORE_MOST = 1500
"""What it takes from a score before it calls it a probability."""

Thresholds = Mapping[str, float]
"""Of each keyword, log10 of what stands between the slashes of a keyphrase list."""
Feed = Literal["speech", "all"]
"""What of the sound it gets: what its own voice activity detector passes, as its `LiveSpeech` does
it, with an utterance for each stretch; or all, as its `kws_test.py` does it."""


@dataclass(frozen=True)
class Candidate:
    """A keyphrase that it finds at its loosest threshold; times are in seconds of the stream.

    Attributes:
        keyword: the word.
        began: when it had the keyphrase's first sound.
        t: when a live program would be told.
        score: log10 of its likelihood over that of any sounds; what a threshold is compared with.
    """

    keyword: str
    began: float
    t: float
    score: float


@dataclass(frozen=True)
class _Block:
    """Sound for it.

    Attributes:
        sound: 16-bit samples.
        t: seconds of the stream that have been processed when it gets them.
        ends: whether its utterance ends with them.
    """

    sound: bytes
    t: float
    ends: bool


@dataclass(frozen=True)
class _Times:
    """When the sound of an utterance was processed.

    Attributes:
        lengths: seconds of the utterance after each block.
        t: seconds of the stream then.
    """

    lengths: tuple[float, ...]
    t: tuple[float, ...]

    def at(self, seconds: float) -> float:
        """When so many seconds of the utterance had been processed, or all of it."""
        return self.t[min(bisect_left(self.lengths, seconds), len(self.t) - 1)]


class KeyphraseSearch:
    """pocketsphinx listening for keywords, each in every way that its dictionary pronounces it.

    Args:
        keywords: to detect.
        thresholds: of each keyword; its loosest by default.
        feed: what of the sound it gets.

    Attributes:
        cpu_s: CPU seconds that this process has spent in `live`.
        heard_s: seconds of audio that `live` has processed.

    Raises:
        ConfigError: pocketsphinx is not installed, or its dictionary lacks a keyword.
    """

    def __init__(
        self,
        keywords: Sequence[str],
        thresholds: Thresholds | None = None,
        feed: Feed = "speech",
    ) -> None:
        try:
            self._library = importlib.import_module("pocketsphinx")
        except ImportError as error:
            raise ConfigError(
                "pocketsphinx is not installed: python -m pip install pocketsphinx"
            ) from error
        self.cpu_s = self.heard_s = 0.0
        self._feed = feed
        self._library.set_loglevel("FATAL")
        self._decoder = self._library.Decoder(lm=None)
        self._keyword_of = {
            entry: keyword for keyword in keywords for entry in self._entries(keyword)
        }
        missing = [word for word in keywords if word not in self._keyword_of]
        if missing:
            raise ConfigError(f"pocketsphinx's dictionary lacks: {', '.join(missing)}")
        levels = dict.fromkeys(keywords, LOOSEST) if thresholds is None else thresholds
        lines = [
            f"{entry} /{10 ** levels[keyword]:.4e}/\n"
            for entry, keyword in self._keyword_of.items()
        ]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "keyphrases.list"
            path.write_text("".join(lines))
            self._decoder.add_kws("keywords", str(path))
        self._decoder.activate_search("keywords")

    def live(self, stream: LabelledStream) -> list[Detection]:
        """Process a stream as a program that has processed the streams before.

        When something is shown, the utterance is ended and a new one started, as its examples do
        it. Of several keywords that are shown at once the likeliest is taken.

        Args:
            stream: at 16 kHz.

        Returns:
            Detections in order, with its own "probability" as their confidence.
        """
        start = time.process_time()
        detections = []
        for utterance in self._utterances(stream):
            listening = False
            for block in utterance:
                if not listening:
                    self._decoder.start_utt()
                    listening = True
                self._decoder.process_raw(block.sound)
                found = self._likeliest(block.t)
                if found or block.ends:
                    self._decoder.end_utt()
                    listening = False
                    # It processes its last frames only now.
                    found = found or self._likeliest(block.t)
                if found:
                    detections.append(found)
        self.cpu_s += time.process_time() - start
        self.heard_s += stream.duration
        return detections

    def candidates(self, stream: LabelledStream) -> tuple[Candidate, ...]:
        """Process a stream once for all thresholds: nothing is acted on, so nothing is restarted.

        That is near to what `live` is told at each threshold, and not the same: a new utterance
        forgets the audio before, and estimates noise and level again.

        Args:
            stream: at 16 kHz.
        """
        log_math = self._decoder.get_logmath()
        candidates = []
        for utterance in self._utterances(stream):
            self._decoder.start_utt()
            for block in utterance:
                self._decoder.process_raw(block.sound)
            self._decoder.end_utt()
            lengths = accumulate(len(block.sound) / 2 / SAMPLE_RATE for block in utterance)
            times = _Times(tuple(lengths), tuple(block.t for block in utterance))
            candidates += [
                Candidate(
                    self._keyword(each),
                    times.at(each.start_frame * _FRAME_S),
                    times.at(each.end_frame * _FRAME_S + _SHOWN_S),
                    (log_math.log(each.prob) + _SCORE_MOST) * _SCORE_UNIT,
                )
                for each in self._decoder.seg() or ()
            ]
        return tuple(candidates)

    def _entries(self, keyword: str) -> Iterator[str]:
        """The word and its further pronunciations, as the dictionary has them."""
        entries = (keyword if n == 1 else f"{keyword}({n})" for n in count(1))
        return takewhile(lambda entry: self._decoder.lookup_word(entry) is not None, entries)

    def _keyword(self, found: Any) -> str:
        return self._keyword_of[found.word.strip()]

    def _likeliest(self, t: float) -> Detection | None:
        """What is shown at `t`."""
        if self._decoder.hyp() is None:
            return None
        best = max(self._decoder.seg(), key=lambda each: float(each.prob))
        return Detection(self._keyword(best), best.prob, t)

    def _utterances(self, stream: LabelledStream) -> Iterator[list[_Block]]:
        sound = np.rint(stream.samples * 32767).astype(np.int16).tobytes()
        blocks = _all(sound) if self._feed == "all" else _speech(sound, self._library.Endpointer())
        utterance = []
        for block in blocks:
            utterance.append(block)
            if block.ends:
                yield utterance
                utterance = []


def _all(sound: bytes) -> Iterator[_Block]:
    step = 2 * round(BLOCK_S * SAMPLE_RATE)
    for start in range(0, len(sound), step):
        end = min(start + step, len(sound))
        yield _Block(sound[start:end], end / 2 / SAMPLE_RATE, ends=end == len(sound))


def _speech(sound: bytes, endpointer: Any) -> Iterator[_Block]:
    """What the voice activity detector passes, about 0.3 s late; it has frames of 30 ms."""
    step = endpointer.frame_bytes
    for start in range(0, len(sound), step):
        end = min(start + step, len(sound))
        frame = sound[start:end]
        last = end == len(sound)
        passed = endpointer.end_stream(frame) if last else endpointer.process(frame)
        if passed is not None:
            yield _Block(passed, end / 2 / SAMPLE_RATE, ends=last or not endpointer.in_speech)


def expected(candidates: Iterable[Candidate], thresholds: Thresholds) -> list[Detection]:
    """What a live program would be told, as far as candidates show it. Pure.

    Of those that are shown at once the likeliest, and none that began before that.

    Args:
        candidates: of one stream.
        thresholds: of each keyword.
    """
    loud = [each for each in candidates if each.score >= thresholds[each.keyword]]
    detections = []
    restarted = 0.0
    for each in sorted(loud, key=lambda each: (each.t, -each.score)):
        if each.began >= restarted:
            detections.append(Detection(each.keyword, each.score, each.t))
            restarted = each.t
    return detections
