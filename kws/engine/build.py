"""From configuration and model to a spotter and the settings of its triggers."""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from kws.config.schema import Config, TriggerConfig
from kws.errors import ConfigError
from kws.spotting.calibration import Calibration, OperatingPoint
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import Spotter, hop_frames
from kws.spotting.trigger import TriggerSettings
from kws.spotting.verifier import Verification

log = logging.getLogger(__name__)

SILENCE_S = 1.0
"""Silence, in seconds, put around a recording so that words at its edges are detected."""


def make_spotter(config: Config, model: KeywordModel) -> Spotter:
    """A spotter with the model's settings where the configuration says nothing.

    Raises:
        ConfigError: the configuration does not fit the model.
    """
    point = operating_point(config, calibration_of(config, model))
    thresholds = {} if point is None else point.thresholds
    verification = _verification(config, model, thresholds)
    defaults = model.trigger(verified=verification is not None)
    trigger = trigger_settings(config, defaults, {} if verification is not None else thresholds)
    hop_s = model.header.hop_s if config.model.hop_s is None else config.model.hop_s
    try:
        hop_frames(model, hop_s)
    except ValueError as error:
        raise ConfigError(f"model.{error}") from error
    return Spotter(model, hop_s=hop_s, trigger=trigger, verification=verification)


def warn_of_other_hop(spotter: Spotter) -> None:
    """Log it where a spotter's hop is not the one that its thresholds were calibrated at."""
    header = spotter.model.header
    if spotter.hop_s != header.hop_s:
        log.warning(
            "model.hop_s is %g s, but the thresholds of model %r were calibrated at %g s",
            spotter.hop_s,
            header.name,
            header.hop_s,
        )


def trigger_settings(
    config: Config,
    defaults: Mapping[str, TriggerSettings],
    thresholds: Mapping[str, float] | None = None,
) -> dict[str, TriggerSettings]:
    """Settings of each keyword.

    Later wins: the model's, the operating point's threshold, those for all, the keyword's own.

    Args:
        config: what the user wants.
        defaults: the model's, by keyword.
        thresholds: of the operating point, by keyword.

    Raises:
        ConfigError: a keyword is not the model's, or settings contradict each other.
    """
    own = {_keyword(name, defaults): section for name, section in config.keywords.items()}
    return {
        keyword: _merged(
            keyword, settings, (config.trigger, own.get(keyword)), (thresholds or {}).get(keyword)
        )
        for keyword, settings in defaults.items()
    }


def calibration_of(config: Config, model: KeywordModel) -> Calibration | None:
    """What thresholds cost: those of the verifier where there is one, else the trigger's.

    Raises:
        ConfigError: the model was not calibrated for the lookahead, or there is no verifier.
    """
    lookahead_s = config.detection.lookahead_s
    if model.verifier is None or model.header.pair is None:
        if lookahead_s is not None:
            raise ConfigError("detection.lookahead_s: there is no verifier; set it to null")
        return model.header.calibration
    try:
        return model.header.pair.at(lookahead_s).calibration
    except ValueError as error:
        raise ConfigError(f"detection.lookahead_s: {error}") from error


def _keyword(name: str, keywords: Collection[str]) -> str:
    """The model's keyword of a name: a variable of the environment may have it in other letters."""
    if name in keywords:
        return name
    same = [keyword for keyword in keywords if keyword.lower() == name.lower()]
    if len(same) != 1:
        raise ConfigError(
            f"keywords.{name}: the model has no such keyword; it has: {', '.join(keywords)}"
        )
    return same[0]


def operating_point(config: Config, calibration: Calibration | None) -> OperatingPoint | None:
    """The operating point that the user asks for, if any.

    Args:
        config: what the user wants.
        calibration: the model's.

    Raises:
        ConfigError: the model is not calibrated, or its calibration cannot show the rate.
    """
    rate = config.detection.false_alarms_per_hour
    if rate is None:
        return None
    try:
        if calibration is None:
            raise ValueError("the model is not calibrated; set trigger.threshold instead")
        return calibration.at(rate)
    except ValueError as error:
        raise ConfigError(f"detection.false_alarms_per_hour: {error}") from error


def _verification(
    config: Config, model: KeywordModel, thresholds: Mapping[str, float]
) -> Verification | None:
    """The verifier with the operating point's thresholds, or those that the user wants."""
    sections: dict[str, TriggerConfig] = {"trigger": config.trigger}
    sections |= {f"keywords.{keyword}": each for keyword, each in config.keywords.items()}
    verification = model.verification(lookahead_s=config.detection.lookahead_s)
    if verification is None:
        for name, section in sections.items():
            if section.verifier_threshold is not None:
                raise ConfigError(
                    f"{name}.verifier_threshold: there is no verifier; set it to null"
                )
        return None
    wanted = {**verification.thresholds, **thresholds}
    sections_of = {_keyword(name, wanted): each for name, each in config.keywords.items()}
    for keyword in wanted:
        own = sections_of.get(keyword, TriggerConfig()).verifier_threshold
        for chosen in (config.trigger.verifier_threshold, own):
            wanted[keyword] = wanted[keyword] if chosen is None else chosen
    return replace(verification, thresholds=wanted)


def _merged(
    keyword: str,
    settings: TriggerSettings,
    sections: Iterable[TriggerConfig | None],
    threshold: float | None,
) -> TriggerSettings:
    wanted: dict[str, float] = {} if threshold is None else {"threshold": threshold}
    for section in filter(None, sections):
        given = {name: getattr(section, name) for name in TriggerConfig.__struct_fields__}
        wanted |= {name: value for name, value in given.items() if value is not None}
    wanted.pop("verifier_threshold", None)
    settings = settings.with_threshold(wanted.pop("threshold", settings.threshold))
    try:
        return replace(settings, **wanted)
    except ValueError as error:
        # Where the threshold comes from the model, the user has never seen it.
        raise ConfigError(
            f"trigger of keyword {keyword!r}: {error}, {settings.threshold:g}"
        ) from error
