"""The command line: `kws COMMAND`. Each command is a module of `kws.cli`."""

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

from kws.errors import KwsError, OutputError
from kws.log import finish_log, set_up_logging
from kws.printing import parse, report, set_up_output

log = logging.getLogger(__name__)

COMMANDS = {
    "run": "listen, and print a JSON line for each keyword detected (the daemon)",
    "scan": "find the keywords in recordings",
    "watch": "subscribe to a running daemon and print its events",
    "send": "send audio to a daemon elsewhere, and print the events that it detects in it",
    "tune": "record the scores of a room, and choose thresholds for it",
    "history": "print the events that a daemon has kept",
    "mute": "close the microphone of a running daemon",
    "unmute": "open the microphone of a running daemon again",
    "devices": "list the microphones",
    "check": "check configuration and model, and print the thresholds in use",
    "install-service": "install kws as a service of systemd, and start it",
    "uninstall-service": "stop and remove the service; configuration and models are kept",
}
USE_AUDIO_SYSTEM = ("run", "send", "devices")
"""Commands that open a microphone, and so end by `leave`."""
_LOG_SECONDS = 0.2
EPILOG = """\
exit codes: 0 success; 1 a recording or history cannot be read, or the output not be written;
2 command line or configuration; 3 model file; 4 audio device; 5 server; 6 the audio system
hangs; 7 the service cannot be installed or removed; 130 interrupted; 141 the reader of the
output has ended.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: of the command line, without the program's name.

    Returns:
        The exit code.
    """
    _open_standard_files()
    set_up_output()
    # Read when numpy is first imported. Its products here are too small for several threads,
    # which would wake each other at every hop.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    set_up_logging("info", "text")
    try:
        options = parse(_parser(), arguments)
    except OutputError as error:
        return report(error)
    set_up_logging(options.log_level or "info", options.log_format or "text")
    code = _run(options)
    if options.uses_audio_system:
        leave(code)
    return code


def leave(code: int) -> NoReturn:
    """End the process without the interpreter's clean-up; what was logged and printed is out.

    PortAudio's own clean-up can hang on a hung audio server, and a standard output or standard
    error that nobody reads must not delay the end either.
    """
    finish_log(_LOG_SECONDS)
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)


def _run(options: argparse.Namespace) -> int:
    """Run the command; whatever it raises becomes a message and an exit code."""
    try:
        code: int = options.run(options)
    except KwsError as error:
        return report(error)
    except KeyboardInterrupt:
        return 130
    except Exception:
        log.exception("kws failed; this is an error in kws, please report it")
        return 1
    return code


def _open_standard_files() -> None:
    """Fill closed standard descriptors, or the next file opened would be taken for one of them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # For reading, so that a write to it fails.
            os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kws",
        description="A real-time keyword spotter.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kws {version('kws')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module = import_module(f"kws.cli.{name.replace('-', '_')}")
        module.add_arguments(command)
        command.set_defaults(run=module.run, uses_audio_system=name in USE_AUDIO_SYSTEM)
        command.add_argument("--log-level", choices=("debug", "info", "warning", "error"))
        command.add_argument(
            "--log-format", choices=("text", "json"), help="of the log on standard error"
        )
    return parser
