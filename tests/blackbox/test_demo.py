"""The demo recording on every way into the daemon: all its keywords are detected, none invented."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.client import get_json, receive, receive_all, subscribe
from tests.support.limits import TIMEOUT
from tests.support.process import DaemonProcess, Message, json_lines, run_kws
from tests.support.speech import (
    CLEAREST,
    DEMO,
    RATE,
    Samples,
    assert_heard_once,
    begin_in_stream,
    demo,
    pcm,
    piece,
    wav,
    words,
)

Start = Callable[..., DaemonProcess]

SOME = 6
"""Words that come in the first third; all of them come on the ways that need no real time."""


def process_stdin(start: Start, sound: bytes, *arguments: str) -> DaemonProcess:
    """A daemon that has processed this from its standard input, and has ended."""
    daemon = start("--source", "-", *arguments, stdin=subprocess.PIPE)
    daemon.write(sound)
    daemon.end_input()
    assert daemon.finish() == 0, daemon.all_stderr()
    return daemon


def test_the_demo_is_processed_in_real_time(start: Start) -> None:
    daemon = start("--source", "demo")
    assert daemon.ready()["source"]["stream"] == "demo"
    with subscribe(daemon.port) as subscriber:
        [source] = receive(subscriber)["sources"]
        assert (source["stream"], source["kind"]) == ("demo", "demo")
        expected = words()[:SOME]
        last = daemon.events(SOME, TIMEOUT + expected[-1].end)[-1]
        health = get_json(daemon.port, "/health")
        assert (health["status"], health["source"]["stream"]) == ("ok", "demo")
        assert daemon.stop() == 0
        detected, _, _ = receive_all(subscriber)
    events = daemon.all_events()
    assert detected == events
    assert {event["stream"] for event in events} == {"demo"}
    # It goes on until it is stopped, perhaps beyond these words.
    assert_heard_once([event for event in events if event["seq"] <= last["seq"]], expected)


@pytest.fixture(scope="module")
def from_file() -> list[Message]:
    """The events of a daemon that processes the demo as a file, and ends."""
    with DaemonProcess("--source", str(DEMO)) as daemon:
        assert daemon.finish() == 0
        return daemon.all_events()


def test_a_file_is_processed_and_ends_the_daemon(from_file: list[Message]) -> None:
    events = from_file
    assert_heard_once(events, words())
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["id"] for event in events}) == len(events)
    assert {event["stream"] for event in events} == {"default"}


def test_scan_detects_what_the_daemon_detects(from_file: list[Message]) -> None:
    scan = run_kws("scan", str(DEMO))
    assert (scan.returncode, scan.stderr) == (0, "")
    found = json_lines(scan.stdout)
    assert_heard_once(found, words())
    assert all(event["file"] == str(DEMO) for event in found)
    told = from_file
    assert [event["keyword"] for event in found] == [event["keyword"] for event in told]
    for key in ("t", "confidence"):
        assert [event[key] for event in found] == pytest.approx(
            [event[key] for event in told], abs=0.01
        )


def test_raw_samples_on_standard_input(start: Start) -> None:
    assert_heard_once(process_stdin(start, pcm(demo())).all_events(), words())


def test_a_wav_stream_on_standard_input(start: Start) -> None:
    # What the options say about raw samples does not count then.
    daemon = process_stdin(start, wav(demo()), "--set", "audio.stdin_rate=8000")
    assert_heard_once(daemon.all_events(), words())


def test_raw_stereo_at_another_rate_on_standard_input(start: Start) -> None:
    seconds = len(demo()) / RATE
    at = np.arange(round(seconds * 44_100)) / 44_100
    mono = np.interp(at, np.arange(len(demo())) / RATE, demo()).astype(np.float32)
    both: Samples = np.repeat(mono, 2)
    daemon = process_stdin(
        start, pcm(both), "--set", "audio.stdin_rate=44100", "--set", "audio.stdin_channels=2"
    )
    assert_heard_once(daemon.all_events(), words())


@pytest.mark.parametrize("keyword", CLEAREST)
def test_a_word_at_the_very_end_of_a_pipe(start: Start, keyword: str) -> None:
    word = words()[CLEAREST[keyword]]
    daemon = process_stdin(start, pcm(piece(max(0.0, word.start - 2.0), word.end + 0.02)))
    assert [event["keyword"] for event in daemon.all_events()][-1] == keyword


def test_scan_detects_words_at_the_edges_of_a_recording(tmp_path: Path) -> None:
    for keyword, index in CLEAREST.items():
        word = words()[index]
        soundfile.write(tmp_path / keyword, piece(word.start, word.end), RATE, format="WAV")
    scan = run_kws("scan", *(str(tmp_path / keyword) for keyword in CLEAREST))
    assert (scan.returncode, scan.stderr) == (0, "")
    detected = [(Path(event["file"]).name, event["keyword"]) for event in json_lines(scan.stdout)]
    assert detected == [(keyword, keyword) for keyword in CLEAREST]


def test_a_recording_given_twice_on_a_pipe_is_processed_twice(start: Start) -> None:
    sound = np.concatenate((demo(), demo()))
    events = process_stdin(start, pcm(sound)).all_events()
    half = len(events) // 2
    seconds = len(demo()) / RATE
    first, second = (begin_in_stream(part, words()) for part in (events[:half], events[half:]))
    assert second - first == pytest.approx(seconds, abs=0.2)
