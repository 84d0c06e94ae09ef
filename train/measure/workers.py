"""A model over all streams of an evaluation, in processes of their own."""

import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from kws.config.schema import NO_VERIFIER
from kws.errors import KwsError
from kws.spotting.load import load_model, open_verifier
from kws.spotting.model import KeywordModel
from kws.spotting.pair import Pair
from kws.spotting.verifier_file import read_verifier
from train.measure.evaluation_set import Group
from train.measure.segments import Segment
from train.measure.tracks import Track, TrackedGroup, track

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSource:
    """Where a process gets a model from.

    Attributes:
        path: the model file.
        pair: settings with a verifier, instead of those in the file; None for no verifier.
        verifier: the verifier's file.
    """

    path: Path
    pair: Pair | None = None
    verifier: Path | None = None

    def open(self) -> KeywordModel:
        """The model, with its verifier if there is one.

        Raises:
            ModelError: one of the files cannot be read.
        """
        model = load_model(self.path, verifier=NO_VERIFIER)
        if self.pair is None or self.verifier is None:
            return replace(model, header=replace(model.header, pair=None))
        verifier = open_verifier(read_verifier(self.verifier))
        return replace(model, header=replace(model.header, pair=self.pair), verifier=verifier)

    def lookaheads(self, group: Group) -> tuple[float, ...]:
        """What the verifier is run with in a group: where thresholds are chosen, all lookaheads;
        elsewhere the default."""
        if self.pair is None:
            return ()
        lookaheads = tuple(each.lookahead_s for each in self.pair.lookaheads)
        return lookaheads if group.calibrates else lookaheads[:1]


def track_groups(source: ModelSource, groups: Sequence[Group], workers: int) -> list[TrackedGroup]:
    """Run a model over all streams, in processes of their own.

    Args:
        source: of the model.
        groups: the streams to run the model over.
        workers: processes that run the model; 0 for this one.

    Raises:
        AudioFileError: a recording cannot be read or has another sample rate.
        ModelError: the model cannot be read.
        KwsError: a process was ended from outside, as where memory is short.
    """
    work = [(segment, source.lookaheads(group)) for group in groups for segment in group.segments]
    with _each(source, workers) as track_all:
        tracks = list(_with_progress(track_all(work), len(work)))
    tracked, start = [], 0
    for group in groups:
        end = start + len(group.segments)
        tracked.append(TrackedGroup(group, tuple(tracks[start:end])))
        start = end
    return tracked


Work = tuple[Segment, tuple[float, ...]]
"""A segment, and the lookaheads that the verifier is run with."""


@contextmanager
def _each(
    source: ModelSource, workers: int
) -> Iterator[Callable[[Sequence[Work]], Iterator[Track]]]:
    """A map from segments to tracks, in order, here or in worker processes."""
    if not workers:
        model = source.open()
        yield lambda work: (
            track(model, segment.build(model.sample_rate), lookaheads)
            for segment, lookaheads in work
        )
        return
    # Not forked: a process that has threads cannot be copied safely.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start_worker, (source,))
    try:
        yield lambda work: pool.map(_track_segment, work)
    except BrokenProcessPool as error:
        raise KwsError("a worker process was ended from outside; is memory short?") from error
    finally:
        pool.shutdown(cancel_futures=True)


_worker_model: KeywordModel | None = None


def _start_worker(source: ModelSource) -> None:
    global _worker_model
    # The process that started this one ends it; Ctrl-C goes to both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker_model = source.open()


def _track_segment(work: Work) -> Track:
    assert _worker_model is not None
    segment, lookaheads = work
    return track(_worker_model, segment.build(_worker_model.sample_rate), lookaheads)


def _with_progress(tracks: Iterable[Track], total: int) -> Iterator[Track]:
    """The same; with a bar on a terminal, else with a line of log for each tenth."""
    bar = tqdm(
        tracks, total=total, desc="running the model", unit="stream", leave=False, disable=None
    )
    for count, each in enumerate(bar, 1):
        if bar.disable and 10 * count // total > 10 * (count - 1) // total:
            log.info("processed %d of %d streams", count, total)
        yield each
