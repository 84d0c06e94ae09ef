"""Many recordings, in processes beside each other; results in the order of the recordings."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from kws.config.schema import Config
from kws.engine.scan import scan
from kws.errors import AudioFileError, KwsError
from kws.log import set_up_logging
from kws.spotting.detection import Detection
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel

_WAITING = 4
"""Recordings a process that may be processed before the one that is reported next."""


@dataclass(frozen=True)
class ScannedFile:
    """What one recording gave.

    Attributes:
        path: of the recording.
        seconds: of audio that were processed.
        detections: in order.
        error: why it could not be read to its end; None where it was.
    """

    path: Path
    seconds: float
    detections: tuple[Detection, ...]
    error: str | None = None


def scan_files(paths: Sequence[Path], config: Config, processes: int) -> Generator[ScannedFile]:
    """Process recordings, each in one of several processes.

    Args:
        paths: of the recordings.
        config: as for `kws.engine.scan.scan`; its model is loaded once by each process.
        processes: how many.

    Yields:
        What each recording gave, in the order of `paths`.

    Raises:
        KwsError: a process was ended from outside.
    """
    # Not forked: a process that has threads cannot be copied safely.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, _start_worker, (config,))
    try:
        # Few ahead of what is reported: neither memory nor lost work may grow with their number.
        pending = []
        for path in paths:
            pending.append(pool.submit(_scan, path))
            if len(pending) >= _WAITING * processes:
                yield pending.pop(0).result()
        for each in pending:
            yield each.result()
    except BrokenProcessPool as error:
        raise KwsError("a process of the scan was ended from outside; is memory short?") from error
    finally:
        pool.shutdown(cancel_futures=True)


_model: KeywordModel | None = None
_config = Config()


def _start_worker(config: Config) -> None:
    global _model, _config  # one for all recordings of the process
    # The process that started this one ends it; Ctrl-C goes to both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    set_up_logging(config.log.level, config.log.format)
    _model, _config = (
        load_model(config.model.path, config.model.engine, config.model.verifier),
        config,
    )


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _scan(path: Path) -> ScannedFile:
    assert _model is not None
    seconds: list[float] = []
    detections: list[Detection] = []
    try:
        for detection in scan(path, _model, _config, progress=seconds.append):
            detections.append(detection)
    except AudioFileError as error:
        return ScannedFile(path, sum(seconds), tuple(detections), str(error))
    return ScannedFile(path, sum(seconds), tuple(detections))
