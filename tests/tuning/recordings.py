"""Recordings of scores for tests."""

import io
from collections.abc import Mapping, Sequence

from kws.tuning.recording import Mark, Recording, read
from kws.tuning.records import Begin, Candidate, Peak, Processed, Record, encode

NOON = "2026-11-22T12:00:00.000Z"


def begin(
    thresholds: Mapping[str, float],
    *,
    verifier_thresholds: Mapping[str, float] | None = None,
    release: float = 0.2,
    stream: str = "default",
    model: str = "words",
    refractory_s: float = 1.0,
) -> Begin:
    """The first line; with a verifier where its thresholds are given."""
    return Begin(
        time=NOON,
        stream=stream,
        model=model,
        keywords=tuple(thresholds),
        thresholds=dict(thresholds),
        release=dict.fromkeys(thresholds, release),
        patience_s=dict.fromkeys(thresholds, 0.1),
        refractory_s=dict.fromkeys(thresholds, refractory_s),
        hop_s=0.1,
        verifier=None if verifier_thresholds is None else "second",
        verifier_thresholds=dict(verifier_thresholds or {}),
    )


def lines(*records: Record) -> io.BytesIO:
    """The file of so many lines."""
    return io.BytesIO(b"".join(map(encode, records)))


def recording(first: Begin, hours: float, marks: Mapping[str, Sequence[Mark]]) -> Recording:
    """One stretch of audio with these peaks, or these scores of the verifier."""
    records: list[Record] = [first, Processed(hours * 3600)]
    for word, each in marks.items():
        for t, level in each:
            if first.verifier is None:
                records.append(Peak(word, t, level))
            else:
                records.append(Candidate(word, t, level, 0.5, confirmed=False))
    return read(lines(*records))
