"""From a source's frames to events: gaps, backlog, the end."""

import logging

import numpy as np
import pytest

from kws.arrays import Frames
from kws.audio.feed import RING_SECONDS, AudioFormat, Feed
from kws.config import load_config
from kws.errors import ConfigError
from kws.events import Dropped, Heard
from kws.listener import Listener, listen, make_spotter, warn_of_other_hop
from kws.spotting.spotter import Spotter
from tests.spotting.models import calibrated_model, untrained_model

MODEL = untrained_model()
RATE = MODEL.sample_rate
MONO = AudioFormat(RATE, 1)


def bursts(seconds: int, rate: int = RATE) -> Frames:
    random = np.random.default_rng(5)
    levels = np.repeat(10 ** random.uniform(-4, -0.5, seconds * 5), rate // 5)
    return (levels * random.normal(size=len(levels)))[:, None].astype(np.float32)


SIGNAL = bursts(6)


def heard_in(feed: Feed, *, live: bool) -> list[Heard | Dropped]:
    published: list[Heard | Dropped] = []
    listen(
        feed,
        Listener(feed.format, Spotter(MODEL)),
        published.append,
        stream="kitchen",
        live=live,
    )
    return published


def filled(frames: Frames, audio_format: AudioFormat = MONO) -> Feed:
    feed = Feed(audio_format, lambda: 0.0)
    feed.write(frames)
    feed.end()
    return feed


def test_a_recording_is_heard_whole_and_a_second_beyond() -> None:
    published = heard_in(filled(SIGNAL), live=False)
    padded = np.concatenate((SIGNAL[:, 0], np.zeros(RATE, np.float32)))
    expected = [(each.keyword, round(each.t, 6)) for each in Spotter(MODEL).push(padded)]
    assert [(each.keyword, round(each.t, 6)) for each in published if isinstance(each, Heard)] == (
        expected
    )
    assert expected
    assert {each.stream for each in published} == {"kitchen"}


def test_a_live_source_that_is_far_behind_is_heard_from_its_newest_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    published = heard_in(filled(SIGNAL), live=True)
    dropped = [each for each in published if isinstance(each, Dropped)]
    assert [each.samples for each in dropped] == [5 * RATE]
    assert dropped[0].t == 5.0
    assert all(each.t == 6.0 for each in published if isinstance(each, Heard))
    assert "80000 samples dropped" in caplog.text


def test_a_gap_from_the_device_breaks_the_stream() -> None:
    feed = Feed(MONO, lambda: 0.0)
    feed.write(SIGNAL[:RATE])
    feed.lose(8_000)
    feed.write(SIGNAL[RATE : 2 * RATE])
    feed.end()
    published = heard_in(feed, live=False)
    assert [(each.samples, each.t) for each in published if isinstance(each, Dropped)] == [
        (8_000, 1.5)
    ]
    assert not [each for each in published if isinstance(each, Heard) and 1.0 < each.t < 2.5]


def test_a_loss_is_counted_at_the_models_rate() -> None:
    listener = Listener(AudioFormat(48_000, 2), Spotter(MODEL))
    listener.push(np.zeros((48_000, 2), np.float32))
    samples, _ = listener.skip(4_800)
    assert samples == listener.dropped_samples == 1_600
    assert listener.seconds == pytest.approx(1.1)


def test_no_numbers_are_said(caplog: pytest.LogCaptureFixture) -> None:
    broken = SIGNAL.copy()
    broken[10:15] = np.nan
    heard_in(filled(broken), live=False)
    assert "5 samples were no numbers" in caplog.text


def test_the_ring_is_longer_than_a_window() -> None:
    assert 2 * MODEL.window_samples <= RING_SECONDS * RATE


def test_another_hop_than_calibrated_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_other_hop(make_spotter(load_config(), MODEL))
        assert not caplog.text
        warn_of_other_hop(make_spotter(load_config(overrides=["model.hop_s=0.05"]), MODEL))
    assert "calibrated at 0.1 s" in caplog.text


def test_a_hop_that_is_no_multiple_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"model\.hop_s must be a multiple of 0\.01"):
        make_spotter(load_config(overrides=["model.hop_s=0.015"]), MODEL)


def test_a_rate_of_false_alarms_chooses_the_spotters_thresholds() -> None:
    config = load_config(overrides=["detection.false_alarms_per_hour=2"])
    spotter = make_spotter(config, calibrated_model())
    assert {each.threshold for each in spotter.trigger.values()} == {0.5}
    with pytest.raises(ConfigError, match=r"^detection\.false_alarms_per_hour: .*not calibrated"):
        make_spotter(config, MODEL)
