"""From the configuration to the settings of each keyword."""

import logging
from pathlib import Path

import pytest

from kws.config.load import load_config
from kws.config.schema import Config
from kws.engine.build import make_spotter, operating_point, trigger_settings, warn_of_other_hop
from kws.errors import ConfigError
from kws.spotting.calibration import Calibration, OperatingPoint
from kws.spotting.trigger import TriggerSettings
from tests.spotting.models import (
    FIRST_LOOK,
    KEYWORDS,
    calibrated_model,
    paired_model,
    untrained_model,
)

MODEL = {"yes": TriggerSettings(), "no": TriggerSettings(threshold=0.9)}
CALIBRATION = Calibration(
    hours=6.2,
    points=(
        OperatingPoint(0.0, 0.3, {"yes": 0.95, "no": 0.97}),
        OperatingPoint(1.5, 0.1, {"yes": 0.7, "no": 0.2}),
    ),
)


def settings_of(
    config: Config, calibration: Calibration | None = CALIBRATION
) -> dict[str, TriggerSettings]:
    point = operating_point(config, calibration)
    return trigger_settings(config, MODEL, None if point is None else point.thresholds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_keywords_that_yaml_once_took_for_truth_values_are_words(path: Path) -> None:
    path.write_text("keywords:\n  yes: {threshold: 0.6}\n  no: {patience_s: 0.2}\n")
    settings = trigger_settings(load_config(path), MODEL)
    assert settings["yes"] == TriggerSettings(threshold=0.6)
    assert settings["no"] == TriggerSettings(threshold=0.9, patience_s=0.2)


def test_a_keyword_has_its_own_then_the_general_then_the_models(path: Path) -> None:
    path.write_text("trigger: {threshold: 0.2}\nkeywords: {no: {threshold: 0.4, release: 0.1}}")
    settings = trigger_settings(load_config(path), MODEL)
    # The release level goes along where only the threshold is lowered.
    assert (settings["yes"].threshold, settings["yes"].release) == (0.2, 0.2)
    assert (settings["no"].threshold, settings["no"].release) == (0.4, 0.1)


def test_a_keyword_that_the_model_lacks_is_refused() -> None:
    config = load_config(overrides=["keywords.maybe.threshold=0.5"])
    with pytest.raises(ConfigError, match=r"keywords\.maybe: .*it has: yes, no"):
        trigger_settings(config, MODEL)


def test_settings_that_contradict_each_other_are_refused() -> None:
    config = load_config(overrides=["trigger.release=0.8", "keywords.yes.threshold=0.5"])
    with pytest.raises(ConfigError, match="keyword 'yes': release must be"):
        trigger_settings(config, MODEL)


def test_without_a_rate_the_models_own_thresholds_apply() -> None:
    assert settings_of(Config()) == MODEL


@pytest.mark.parametrize(
    ("rate", "thresholds"), [(1, (0.95, 0.97)), (1.5, (0.7, 0.2)), (1000, (0.7, 0.2))]
)
def test_a_rate_chooses_thresholds_and_nothing_else(
    rate: float, thresholds: tuple[float, float]
) -> None:
    config = load_config(overrides=[f"detection.false_alarms_per_hour={rate}"])
    settings = settings_of(config)
    for chosen, threshold in zip((settings["yes"], settings["no"]), thresholds, strict=True):
        # The release level goes along where the threshold is below it.
        assert chosen == TriggerSettings(threshold=threshold, release=min(0.25, threshold))


def test_a_rate_can_come_from_the_environment() -> None:
    config = load_config(environment={"KWS_DETECTION__FALSE_ALARMS_PER_HOUR": "2.5"})
    assert config.detection.false_alarms_per_hour == 2.5


def test_a_threshold_overrides_a_rate(path: Path) -> None:
    path.write_text(
        "detection: {false_alarms_per_hour: 2}\n"
        "trigger: {patience_s: 0.4}\n"
        "keywords: {no: {threshold: 0.8}}\n"
    )
    settings = settings_of(load_config(path))
    assert settings["yes"] == TriggerSettings(threshold=0.7, patience_s=0.4)
    # Nor does the threshold that was not taken leave its release level behind.
    assert settings["no"] == TriggerSettings(threshold=0.8, patience_s=0.4)
    config = load_config(path, overrides=["trigger.threshold=0.6"])
    settings = settings_of(config)
    assert (settings["yes"].threshold, settings["no"].threshold) == (0.6, 0.8)


def test_a_release_level_above_the_chosen_threshold_is_refused_with_that_threshold() -> None:
    config = load_config(overrides=["detection.false_alarms_per_hour=2", "trigger.release=0.3"])
    with pytest.raises(ConfigError, match=r"'no': release must be .* at most the threshold, 0\.2"):
        settings_of(config)


def test_a_rate_that_the_calibration_cannot_show_is_refused() -> None:
    config = load_config(overrides=["detection.false_alarms_per_hour=0.1"])
    with pytest.raises(ConfigError, match=r"^detection\.false_alarms_per_hour: 0\.1 .* 6\.2 hours"):
        settings_of(config)


def test_a_rate_needs_a_model_that_is_calibrated() -> None:
    config = load_config(overrides=["detection.false_alarms_per_hour=1"])
    with pytest.raises(ConfigError, match=r"^detection\..* not calibrated; set trigger\.threshold"):
        settings_of(config, None)


def test_thresholds_are_those_in_force() -> None:
    config = load_config(overrides=["keywords.up.threshold=0.9"])
    spotter = make_spotter(config, untrained_model())
    assert spotter.thresholds == {"yes": 0.3, "no": 0.3, "up": 0.9, "down": 0.3}


def test_another_hop_than_calibrated_warns(caplog: pytest.LogCaptureFixture) -> None:
    model = untrained_model()
    with caplog.at_level(logging.WARNING):
        warn_of_other_hop(make_spotter(load_config(), model))
        assert not caplog.text
        warn_of_other_hop(make_spotter(load_config(overrides=["model.hop_s=0.05"]), model))
    assert "calibrated at 0.1 s" in caplog.text


def test_a_hop_that_is_no_multiple_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"model\.hop_s must be a multiple of 0\.01"):
        make_spotter(load_config(overrides=["model.hop_s=0.015"]), untrained_model())


