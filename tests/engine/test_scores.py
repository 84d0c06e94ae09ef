"""What a hop is sent as, and who sees it."""

import base64
import json

import numpy as np
import pytest

from kws.engine.scores import Hop, Observers, level
from kws.protocol.events import encode

HOP = Hop(
    "kitchen",
    1.2,
    0.1,
    {"yes": 0.123456, "no": 0.0},
    {"yes": 0.5, "no": 0.25},
    np.array([[-14.0, -13.0], [0.0, 100.0]], np.float32),
)


def test_a_hop_as_a_message() -> None:
    message = json.loads(encode(HOP.message(frames=False)))
    assert message == {
        "type": "scores",
        "v": 1,
        "stream": "kitchen",
        "t": 1.2,
        "level_db": -20.0,
        "posteriors": {"yes": 0.1235, "no": 0.0},
        "smoothed": {"yes": 0.5, "no": 0.25},
    }


def test_frames_are_bytes_in_time_with_the_low_band_first() -> None:
    message = json.loads(encode(HOP.message(frames=True)))
    assert list(base64.b64decode(message["frames"])) == [0, 168, 12, 255]


def test_digital_silence_has_no_level() -> None:
    silent = Hop("x", 0.0, level(np.zeros((10, 2), np.float32)), {}, {}, HOP.frames)
    assert json.loads(encode(silent.message(frames=False)))["level_db"] is None
    assert level(np.empty((0, 1), np.float32)) == 0.0
    assert level(np.full((4, 1), -0.5, np.float32)) == pytest.approx(0.5)


def test_observers_see_the_stream_that_they_look_at_until_they_leave() -> None:
    observers = Observers()
    assert not observers.wanted("kitchen")
    first: list[Hop] = []
    second: list[Hop] = []
    observers.add("kitchen", first.append)
    observers.add("kitchen", second.append)
    observers.show(HOP)
    observers.remove("kitchen", first.append)
    observers.show(HOP)
    assert (len(first), len(second)) == (1, 2)
    assert observers.wanted("kitchen")
    assert not observers.wanted("hall")
    observers.remove("kitchen", second.append)
    observers.remove("kitchen", second.append)
    assert not observers.wanted("kitchen")
