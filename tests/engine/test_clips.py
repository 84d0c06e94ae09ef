"""The sound of events is kept for as long as was said."""

import io

import numpy as np
import soundfile

from kws.engine.clips import Clip, Clips

SOUND = Clip(np.array([[0.5, -0.5], [0.5, 0.5], [4.0, 4.0]], np.float32), 16_000)


def test_a_sound_as_a_file_is_mono_and_within_full_scale() -> None:
    samples, rate = soundfile.read(io.BytesIO(SOUND.to_wav()), dtype="int16")
    assert rate == 16_000
    assert samples.tolist() == [0, 16_384, 32_767]


def test_a_sound_is_there_until_its_time_is_over() -> None:
    now = [0.0]
    sounds = Clips(10.0, lambda: now[0])
    sounds.keep("r-1", SOUND)
    now[0] = 5.0
    sounds.keep("r-2", SOUND)
    now[0] = 10.0
    assert sounds.get("r-1") is SOUND
    now[0] = 10.1
    assert sounds.get("r-1") is None
    assert sounds.get("r-2") is SOUND
    assert sounds.get("r-3") is None


def test_it_expires_without_a_request() -> None:
    now = [0.0]
    sounds = Clips(10.0, lambda: now[0])
    sounds.keep("r-1", SOUND)
    now[0] = 11.0
    assert len(sounds) == 1
    sounds.forget_old()
    assert len(sounds) == 0


def test_there_is_an_end_to_how_many() -> None:
    sounds = Clips(10.0, lambda: 0.0)
    for number in range(1_001):
        sounds.keep(f"r-{number}", SOUND)
    assert len(sounds) == 1_000
    assert sounds.get("r-0") is None
    assert sounds.get("r-1000") is SOUND
