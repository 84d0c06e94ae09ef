"""Standard output that takes no more: what is raised, and what a command then says."""

import errno
import io
import os
import subprocess
from pathlib import Path

import pytest

from kws.errors import ClosedOutputError, OutputError
from kws.printing import print_line, print_text
from tests.support.limits import TIMEOUT, limit
from tests.support.outputs import FailingOutput
from tests.support.process import KWS, clean_environment, json_lines, run_kws
from tests.support.speech import DEMO

CLOSED_OUTPUT = 141
"""Exit code."""
FULL = "standard output: No space left on device"


def test_text_is_out_at_once_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    print_text("a")
    print_line("b")
    assert capfd.readouterr().out == "ab\n"
    output = io.StringIO()
    print_line("c", output)
    assert (output.getvalue(), capfd.readouterr().out) == ("c\n", "")


def test_a_failed_write_is_no_error_of_the_operating_system() -> None:
    with pytest.raises(OutputError, match=f"^{FULL}$") as caught:
        print_line("a", FailingOutput(OSError(errno.ENOSPC, "No space left on device")))
    assert not isinstance(caught.value, ClosedOutputError)
    with pytest.raises(ClosedOutputError):
        print_line("a", FailingOutput(BrokenPipeError(errno.EPIPE, "Broken pipe")))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "arguments", [("--help",), ("check",), ("scan", str(DEMO)), ("scan", "--format=csv", "x")]
)
def test_a_full_disk_is_one_line(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = _run(*arguments, stdout=full)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, line.endswith(f"ERROR   {FULL}")) == (1, True), line


@pytest.mark.parametrize("arguments", [("check",), ("scan", str(DEMO), str(DEMO))])
def test_a_reader_that_has_ended_ends_a_command_silently(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = _run(*arguments, stdout=pipe)
    assert (done.returncode, done.stderr) == (CLOSED_OUTPUT, "")


def test_a_name_that_the_locale_cannot_write_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "größe.wav"
    path.symlink_to(DEMO)
    done = run_kws("scan", str(path), environment={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert json_lines(done.stdout)[0]["file"] == str(path)


def test_a_closed_standard_output_is_one_line() -> None:
    command = f"exec {' '.join(KWS)} scan '{DEMO}' >&-"
    done = subprocess.run(
        ["sh", "-c", command],
        stderr=subprocess.PIPE,
        text=True,
        timeout=limit(TIMEOUT),
        env=clean_environment(),
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert (done.returncode, "standard output: Bad file descriptor" in line) == (1, True), line


def _run(*arguments: str, stdout: io.TextIOWrapper) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*KWS, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=limit(TIMEOUT),
        env=clean_environment(),
        check=False,
    )
