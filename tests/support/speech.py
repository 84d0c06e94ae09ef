"""The demo recording: its words, pieces of it, and how well a list of events fits it."""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

DEMO = Path(__file__).parents[2] / "kws" / "demo" / "demo.wav"
RATE = 16_000
LATEST = 1.0
"""Seconds after a word's end in which its event still counts."""

CLEAREST = {"yes": 0, "no": 2, "down": 3}
"""For tests that are about something else: words that nobody could mistake, by their place."""

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Word:
    """A keyword in the recording, in seconds."""

    word: str
    start: float
    end: float


def words() -> list[Word]:
    """The keywords of the demo recording, in order."""
    truth = json.loads(DEMO.with_suffix(".json").read_text(encoding="utf-8"))["words"]
    return [Word(each["word"], each["start"], each["end"]) for each in truth]


def demo() -> Samples:
    """The demo recording, mono, at 16 kHz."""
    samples, rate = soundfile.read(DEMO, dtype="float32")
    assert rate == RATE
    return np.asarray(samples, np.float32)


def piece(start: float, end: float) -> Samples:
    """A part of the demo recording, in seconds."""
    return demo()[round(start * RATE) : round(end * RATE)]


def spoken(keyword: str) -> Samples:
    """A keyword, clearly spoken, between two pauses; it gives one event."""
    word = words()[CLEAREST[keyword]]
    assert word.word == keyword
    pause = np.zeros(round(0.4 * RATE), np.float32)
    return np.concatenate((pause, piece(word.start - 0.2, word.end + 0.2), pause))


def pcm(samples: Samples) -> bytes:
    """As `arecord -f S16_LE -t raw` would write it."""
    return np.round(samples * 32_767).astype("<i2").tobytes()


def wav(samples: Samples) -> bytes:
    """As `arecord -f S16_LE -t wav` would write it."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, "PCM_16", format="WAV")
    return file.getvalue()


def assert_heard_once(events: Iterable[Mapping[str, Any]], expected: Iterable[Word]) -> None:
    """Each word has given one event in time, and nothing else has given one."""
    detected = [(event["keyword"], event["t"]) for event in events]
    invented = list(detected)
    missed = []
    for word in expected:
        hits = [
            (keyword, t)
            for keyword, t in invented
            if keyword == word.word and word.start <= t <= word.end + LATEST
        ]
        if hits:
            invented.remove(hits[0])
        else:
            missed.append(word)
    assert (missed, invented) == ([], []), detected


def begin_in_stream(events: Iterable[Mapping[str, Any]], expected: list[Word]) -> float:
    """When a recording with these words began, in the time of a stream that detected all of them.

    Raises:
        AssertionError: something was missed or invented, or no one time explains all events.
    """
    detected = [(str(event["keyword"]), float(event["t"])) for event in events]
    assert [keyword for keyword, _ in detected] == [word.word for word in expected], detected
    earliest = max(t - word.end - LATEST for (_, t), word in zip(detected, expected, strict=True))
    latest = min(t - word.start for (_, t), word in zip(detected, expected, strict=True))
    assert earliest <= latest, detected
    return latest