def test_a_rate_of_false_alarms_chooses_the_spotters_thresholds() -> None:
    config = load_config(overrides=["detection.false_alarms_per_hour=2"])
    spotter = make_spotter(config, calibrated_model())
    assert set(spotter.thresholds.values()) == {0.5}
    with pytest.raises(ConfigError, match=r"^detection\.false_alarms_per_hour: .*not calibrated"):
        make_spotter(config, untrained_model())


def test_with_its_verifier_a_model_has_the_settings_of_the_two() -> None:
    spotter = make_spotter(load_config(), paired_model())
    assert spotter.verifier_name == "levels"
    assert spotter.verification is not None
    assert spotter.verification.lookahead_s == 0.2
    assert spotter.thresholds == dict.fromkeys(KEYWORDS, FIRST_LOOK.threshold)
    assert spotter.verifier_thresholds == dict.fromkeys(KEYWORDS, 0.6)


def test_a_rate_chooses_the_verifiers_thresholds_and_own_ones_win() -> None:
    overrides = [
        "detection.false_alarms_per_hour=2",
        "detection.lookahead_s=0.5",
        "trigger.verifier_threshold=0.7",
        "keywords.up.verifier_threshold=0.9",
    ]
    spotter = make_spotter(load_config(overrides=overrides[:2]), paired_model())
    assert spotter.verification is not None
    assert spotter.verification.lookahead_s == 0.5
    assert spotter.verifier_thresholds == dict.fromkeys(KEYWORDS, 0.5)
    assert spotter.thresholds == dict.fromkeys(KEYWORDS, FIRST_LOOK.threshold)
    spotter = make_spotter(load_config(overrides=overrides), paired_model())
    assert spotter.verifier_thresholds == {**dict.fromkeys(KEYWORDS, 0.7), "up": 0.9}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("detection.lookahead_s=0.3", r"detection\.lookahead_s: 0\.3 s .*: 0\.2, 0\.5"),
        ("detection.false_alarms_per_hour=0.1", r"detection\.false_alarms_per_hour: 0\.1 .*6\.2 h"),
    ],
)
def test_what_the_pair_was_not_calibrated_for_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_spotter(load_config(overrides=[override]), paired_model())


@pytest.mark.parametrize(
    "override",
    [
        "detection.lookahead_s=0.2",
        "trigger.verifier_threshold=0.5",
        "keywords.up.verifier_threshold=0.5",
    ],
)
def test_settings_of_a_verifier_need_one(override: str) -> None:
    key = override.partition("=")[0]
    with pytest.raises(ConfigError, match=f"^{key}: there is no verifier; set it to null"):
        make_spotter(load_config(overrides=[override]), untrained_model())


def test_a_keyword_may_be_written_in_other_letters() -> None:
    names = {"Yes": TriggerSettings(), "no": TriggerSettings(), "NO": TriggerSettings()}
    config = load_config(environment={"KWS_KEYWORDS__YES__THRESHOLD": "0.75"})
    assert trigger_settings(config, names)["Yes"].threshold == 0.75
    config = load_config(overrides=["keywords.no.threshold=0.75"])
    assert trigger_settings(config, names)["no"].threshold == 0.75
    with pytest.raises(ConfigError, match="has no such keyword; it has: Yes, no, NO"):
        trigger_settings(load_config(overrides=["keywords.No.threshold=0.75"]), names)
