"""Commands get the event, are ended in time, and their output is in the log."""

import asyncio
import json
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from kws.integrations.actions.command import MOST_LENGTH, MOST_LINES, run_command, variables
from kws.integrations.actions.errors import ActionError
from kws.integrations.actions.rules import Command
from kws.protocol.events import Detected, Event
from tests.support.limits import limit, wait_until

BODY = Detected("default", 12.34, "stop", 0.91, "commands-10", verified=True, score=0.8)
EVENT = Event("run", 7, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), BODY)


def python(code: str) -> Command:
    return Command((sys.executable, "-c", code))


def run(command: Command, seconds: float | None = None) -> None:
    within = limit(10) if seconds is None else seconds
    asyncio.run(run_command(command, EVENT, os.environ, within))


def test_it_gets_the_event_twice(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    run(
        python(
            "import json, os, sys; "
            f"json.dump([json.load(sys.stdin), dict(os.environ)], open({str(out)!r}, 'w'))"
        )
    )
    event, environment = json.loads(out.read_text())
    assert event == json.loads(EVENT.to_json())
    said = {name: text for name, text in environment.items() if name.startswith("KWS_")}
    assert said == {
        "KWS_KEYWORD": "stop",
        "KWS_CONFIDENCE": "0.91",
        "KWS_SCORE": "0.8",
        "KWS_STREAM": "default",
        "KWS_T": "12.34",
        "KWS_TIME": "2026-01-02T03:04:05.000Z",
        "KWS_ID": "run-7",
        "KWS_RUN": "run",
        "KWS_SEQ": "7",
        "KWS_MODEL": "commands-10",
    }


def test_it_does_not_get_what_is_the_daemons_own() -> None:
    own = {"KWS_TOKEN": "hidden", "NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "PATH": "/bin"}
    given = variables(EVENT, own)
    assert given["PATH"] == "/bin"
    assert not {"KWS_TOKEN", "NOTIFY_SOCKET", "WATCHDOG_USEC"} & given.keys()


def test_no_shell_reads_its_arguments(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run(Command(("/bin/echo", "$HOME; `id` | cat", "a  b")))
    assert "echo: $HOME; `id` | cat a  b" in caplog.text


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit(3)", "ended with code 3"),
        ("import os; os.abort()", "ended with signal 6"),
    ],
)
def test_another_end_than_0_is_a_failure(code: str, reason: str) -> None:
    with pytest.raises(ActionError, match=reason):
        run(python(code))


def test_what_cannot_be_started_is_a_failure(tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_bytes(b"\0\0no program")
    program.chmod(0o755)
    with pytest.raises(ActionError, match="cannot be started"):
        run(Command((str(program),)))


def test_one_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    code = (
        "import os, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)']); "
        f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}'); time.sleep(1000)"
    )
    with pytest.raises(ActionError, match="has not ended within"):
        run(python(code), limit(3, now=True))
    pids = [int(pid) for pid in note.read_text().split()]
    assert len(pids) == 2

    def gone() -> bool:
        return not any(
            psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
            for pid in pids
        )

    wait_until(gone, "its end and its child's")


def test_its_output_is_logged_harmlessly_and_not_without_limit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    run(
        python(
            "import sys; print('a\\x1b[31mb'); print('x' * 5_000); "
            "sys.stdout.write('line\\n' * 100_000); print('end', file=sys.stderr)"
        )
    )
    messages = [each.getMessage() for each in caplog.records if each.name.endswith("command")]
    assert messages[0].endswith(": a\\u001b[31mb")
    assert len(messages[1]) <= MOST_LENGTH + 40
    assert len(messages) == MOST_LINES + 1
    assert messages[-1].endswith("more output is left out")


def test_it_need_not_read_and_may_leave_a_child_behind(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', "
        f"'import time; time.sleep(1000)']); open({str(note)!r}, 'w').write(str(child.pid))"
    )
    run(python(code))
    child = psutil.Process(int(note.read_text()))
    try:
        assert child.is_running()
    finally:
        child.kill()
