"""One page about a model: figures, curves, and the worst of it to look at and to listen to."""

import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kws.errors import ConfigError
from train.data.clips import Split
from train.measure.stream_report import StreamReport
from train.reporting.findings import find

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReportConfig:
    """What to report on.

    Attributes:
        model: a bundled model's name, or the path of a model file.
        data: folder with speech_commands/<word>/*.wav, or <word>/*.wav itself, and, where there
            are any, negatives/{calibration,evaluation}/<set>/*.wav and noise/evaluation/*.wav.
        output: folder for the page and its pictures; made where it is missing.
        split: side of the clips; never the training's.
        workers: processes that hear; 0 for this one alone.
    """

    model: str | Path
    data: Path
    output: Path
    split: Split = "validation"
    workers: int = 2


def report(config: ReportConfig, measured: StreamReport | None = None) -> Path:
    """Measure a model and write a page about it, which needs no other file, and its pictures.

    Args:
        config: what to report on.
        measured: what `train stream` has just measured with the same model and data; without it,
            that is done here.

    Returns:
        The page.

    Raises:
        ConfigError: matplotlib is missing, the split is the training's, there are no clips of the
            keywords, what was measured is not in the data, or the folder cannot be written.
        AudioFileError: a recording cannot be read.
        ModelError: the model cannot be read.
    """
    if config.split == "training":
        raise ConfigError("what a model was trained on says nothing of it: use another split")
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError('matplotlib is missing: pip install matplotlib, or ".[train]"')
    # Only now: both draw with it.
    from train.reporting.gallery import draw_gallery
    from train.reporting.page import page

    with _written(config.output):
        config.output.mkdir(parents=True, exist_ok=True)
    found = find(config.model, config.data, config.split, config.workers, measured)
    gallery = draw_gallery(found)
    path = config.output / "index.html"
    with _written(config.output):
        gallery.write(config.output)
        path.write_text(page(found, gallery), encoding="utf-8")
    log.info("wrote %s", path)
    return path


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}") from error
