"""How many words a model misses, and how many false alarms it gives an hour, in streams."""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from kws.config.paths import DEFAULT_MODEL, bundled_models, find_model
from kws.errors import ConfigError
from kws.spotting.load import open_model
from kws.spotting.model_file import read_model, save_model
from train.data.clips import Split
from train.measure.calibrate import PATIENCE_S, SMOOTHING_S, STRAY_SHARE, TARGET, calibrate
from train.measure.evaluation_set import CONDITIONS, EvaluationSet
from train.measure.labelled_streams import Condition
from train.measure.stream_report import StreamReport, make_report
from train.measure.stream_table import as_json, summary
from train.measure.tracks import track_groups

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamConfig:
    """What to measure, and on what.

    Attributes:
        data: folder with speech_commands/<word>/*.wav, or <word>/*.wav itself, and, where there
            are any, negatives/{calibration,evaluation}/<set>/*.wav and
            noise/{training,evaluation}/*.wav.
        model: a bundled model's name, or a model file.
        split: side of the clips that are reported; never the training's.
        calibrate: choose the thresholds anew and write them into the model file.
        output: the model file to write then; the model's own by default.
        target: false alarms per hour of long audio, all keywords together, to calibrate for.
        stray_share: share of other words, each alone, that may be taken for keywords at that.
        smoothing_s: values that calibration chooses from.
        patience_s: values that calibration chooses from.
        conditions: acoustic conditions of the words.
        workers: processes that run the model; 0 for this one alone.
        seed: of everything drawn.
    """

    data: Path
    model: str | Path = DEFAULT_MODEL
    split: Split = "validation"
    calibrate: bool = False
    output: Path | None = None
    target: float = TARGET
    stray_share: float = STRAY_SHARE
    smoothing_s: tuple[float, ...] = SMOOTHING_S
    patience_s: tuple[float, ...] = PATIENCE_S
    conditions: tuple[Condition, ...] = CONDITIONS
    workers: int = 2
    seed: int = 1


def measure_streams(config: StreamConfig) -> StreamReport:
    """Count misses in held-out words and false alarms in audio without keywords.

    With `calibrate`, smoothing, patience and thresholds are chosen first, and the model file is
    written with them, the operating curve and the main figures.

    Raises:
        ConfigError: there are no clips of the keywords; or to calibrate, audio or clips of a
            keyword are missing, or the output cannot be written.
        ModelError: the model cannot be read.
        AudioFileError: a recording cannot be read or has another sample rate.
    """
    if config.split == "training":
        raise ConfigError("what a model was trained on says nothing of it: use another split")
    if not 0 < config.target <= 1000:
        raise ConfigError(f"{config.target:g} false alarms per hour: should be above 0 to 1000")
    if not 0 <= config.stray_share <= 1:
        raise ConfigError(f"{config.stray_share:g} of the stray words: should be from 0 to 1")
    path = find_model(config.model)
    output = _output(config, path)
    file = read_model(path)
    model = open_model(file)
    data = EvaluationSet(
        config.data,
        model.classes,
        model.sample_rate,
        config.split,
        config.calibrate,
        config.conditions,
        config.seed,
    )
    tracked = track_groups(path, data.groups(), config.workers)
    if output is None:
        return make_report(model, tracked, config.split)
    chosen = calibrate(
        model,
        tracked,
        target=config.target,
        stray_share=config.stray_share,
        smoothing_s=config.smoothing_s,
        patience_s=config.patience_s,
    )
    header = replace(model.header, trigger=chosen.trigger, calibration=chosen.calibration)
    report = make_report(
        replace(model, header=header),
        tracked,
        config.split,
        calibrated_at=config.target,
        tried=chosen.tried,
    )
    measured = {**header.measured, "streams": summary(report)}
    try:
        save_model(file.with_header(replace(header, measured=measured)), output)
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written: {error}") from error
    log.info("wrote %s with its thresholds and operating curve", output)
    return report


def _output(config: StreamConfig, path: Path) -> Path | None:
    """Where the calibrated model goes, if one is to be written."""
    if not config.calibrate:
        if config.output is not None:
            raise ConfigError("an output is only written with calibrate")
        return None
    output = config.output or path
    if config.output is None and path in bundled_models().values():
        raise ConfigError(f"{path}: belongs to the package; name another file as the output")
    if not output.parent.is_dir():
        raise ConfigError(f"{output}: there is no folder {output.parent}")
    return output


def write_json(report: StreamReport, path: Path) -> None:
    """Write all of the report.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        path.write_text(json.dumps(as_json(report), ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
