"""From configuration and model to a spotter and the settings of its triggers."""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import msgspec

from kws.config.schema import Config, TriggerConfig
from kws.errors import ConfigError
from kws.spotting.calibration import Calibration, OperatingPoint
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import Spotter, hop_frames
from kws.spotting.trigger import TriggerSettings

log = logging.getLogger(__name__)

SILENCE_S = 1.0
"""Silence, in seconds, put around a recording so that words at its edges are detected."""


def make_spotter(config: Config, model: KeywordModel) -> Spotter:
    """A spotter with the model's settings where the configuration says nothing.

    Raises:
        ConfigError: the configuration does not fit the model.
    """
    trigger = trigger_settings(config, model.header.trigger, model.header.calibration)
    hop_s = model.header.hop_s if config.model.hop_s is None else config.model.hop_s
    try:
        hop_frames(model, hop_s)
    except ValueError as error:
        raise ConfigError(f"model.{error}") from error
    return Spotter(model, hop_s=hop_s, trigger=trigger)


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
    calibration: Calibration | None = None,
) -> dict[str, TriggerSettings]:
    """Settings of each keyword.

    Later wins: the model's, the operating point's threshold, those for all, the keyword's own.

    Args:
        config: what the user wants.
        defaults: the model's, by keyword.
        calibration: the model's.

    Raises:
        ConfigError: a keyword is not the model's, settings contradict each other, or there is no
            operating point as asked for.
    """
    own = {_keyword(name, defaults): section for name, section in config.keywords.items()}
    point = operating_point(config, calibration)
    thresholds = {} if point is None else point.thresholds
    return {
        keyword: _merged(
            keyword, settings, (config.trigger, own.get(keyword)), thresholds.get(keyword)
        )
        for keyword, settings in defaults.items()
    }


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


def _merged(
    keyword: str,
    settings: TriggerSettings,
    sections: Iterable[TriggerConfig | None],
    threshold: float | None,
) -> TriggerSettings:
    wanted: dict[str, float] = {} if threshold is None else {"threshold": threshold}
    for section in filter(None, sections):
        said = msgspec.to_builtins(section)
        wanted |= {name: value for name, value in said.items() if value is not None}
    settings = settings.with_threshold(wanted.pop("threshold", settings.threshold))
    try:
        return replace(settings, **wanted)
    except ValueError as error:
        # Where the threshold comes from the model, the user has never seen it.
        raise ConfigError(
            f"trigger of keyword {keyword!r}: {error}, {settings.threshold:g}"
        ) from error
