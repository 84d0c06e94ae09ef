"""`train report`: one page about a model, and its figures as files."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kws.errors import ConfigError
from train.data.clips import Split
from train.reporting.findings import find

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReportConfig:
    """What to report on.

    Attributes:
        model: a bundled model's name, or the path of a model file.
        data: folder with speech_commands/<word>/*.wav, or <word>/*.wav itself, and, where there
            are any, negatives/{calibration,evaluation}/<set>/*.wav and noise/evaluation/*.wav.
        output: folder for the page and its figures; made where it is missing.
        split: side of the clips; never the training's.
        workers: processes that measure; 0 for this one alone.
    """

    model: str | Path
    data: Path
    output: Path
    split: Split = "validation"
    workers: int = 2


def report(config: ReportConfig) -> Path:
    """Measure a model and write a page about it, which needs no other file, and its figures.

    Returns:
        The page.

    Raises:
        ConfigError: the split is the training's, there are no clips of the keywords, or the folder
            cannot be written.
        AudioFileError: a recording cannot be read.
        ModelError: the model cannot be read.
    """
    if config.split == "training":
        raise ConfigError("what a model was trained on says nothing of it: use another split")
    # Imported here: the other commands work without matplotlib.
    from train.reporting.page import page
    from train.reporting.plots import draw_plots

    with _written(config.output):
        config.output.mkdir(parents=True, exist_ok=True)
    found = find(config.model, config.data, config.split, config.workers)
    plots = draw_plots(found)
    path = config.output / "index.html"
    with _written(config.output):
        for drawing in plots:
            (config.output / f"{drawing.name}.png").write_bytes(drawing.png)
        path.write_text(page(found, plots), encoding="utf-8")
    log.info("wrote %s", path)
    return path


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}") from error
