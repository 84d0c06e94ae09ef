"""What `kws tune` refuses, and why."""

import argparse
import re
from pathlib import Path

import pytest

from kws.cli.tune import add_arguments, run
from kws.errors import ConfigError
from kws.tuning.records import Processed
from tests.tuning.recordings import begin, lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name one: --record FILE to record, or a FILE to choose by"),
        (("room", "--record", "room"), "name one: --record FILE to record, or a FILE to choose by"),
        (("missing",), "missing: cannot be read: No such file or directory"),
        (("room", "--hours", "3"), "--hours: only with --record"),
        (("--record", "room", "--json", "--said", "yes=3"), "--said, --json: only without"),
        (("room", "--said", "yes"), "--said: yes: should be WORD=N,..."),
        (("room", "--said", "yes=1,yes=2"), "--said: yes=1,yes=2: should be WORD=N,..."),
        (("room", "--said", "maybe=1"), "--said: no maybe here; there are: yes"),
        (("room", "--false-alarms-per-hour", "0"), "0: should be a number above 0"),
        (("config.yaml",), "is no recording of kws tune; make one with: kws tune --record FILE"),
        (("begun",), "no audio was processed yet; record longer"),
        (("--record", "new", "--url", "http://127.0.0.1:8000"), "should be ws://HOST:PORT/scores"),
    ],
)
def test_tune_refuses_what_cannot_be(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("room").write_bytes(lines(begin({"yes": 0.5}), Processed(36_000.0)).getvalue())
    Path("begun").write_bytes(lines(begin({"yes": 0.5})).getvalue())
    Path("config.yaml").write_text("keywords: {}\n")
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    with pytest.raises((ConfigError, argparse.ArgumentError), match=re.escape(message)):
        run(parser.parse_args(arguments))
