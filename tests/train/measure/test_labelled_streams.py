"""Streams with a known truth: where words are, and how loud what is around them is."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.typing import Samples
from train.data.clips import Clip
from train.measure.labelled_streams import (
    AFTER_S,
    CLEAN,
    GAP_S,
    NOISE_DB,
    Condition,
    LabelledStream,
    build_stream,
)
from train.scenes.sources import Recordings

RATE = 16_000
ROOM = Condition("room", room_s=0.5)
IN_SPEECH = Condition("in speech", in_speech=True)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """One second in which a tone sounds from 0.3 to 0.6 s."""
    samples = np.zeros(RATE, np.float32)
    samples[4800:9600] = 0.5 * np.sin(np.arange(4800) * 0.2)
    path = tmp_path_factory.mktemp("clip") / "tone.wav"
    soundfile.write(path, samples, RATE)
    return Clip(path, "yes", "somebody", "validation")


@pytest.fixture(scope="module")
def hum(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    """Two recordings of steady sound, one much louder than the other."""
    folder = tmp_path_factory.mktemp("hum")
    for name, gain in (("loud", 0.3), ("quiet", 0.01)):
        sound = np.random.default_rng(5).standard_normal(4 * RATE) * gain
        soundfile.write(folder / f"{name}.wav", sound, RATE)
    return Recordings(sorted(folder.glob("*.wav")), RATE)


def build(clip: Clip, seed: int = 1) -> LabelledStream:
    return build_stream([clip] * 20, sample_rate=RATE, duration=30.0, seed=seed)


def level_db(samples: Samples) -> float:
    return float(10 * np.log10(np.square(samples).mean()))


def cut(stream: LabelledStream, start: float, end: float) -> Samples:
    return stream.samples[round(start * RATE) : round(end * RATE)]


def test_truth_is_where_the_words_are(clip: Clip) -> None:
    stream = build(clip)
    loud = np.abs(stream.samples) > 0.1
    for word in stream.truth:
        first, last = round(word.start * RATE), round(word.end * RATE)
        assert last - first == pytest.approx(4800, abs=160)
        assert loud[first:last].mean() > 0.5
        loud[first:last] = False
        assert (word.keyword, word.clip) == ("yes", str(clip.path))
    assert not loud.any()


def test_words_are_two_to_four_seconds_apart_and_end_before_the_stream(clip: Clip) -> None:
    stream = build(clip)
    assert stream.duration == 30.0
    assert 6 <= len(stream.truth) <= 13
    edges = [0.0, *(word.end for word in stream.truth)]
    pauses = [word.start - end for word, end in zip(stream.truth, edges, strict=False)]
    assert all(1.99 <= pause <= 4.01 for pause in pauses)
    assert len({round(pause, 3) for pause in pauses}) == len(pauses)
    assert stream.truth[-1].end + AFTER_S <= stream.duration


def test_without_a_duration_every_clip_is_used_and_the_last_can_be_detected(clip: Clip) -> None:
    stream = build_stream([clip] * 3, sample_rate=RATE, name="three")
    assert (len(stream.truth), stream.name) == (3, "three")
    assert stream.duration == pytest.approx(stream.truth[-1].end + AFTER_S)
    assert stream.recorded == stream.duration
    assert build_stream([], sample_rate=RATE).duration == AFTER_S


def test_a_stream_depends_on_its_seed_only(clip: Clip) -> None:
    one, same, other = build(clip), build(clip), build(clip, seed=2)
    assert np.array_equal(one.samples, same.samples)
    assert one.truth == same.truth
    assert one.truth != other.truth


@pytest.mark.parametrize("condition", [Condition("noise", 10.0), ROOM, Condition("both", 5.0, 0.3)])
def test_words_stand_in_the_same_places_under_every_condition(
    clip: Clip, hum: Recordings, condition: Condition
) -> None:
    streams = [
        build_stream([clip] * 4, sample_rate=RATE, condition=each, noise=hum)
        for each in (CLEAN, condition)
    ]
    assert streams[0].truth == streams[1].truth
    assert not np.array_equal(streams[0].samples, streams[1].samples)


def test_a_stream_is_quiet_between_words_and_never_clips(clip: Clip) -> None:
    stream = build(clip)
    assert level_db(cut(stream, 0, 1.5)) == pytest.approx(-60, abs=0.5)
    assert np.abs(stream.samples).max() <= 1.0


@settings(max_examples=20)
@given(snr_db=st.sampled_from([20.0, 10.0, 5.0, 0.0]), seed=st.integers(0, 99))
def test_noise_has_the_level_of_its_condition(
    clip: Clip, hum: Recordings, snr_db: float, seed: int
) -> None:
    stream = build_stream(
        [clip] * 4,
        sample_rate=RATE,
        condition=Condition("noise", snr_db),
        noise=hum,
        floor_db=-120.0,
        seed=seed,
    )
    assert level_db(cut(stream, 0, 1.9)) == pytest.approx(NOISE_DB, abs=0.5)
    for word in stream.truth:
        around = level_db(cut(stream, word.start - 0.5, word.start - 0.2))
        both = level_db(cut(stream, word.start, word.end))
        said = 10 * np.log10(10 ** (both / 10) - 10 ** (around / 10))
        assert said - around == pytest.approx(snr_db, abs=1.0)


def test_a_room_has_a_tail_and_leaves_the_word_where_it_was(clip: Clip) -> None:
    dry = build_stream([clip] * 3, sample_rate=RATE, floor_db=-90.0)
    wet = build_stream([clip] * 3, sample_rate=RATE, floor_db=-90.0, condition=ROOM)
    for word in dry.truth:
        after = word.end + 0.02, word.end + 0.12
        much_later = word.end + 0.6, word.end + 0.7
        assert level_db(cut(dry, *after)) == pytest.approx(-90, abs=1)
        assert level_db(cut(wet, *after)) > -60
        assert level_db(cut(wet, *much_later)) < level_db(cut(wet, *after)) - 25
        before = cut(wet, word.start - 0.3, word.start - 0.01)
        assert level_db(before) == pytest.approx(-90, abs=1)


def test_far_away_words_and_noise_are_quieter(clip: Clip, hum: Recordings) -> None:
    near = Condition("near", snr_db=10.0)
    here, there = (
        build_stream([clip] * 2, sample_rate=RATE, condition=each, noise=hum, floor_db=-120.0)
        for each in (near, replace(near, level_db=-20.0))
    )
    assert here.truth == there.truth
    np.testing.assert_allclose(there.samples, here.samples / 10, atol=1e-5)


def test_running_speech_of_the_same_level_touches_the_word_on_both_sides(
    clip: Clip, hum: Recordings
) -> None:
    stream = build_stream(
        [clip] * 3, sample_rate=RATE, condition=IN_SPEECH, speech=hum, floor_db=-120.0
    )
    assert len(stream.truth) == 3
    for word in stream.truth:
        said = level_db(cut(stream, word.start, word.end))
        for start, end in (
            (word.start - 1.9, word.start - GAP_S),
            (word.end + GAP_S, word.end + (0.9 if word is stream.truth[-1] else 1.9)),
        ):
            assert level_db(cut(stream, start, end)) == pytest.approx(said, abs=0.7)
        if word is not stream.truth[-1]:
            assert level_db(cut(stream, word.end + 2.2, word.end + 3.9)) < said - 50


def test_a_word_in_speech_in_noise_in_a_room(clip: Clip, hum: Recordings) -> None:
    condition = replace(IN_SPEECH, snr_db=10.0, room_s=0.4)
    stream = build_stream([clip] * 2, sample_rate=RATE, condition=condition, speech=hum, noise=hum)
    assert level_db(cut(stream, 0, 1.5)) == pytest.approx(NOISE_DB, abs=1)
    for word in stream.truth:
        assert level_db(cut(stream, word.start - 1.5, word.start - 0.5)) > NOISE_DB + 5
        assert level_db(cut(stream, word.start, word.end)) > NOISE_DB + 3


@pytest.mark.parametrize(
    ("condition", "what"), [(Condition("noise", 10.0), "noise"), (IN_SPEECH, "speech")]
)
def test_what_a_condition_needs_has_to_be_there(
    clip: Clip, condition: Condition, what: str
) -> None:
    with pytest.raises(ValueError, match=f"no recordings of {what}"):
        build_stream([clip], sample_rate=RATE, condition=condition)
