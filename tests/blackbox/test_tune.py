"""`kws tune`: a room's scores from a real daemon, and what is chosen by them."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kws.config.load import load_config
from kws.tuning.records import Peak, Processed
from tests.support.limits import wait_until
from tests.support.process import Lines, Message, json_lines, run_kws, started, wait_for_exit
from tests.support.talker import Talker
from tests.tuning.recordings import begin, lines

CONFIGURATION, SERVER = 2, 5
"""Exit codes."""


@pytest.fixture(scope="module")
def guarded() -> Iterator[Talker]:
    """A daemon that asks for a token, for the tests of this module."""
    with Talker(environment={"KWS_TOKEN": "secret"}) as daemon:
        yield daemon


@contextmanager
def recording(path: Path, port: int, *arguments: str, token: str = "secret") -> Iterator[Lines]:
    """`kws tune --record` until the block ends; the lines of its log."""
    command = ("tune", "--record", str(path), "--url", f"ws://127.0.0.1:{port}", *arguments)
    process = started(*command, environment={"KWS_TOKEN": token})
    assert process.stdout is not None
    assert process.stderr is not None
    stderr = Lines(process.stderr)
    try:
        yield stderr
        process.send_signal(signal.SIGINT)
        assert wait_for_exit(process) == 0
        assert process.stdout.read() == b""
        assert not any("Traceback" in line for line in stderr.finish())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        stderr.finish()


def records(path: Path, kind: str) -> list[Message]:
    """The lines of a kind, as far as they are written."""
    found = json_lines(path.read_text())
    assert {each["type"] for each in found} <= {"begin", "peak", "processed"}
    return [each for each in found if each["type"] == kind]


def wait_for_peak(path: Path, word: str) -> None:
    """Wait until a high peak of a keyword is written."""
    wait_until(
        lambda: any(
            each["keyword"] == word and each["height"] > 0.5 for each in records(path, "peak")
        ),
        f"the peak of {word}",
    )


def test_scores_are_recorded_across_stops_and_counted(guarded: Talker, tmp_path: Path) -> None:
    path = tmp_path / "room.jsonl"
    for word in ("no", "down"):
        with recording(path, guarded.port) as log:
            log.find(lambda line: "recording scores of stream 'default'" in line)
            # A peak ends with what follows.
            guarded.say(word, "yes")
            wait_for_peak(path, word)
    assert [each["model"] for each in records(path, "begin")] == ["yes-no-up-down"] * 2
    assert sum(each["seconds"] for each in records(path, "processed")) > 3

    done = run_kws("tune", str(path))
    assert done.returncode == CONFIGURATION
    assert "0.5 false alarms per hour cannot be shown by" in done.stderr
    assert "alarms an hour, by threshold of the smoothed posterior:" in done.stdout
    assert "keywords:" not in done.stdout
    done = run_kws("tune", str(path), "--json", "--false-alarms-per-hour=100000", "--said=no=1")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    counts = {word: each["in_use"]["alarms"] for word, each in report["keywords"].items()}
    assert (counts["no"], counts["up"], counts["down"]) == (0, 0, 1)


def test_a_wrong_token_ends_it(guarded: Talker, tmp_path: Path) -> None:
    command = ("tune", "--record", str(tmp_path / "room"), "--url")
    url = f"ws://127.0.0.1:{guarded.port}/"
    done = run_kws(*command, url, environment={"KWS_TOKEN": "wrong"})
    assert done.returncode == SERVER
    assert "the token is wrong: set KWS_TOKEN or --token-file" in done.stderr
    done = run_kws(*command, url)
    assert done.returncode == SERVER
    assert "the daemon wants a token" in done.stderr


def test_it_waits_for_a_stream_and_ends_after_its_hours(guarded: Talker, tmp_path: Path) -> None:
    path = tmp_path / "room.jsonl"
    with recording(path, guarded.port, "--stream", "kitchen") as log:
        log.find(lambda line: "there is no stream 'kitchen' yet; there are: default" in line)
    path.write_bytes(lines(begin({"yes": 0.5}), Processed(3600.0)).getvalue())
    url = f"ws://127.0.0.1:{guarded.port}"
    done = run_kws("tune", "--record", str(path), "--hours", "1", "--url", url)
    assert done.returncode == 0, done.stderr
    assert "1.00 h recorded" in done.stderr


def test_the_lines_are_configuration(tmp_path: Path) -> None:
    path, config = tmp_path / "room", tmp_path / "config.yaml"
    peaks = [Peak("yes", float(t), 0.6) for t in range(0, 40, 4)]
    path.write_bytes(lines(begin({"yes": 0.5}), *peaks, Processed(36_000.0)).getvalue())
    done = run_kws("tune", str(path))
    assert done.returncode == 0, done.stderr
    config.write_text("keywords:" + done.stdout.partition("keywords:")[2])
    assert load_config(config).keywords["yes"].threshold == 0.6001
