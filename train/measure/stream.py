"""How many words a model misses, and how many false alarms it gives an hour, in streams."""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from kws.config.paths import DEFAULT_MODEL, bundled_models, find_model
from kws.config.schema import AUTO, NO_VERIFIER
from kws.errors import ConfigError
from kws.spotting.header import ModelHeader
from kws.spotting.load import find_verifier
from kws.spotting.model_file import ModelFile, read_model, save_model
from train.data.clips import Split
from train.measure.calibrate import PATIENCE_S, SMOOTHING_S, STRAY_SHARE, TARGET, calibrate
from train.measure.calibrate_pair import calibrate_pair, uncalibrated_pair
from train.measure.evaluation_set import CONDITIONS, EvaluationSet
from train.measure.labelled_streams import Condition
from train.measure.stream_json import as_json, summary
from train.measure.stream_report import StreamReport, make_report
from train.measure.workers import ModelSource, track_groups

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
        calibrate: choose the thresholds again and write them into the model file.
        output: the model file to write then; the model's own by default.
        target: false alarms per hour of long audio, all keywords together, to calibrate for.
        stray_share: share of other words, each alone, that may be taken for keywords at that.
        smoothing_s: values that calibration chooses from.
        patience_s: values that calibration chooses from.
        verifier: "auto" for the one that the model was calibrated with, if any; "none"; or, to
            calibrate the model together with it, its name or path.
        lookahead_s: of the verifier, in the report; None for the default.
        more_noise: folder of noise that is measured alone too.
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
    verifier: str = AUTO
    lookahead_s: float | None = None
    more_noise: Path | None = None
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
    source = _source(config, path, file.header)
    model = source.open()
    data = EvaluationSet(
        config.data,
        model.classes,
        model.sample_rate,
        config.split,
        config.calibrate,
        config.conditions,
        config.seed,
        config.more_noise,
    )
    tracked = track_groups(source, data.groups(), config.workers)
    if output is None:
        return make_report(model, tracked, config.split)
    if model.verifier is not None:
        model = calibrate_pair(model, tracked, target=config.target, stray_share=config.stray_share)
        report = make_report(model, tracked, config.split, calibrated_at=config.target)
        _write(file, model.header, report, output)
        return report
    chosen = calibrate(
        model,
        tracked,
        target=config.target,
        stray_share=config.stray_share,
        smoothing_s=config.smoothing_s,
        patience_s=config.patience_s,
    )
    header = replace(file.header, trigger=chosen.trigger, calibration=chosen.calibration)
    report = make_report(
        replace(model, header=header),
        tracked,
        config.split,
        calibrated_at=config.target,
        tried=chosen.tried,
    )
    _write(file, header, report, output)
    return report


def _write(file: ModelFile, header: ModelHeader, report: StreamReport, output: Path) -> None:
    """Write the model with its thresholds, and what the report says of it."""
    name = "streams" if report.verifier is None else "verified_streams"
    measured = {**header.measured, name: summary(report)}
    try:
        save_model(file.with_header(replace(header, measured=measured)), output)
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written: {error}") from error
    log.info("wrote %s with its thresholds and operating curve", output)


def _source(config: StreamConfig, path: Path, header: ModelHeader) -> ModelSource:
    """The model with the verifier that is wanted, or without."""
    pair = header.pair
    if config.verifier == NO_VERIFIER or (config.verifier == AUTO and pair is None):
        if config.lookahead_s is not None:
            raise ConfigError(f"{config.lookahead_s:g} s of lookahead: there is no verifier")
        return ModelSource(path)
    name = pair.verifier if config.verifier == AUTO and pair is not None else config.verifier
    verifier = find_verifier(name, path)
    if config.calibrate:
        return ModelSource(path, uncalibrated_pair(verifier, header.classes), verifier)
    if config.verifier != AUTO or pair is None:
        raise ConfigError(f"{name}: the model has to be calibrated with it first: --calibrate")
    try:
        default = pair.at(config.lookahead_s)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    others = (each for each in pair.lookaheads if each != default)
    return ModelSource(path, replace(pair, lookaheads=(default, *others)), verifier)


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
