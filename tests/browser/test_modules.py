"""What the page computes by itself, against what the daemon does."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

import kws
from kws.spotting.trigger import TriggerSettings
from kws.typing import Posteriors
from tests.support.speech import demo as demo_samples

from .page import Page

PEAKS = (
    "given[0].reduce((finder, [t, value]) => (finder.push(t, value), finder),"
    " new it.PeakFinder()).peaks"
)
FIRING = f"it.firing({PEAKS}, given[1], given[2])"
USUAL = {"release": 0.25, "refractoryS": 1.0}


@pytest.fixture(scope="module")
def model() -> kws.KeywordModel:
    return kws.load_model()


@pytest.fixture(scope="module")
def posteriors(model: kws.KeywordModel) -> Posteriors:
    """Of the demo, three times, hop by hop."""
    return model.posteriors(kws.Spotter(model).windows(np.tile(demo_samples(), 3)))


def replay(
    model: kws.KeywordModel,
    posteriors: Posteriors,
    settings: dict[str, TriggerSettings],
) -> tuple[dict[str, list[Any]], list[kws.Detection]]:
    """Points of each keyword's smoothed posterior, and what fired."""
    spotter = kws.Spotter(model, trigger=settings, verified=False)
    points: dict[str, list[Any]] = {keyword: [] for keyword in model.classes}
    detections = []
    for hop, row in enumerate(posteriors):
        detections += spotter.decide(row[None])
        for keyword, value in spotter.smoothed.items():
            points[keyword].append((hop * spotter.hop_s, value))
    return points, detections


@pytest.mark.parametrize("usual", [{}, {"refractory_s": 3.0, "release": 0.05}])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8, 0.97])
def test_peaks_that_would_fire_are_those_that_fire(
    exhibit: Page,
    model: kws.KeywordModel,
    posteriors: Posteriors,
    threshold: float,
    usual: dict[str, float],
) -> None:
    settings = {
        name: replace(each, **usual).with_threshold(threshold)
        for name, each in model.header.trigger.items()
    }
    points, detections = replay(model, posteriors, settings)
    assert detections
    again = {
        name: {"release": each.release, "refractoryS": each.refractory_s}
        for name, each in settings.items()
    }
    for keyword in model.classes:
        fired = sum(each.keyword == keyword for each in detections)
        would = exhibit.module("peaks.js", FIRING, points[keyword], threshold, again[keyword])
        assert sum(would) == fired, keyword
        assert len(would) >= fired


def test_a_peak_is_distinguished_from_a_ripple(exhibit: Page) -> None:
    values = [0.0, 0.6, 0.9, 0.7, 0.8, 0.3, 0.02, 0.09, 0.0, 0.2, 0.0]
    found = exhibit.module("peaks.js", PEAKS, [(i, value) for i, value in enumerate(values)])
    assert [(each["t"], each["value"]) for each in found] == [(2, 0.9), (9, 0.2)]


def test_old_peaks_are_forgotten(exhibit: Page) -> None:
    values = [0.0, 0.9, 0.0, 0.8, 0.0, 0.7]
    kept = exhibit.module(
        "peaks.js",
        "(() => { const finder = new it.PeakFinder();"
        " given[0].forEach((value, t) => { finder.push(t, value); finder.forget(t - given[1]); });"
        " return finder.peaks.map(({ t }) => t); })()",
        values,
        3,
    )
    assert kept == [3, 5]


def test_one_long_sound_fires_once(exhibit: Page) -> None:
    # It never falls below the release level in between, or comes too early.
    held = [(0, 0.0), (1, 0.9), (3, 0.4), (5, 0.9), (6, 0.0)]
    early = [(0, 0.0), (1.0, 0.9), (1.4, 0.0), (1.8, 0.9), (2.5, 0.0), (3.0, 0.9), (4.0, 0.0)]
    assert exhibit.module("peaks.js", FIRING, held, 0.5, USUAL) == [True, False]
    assert exhibit.module("peaks.js", FIRING, early, 0.5, USUAL) == [True, False, True]


def test_the_pause_before_another_attempt_grows(exhibit: Page) -> None:
    delays = exhibit.module("connection.js", "[0, 1, 2, 3, 4, 5, 50].map(it.retryDelay)")
    assert delays == [0.5, 1, 2, 4, 5, 5, 5]


@pytest.mark.parametrize("keyword", ["yes", "no", "off", "null", "True", "hey you", "já", "a: b"])
def test_any_keyword_can_be_a_key(exhibit: Page, keyword: str) -> None:
    text = exhibit.module("yaml.js", "it.thresholdsAsYaml(new Map(given))", (keyword, 0.62))
    assert YAML(typ="safe").load(text) == {"keywords": {keyword: {"threshold": 0.62}}}


def test_without_thresholds_there_is_nothing_to_copy(exhibit: Page) -> None:
    assert exhibit.module("yaml.js", "it.thresholdsAsYaml(new Map())") == ""
