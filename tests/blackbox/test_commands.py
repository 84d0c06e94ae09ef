"""`kws watch` at a daemon, `kws devices` at a microphone, and what `kws scan` writes."""

import csv
import io
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.audio_servers import PulseAudio
from tests.support.limits import limit
from tests.support.process import DaemonProcess, Lines, json_lines, run_kws, started, wait_for_exit
from tests.support.speech import DEMO
from tests.support.talker import Talker

CONFIGURATION, SERVER, HUNG, INTERRUPTED, CLOSED_OUTPUT = 2, 5, 6, 130, 141
"""Exit codes."""

Talk = Callable[..., Talker]
Watch = Callable[..., "Watcher"]


class Watcher:
    """`kws watch` as a process.

    Args:
        arguments: of its command line.
        token: in its environment.
    """

    def __init__(self, *arguments: str, token: str = "") -> None:
        self.process = started("watch", *arguments, environment={"KWS_TOKEN": token})
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdout = Lines(self.process.stdout)
        self.stderr = Lines(self.process.stderr)

    def end(self) -> None:
        """Leave nothing running."""
        self.process.kill()
        self.process.wait()
        self.stdout.finish()
        self.stderr.finish()

    def subscribed(self, times: int = 1) -> None:
        """Wait until it has joined so many times."""
        self.stderr.wait_for(lambda lines: sum("subscribed to" in line for line in lines) >= times)


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Starts `kws watch`, which does not outlive the test."""
    with ExitStack() as stack:

        def begin(*arguments: str, token: str = "") -> Watcher:
            watcher = Watcher(*arguments, token=token)
            stack.callback(watcher.end)
            return watcher

        yield begin


@pytest.fixture(scope="module")
def guarded() -> Iterator[Talker]:
    """A daemon that asks for a token, for the tests of this module."""
    with Talker(environment={"KWS_TOKEN": "secret"}) as daemon:
        yield daemon


def url(daemon: DaemonProcess) -> str:
    """Where its events are."""
    return f"ws://127.0.0.1:{daemon.port}/events"


def test_watch_prints_the_events_and_ends_with_the_daemon(talk: Talk, watch: Watch) -> None:
    daemon = talk()
    watcher = watch("--once", url(daemon))
    watcher.subscribed()
    events = daemon.say("yes", "no")
    assert daemon.stop() == 0
    assert wait_for_exit(watcher.process) == 0
    assert json_lines("\n".join(watcher.stdout.finish())) == events


def test_watch_prints_what_it_was_asked_for(guarded: Talker, watch: Watch) -> None:
    asked = ("--once", "--keyword", "no", "--keyword", "down", "--min-confidence", "0.1")
    watcher = watch(
        *(*asked, url(guarded)),
        token="secret",
    )
    watcher.subscribed()
    # Before its filter has arrived it gets everything; a first "no" tells us that it has.
    events = guarded.say("no", "yes", "down")
    lines = watcher.stdout.first(2)
    assert json_lines("\n".join(lines)) == [events[0], events[2]]


def test_watch_misses_nothing_over_a_restart_with_a_history(
    talk: Talk, watch: Watch, tmp_path: Path
) -> None:
    keep = ("--set", "history.days=1", "--set", f"state.folder={tmp_path}")
    daemon = talk(*keep)
    port = daemon.port
    watcher = watch(url(daemon))
    watcher.subscribed()
    events = daemon.say("yes")
    assert json_lines("\n".join(watcher.stdout.first(1))) == events
    # What it cannot get: events while it does not run.
    watcher.process.send_signal(signal.SIGSTOP)
    events += daemon.say("no", "down")
    daemon.end_input()
    assert daemon.finish() == 0
    again = talk("--set", f"server.port={port}", *keep)
    events += again.say("yes")
    watcher.process.send_signal(signal.SIGCONT)
    assert json_lines("\n".join(watcher.stdout.first(4))) == events


def test_watch_comes_back_when_the_daemon_does(talk: Talk, watch: Watch) -> None:
    daemon = talk()
    port = daemon.port
    watcher = watch(url(daemon))
    watcher.subscribed()
    events = daemon.say("yes")
    assert json_lines("\n".join(watcher.stdout.first(1))) == events
    assert daemon.stop() == 0
    again = talk("--set", f"server.port={port}")
    events += again.say("no")
    watcher.subscribed(times=2)
    events += again.say("down")
    assert json_lines("\n".join(watcher.stdout.first(3))) == events
    watcher.process.send_signal(signal.SIGINT)
    assert wait_for_exit(watcher.process) == INTERRUPTED
    assert not any("Traceback" in line for line in watcher.stderr.finish())


def test_watch_reports_that_there_is_no_daemon(watch: Watch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    watcher = watch("--once", f"ws://127.0.0.1:{port}/events")
    assert wait_for_exit(watcher.process) == SERVER
    assert "is kws running there?" in watcher.stderr.finish()[-1]


def test_watch_does_not_knock_again_with_a_wrong_token(guarded: Talker, watch: Watch) -> None:
    watcher = watch(url(guarded), token="wrong")
    assert wait_for_exit(watcher.process) == SERVER
    assert "the token is wrong: set KWS_TOKEN or --token-file" in watcher.stderr.finish()[-1]


def test_watch_without_a_token_says_how_to_give_it(guarded: Talker, watch: Watch) -> None:
    watcher = watch(url(guarded))
    assert wait_for_exit(watcher.process) == SERVER
    wanted = "the daemon wants a token: set KWS_TOKEN or --token-file"
    assert wanted in watcher.stderr.finish()[-1]


def test_white_space_after_a_token_does_not_matter(guarded: Talker, watch: Watch) -> None:
    watcher = watch("--once", url(guarded), token="secret\n")
    watcher.subscribed()


def test_a_token_that_cannot_be_sent_is_an_error_that_does_not_show_it(watch: Watch) -> None:
    for token in ("s3cret\nsecond", "s3cret\x7f", "s3cret\u65e5"):
        watcher = watch("ws://127.0.0.1:1/events", token=token)
        assert watcher.process.wait(limit(30)) == CONFIGURATION
        (line,) = watcher.stderr.finish()
        assert "token" in line
        assert "s3cret" not in line


def test_watch_ends_when_nobody_reads_it(guarded: Talker) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb"):
        process = started(
            "watch", url(guarded), environment={"KWS_TOKEN": "secret"}, stdout=writing
        )
    assert process.stderr is not None
    stderr = Lines(process.stderr)
    try:
        stderr.find(lambda line: "subscribed to" in line)
        os.close(reading)
        guarded.say("yes")
        assert wait_for_exit(process) == CLOSED_OUTPUT
    finally:
        process.kill()
        process.wait()
    assert not any("Traceback" in line for line in stderr.finish())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--min-confidence", "3"), "argument --min-confidence: 3: should be a number from 0 to 1"),
        (("--min-confidence", "nan"), "nan: should be a number from 0 to 1"),
        (("--min-confidence", "high"), "high: should be a number from 0 to 1"),
        (("http://127.0.0.1:8000/events",), "should be ws://HOST:PORT/events"),
    ],
)
def test_watch_refuses_what_cannot_be(arguments: tuple[str, ...], message: str) -> None:
    done = run_kws("watch", *arguments)
    assert (done.returncode, done.stdout) == (CONFIGURATION, "")
    assert message in done.stderr


def test_devices_lists_the_microphones(pulseaudio: Callable[[], PulseAudio]) -> None:
    environment = pulseaudio().environment
    done = run_kws("devices", environment=environment)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line[2:].startswith("pulse, ALSA")]
    assert line.endswith("opens at 16000 Hz")
    done = run_kws("devices", "--set", "audio.device_rate=48000", environment=environment)
    assert "opens at 48000 Hz, resampled to 16000 Hz" in done.stdout
    done = run_kws("devices", "--device", "Wolpertinger", environment=environment)
    assert done.returncode == 4
    assert "pulse, ALSA" in done.stdout
    assert "'Wolpertinger'" in done.stderr
    done = run_kws("devices", "--set", "audio.device=PULSE", environment=environment)
    used = [line for line in done.stdout.splitlines()[1:] if line.startswith("* ")]
    assert [line.split(",")[0] for line in used] == ["* pulse"]


@pytest.mark.parametrize("meter", [(), ("--meter",)])
def test_devices_does_not_wait_for_a_hung_server(
    meter: tuple[str, ...], pulseaudio: Callable[[], PulseAudio]
) -> None:
    server = pulseaudio()
    server.freeze()
    try:
        done = run_kws("devices", *meter, "--device", "pulse", environment=server.environment)
    finally:
        server.thaw()
    assert done.returncode == HUNG
    assert "its server hangs" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_meter_shows_level_and_posteriors(
    pulseaudio: Callable[[], PulseAudio], word: Path
) -> None:
    server = pulseaudio()
    arguments = ("devices", "--meter", "--device", "pulse")
    with started(*arguments, environment=server.environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        shown = Lines(process.stdout)
        shown.first(1)
        server.play(word)
        line = shown.find(lambda line: "[yes]" in line)
        assert " dB |" in line
        process.send_signal(signal.SIGINT)
        assert wait_for_exit(process) == 0
        assert "Traceback" not in process.stderr.read().decode()


def test_scan_writes_tables_and_labels() -> None:
    found = json_lines(run_kws("scan", str(DEMO)).stdout)
    table = run_kws("scan", "--format", "csv", str(DEMO)).stdout
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["file"], float(row["t"]), row["keyword"]) for row in rows] == [
        (event["file"], event["t"], event["keyword"]) for event in found
    ]
    labels = run_kws("scan", "--format", "audacity", str(DEMO)).stdout.splitlines()
    assert [label.split("\t")[0] for label in labels] == [f"{event['t']:.3f}" for event in found]
    assert [label.split("\t")[2].split()[0] for label in labels] == [
        event["keyword"] for event in found
    ]
