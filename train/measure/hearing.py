"""What a model hears in streams: posteriors once, detections for any trigger settings.

Everything goes through `kws.Spotter`, the path of the daemon.
"""

import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from kws.errors import KwsError
from kws.spotting.model_file import BATCH, KeywordModel, load_model
from kws.spotting.spotter import Detection, Spotter
from kws.spotting.trigger import TriggerSettings
from kws.typing import Samples
from train.measure.heldout import Group
from train.measure.pieces import Piece
from train.measure.scoring import Tally, Verdict, judge, tallies, together
from train.measure.streams import Part, Stream, Word
from train.measure.sweep import Line, Pace, Posteriors, line, loud_stretches

log = logging.getLogger(__name__)

Trigger = Mapping[str, TriggerSettings]
"""Settings of every keyword."""


@dataclass(frozen=True)
class Track:
    """A stream as a model hears it.

    Attributes:
        posteriors: float32 of shape (windows, keywords).
        truth: what was said.
        recorded: seconds of sound, without silence that was put between recordings.
        name: of the stream, for people.
        parts: the recordings that the stream is put together of, where it is.
    """

    posteriors: Posteriors
    truth: tuple[Word, ...]
    recorded: float
    name: str = ""
    parts: tuple[Part, ...] = ()

    def place(self, t: float) -> tuple[str, float]:
        """The name of the recording that was heard at `t`, and the second of it.

        Args:
            t: seconds of the stream.
        """
        part = next((part for part in reversed(self.parts) if part.start <= t), None)
        return (self.name, t) if part is None else (part.name, part.offset + t - part.start)


@dataclass(frozen=True)
class HeardGroup:
    """A group of streams as a model hears them."""

    group: Group
    tracks: tuple[Track, ...]

    @property
    def hours(self) -> float:
        """Of sound."""
        return sum(track.recorded for track in self.tracks) / 3600

    @property
    def words(self) -> list[Word]:
        """What is said in it."""
        return [word for track in self.tracks for word in track.truth]


def hear(model: KeywordModel, samples: Samples) -> Posteriors:
    """Posteriors, shape (windows, keywords), of all windows of a stream."""
    spotter = Spotter(model)
    # Few windows at once, so that memory stays small.
    block = 10 * BATCH * round(spotter.hop_s * model.sample_rate)
    parts = [
        model.posteriors(spotter.windows(samples[start : start + block])).numpy()
        for start in range(0, len(samples), block)
    ]
    return np.concatenate([np.empty((0, len(model.classes)), np.float32), *parts])


def track(model: KeywordModel, stream: Stream) -> Track:
    """A stream as the model hears it."""
    posteriors = hear(model, stream.samples)
    return Track(posteriors, stream.truth, stream.recorded, stream.name, stream.parts)


def hear_groups(path: Path, groups: Sequence[Group], workers: int) -> list[HeardGroup]:
    """Hear all streams.

    Args:
        path: the model file.
        groups: what to hear.
        workers: processes that hear; 0 for this one.

    Raises:
        AudioFileError: a recording cannot be read or has another sample rate.
        ModelError: the model cannot be read.
        KwsError: a process was ended from outside, as where memory is short.
    """
    pieces = [piece for group in groups for piece in group.pieces]
    with _each(path, workers) as hear_all:
        tracks = list(_with_progress(hear_all(pieces), len(pieces)))
    heard, start = [], 0
    for group in groups:
        end = start + len(group.pieces)
        heard.append(HeardGroup(group, tuple(tracks[start:end])))
        start = end
    return heard


@contextmanager
def _each(path: Path, workers: int) -> Iterator[Callable[[Sequence[Piece]], Iterator[Track]]]:
    """What hears pieces, here or in other processes, in order."""
    if not workers:
        model = load_model(path)
        yield lambda pieces: (track(model, piece.build(model.sample_rate)) for piece in pieces)
        return
    # Not forked: a process that has computed with torch cannot be copied safely.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start_worker, (path,))
    try:
        yield lambda pieces: pool.map(_hear_piece, pieces)
    except BrokenProcessPool as error:
        raise KwsError("a process that hears was ended from outside; is memory short?") from error
    finally:
        pool.shutdown(cancel_futures=True)


_worker_model: KeywordModel | None = None


def _start_worker(path: Path) -> None:
    global _worker_model
    # The process that started this one ends it; Ctrl-C goes to both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _worker_model = load_model(path)


def _hear_piece(piece: Piece) -> Track:
    assert _worker_model is not None
    return track(_worker_model, piece.build(_worker_model.sample_rate))


def _with_progress(tracks: Iterable[Track], total: int) -> Iterator[Track]:
    """The same; with a bar on a terminal, else with a line of log for each tenth."""
    bar = tqdm(tracks, total=total, desc="hearing", unit="stream", leave=False, disable=None)
    for count, each in enumerate(bar, 1):
        if bar.disable and 10 * count // total > 10 * (count - 1) // total:
            log.info("heard %d of %d streams", count, total)
        yield each


def pace_of(model: KeywordModel) -> Pace:
    """How a model's trigger counts time."""
    return Pace(model.sample_rate, round(model.header.hop_s * model.sample_rate))


def keyword_line(
    model: KeywordModel, heard: Sequence[HeardGroup], keyword: str, smoothing_s: float
) -> Line:
    """What was heard of one keyword, in one line.

    Args:
        model: what heard the groups.
        heard: the groups.
        keyword: one of the model's.
        smoothing_s: the longest that will be looked at.
    """
    index = model.classes.index(keyword)
    settings = model.header.trigger[keyword]
    tracks = [
        (
            track.posteriors[:, index],
            [(word.start, word.end) for word in track.truth if word.keyword == keyword],
        )
        for each in heard
        for track in each.tracks
    ]
    window_s = model.window_samples / model.sample_rate
    return line(tracks, pace_of(model), window_s, 2.0 + smoothing_s + settings.refractory_s)


def detect(model: KeywordModel, track: Track, trigger: Trigger) -> list[Detection]:
    """What a spotter with these settings says to a stream.

    Stretches in which no keyword reaches its threshold are left out; nothing else comes of it.

    Args:
        model: what heard the track.
        track: what it heard.
        trigger: settings of every keyword.
    """
    spotter = Spotter(model, trigger=trigger)
    pace = pace_of(model)
    detections: list[Detection] = []
    position = 0
    settings = [trigger[keyword] for keyword in model.classes]
    for first, last in loud_stretches(track.posteriors, settings, pace):
        # A spotter that skips samples decides again a window after them, as at the start.
        spotter.skip((first - position) * pace.hop)
        position = first
        detections += spotter.decide(torch.from_numpy(track.posteriors[first:last]))
    return detections


def verdicts(model: KeywordModel, heard: HeardGroup, trigger: Trigger) -> list[Verdict]:
    """What becomes of the keywords said in each stream of a group, and of the detections."""
    return [
        judge(
            detect(model, track, trigger),
            [word for word in track.truth if word.keyword in model.classes],
        )
        for track in heard.tracks
    ]


def count(model: KeywordModel, heard: Sequence[HeardGroup], trigger: Trigger) -> Tally:
    """Counts over groups, all keywords together."""
    return sum(
        (
            together(tallies(verdicts(model, each, trigger), model.classes, each.hours).values())
            for each in heard
        ),
        Tally(),
    )
