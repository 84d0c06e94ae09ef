"""What `kws devices --meter` draws."""

import math

import numpy as np
import pytest
import soundfile

from kws.audio.feed import Feed
from kws.audio.file import demo_recording
from kws.cli.meter import Reading, level_db, line, readings
from kws.errors import DeviceError
from kws.spotting.load import load_model
from kws.spotting.spotter import Spotter
from kws.typing import AudioFormat

THRESHOLDS = {"yes": 0.5, "no": 0.75}


@pytest.mark.parametrize(("peak", "level"), [(1.0, 0.0), (0.1, -20.0), (0.0, -math.inf)])
def test_level(peak: float, level: float) -> None:
    frames = np.array([[0.0], [-peak], [peak / 2]], np.float32)
    assert level_db(frames) == pytest.approx(level, abs=1e-4)


def test_a_line_shows_level_posteriors_thresholds_and_detections() -> None:
    text = line(Reading(-30.0, {"yes": 0.91, "no": 0.02}, ("yes",)), THRESHOLDS, 200)
    assert text.startswith("  -30 dB |############            |")
    assert text.endswith("[yes] 0.91/0.50  no  0.02/0.75")
    assert len(line(Reading(-30.0, {"yes": 0.9, "no": 0.0}, ()), THRESHOLDS, 40)) == 40


@pytest.mark.parametrize(("level", "marks"), [(-math.inf, 0), (-90.0, 0), (0.0, 24), (6.0, 24)])
def test_the_meter_has_ends(level: float, marks: int) -> None:
    assert line(Reading(level, {"yes": 0.0, "no": 0.0}, ()), THRESHOLDS, 200).count("#") == marks


def test_a_reading_a_hop() -> None:
    samples, rate = soundfile.read(demo_recording(), dtype="float32", always_2d=True)
    feed = Feed(AudioFormat(rate, 1), lambda: 0.0)
    feed.write(samples[: 5 * rate])
    feed.end(DeviceError("gone"))
    spotter = Spotter(load_model())
    found: list[Reading] = []
    with pytest.raises(DeviceError, match="gone"):
        found.extend(readings(feed, spotter))
    assert len(found) == 50
    assert [reading.detected for reading in found if reading.detected] == [
        ("yes",),
        ("up",),
        ("no",),
    ]
    assert all(set(reading.smoothed) == set(spotter.model.classes) for reading in found)
