"""`kws install-service`: kws as a service of systemd."""

import argparse
import logging
import os
import sys
import sysconfig
from pathlib import Path

from kws.errors import ServiceError

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_service_arguments(
        parser,
        "a service of this user, which can use PipeWire and PulseAudio; without it, a service of "
        "the machine, which uses ALSA (as root)",
    )


def add_service_arguments(parser: argparse.ArgumentParser, user: str) -> None:
    """The arguments of installing and uninstalling, with the help of `--user`."""
    parser.add_argument("--user", action="store_true", help=user)
    # For packagers: put the files below DIR and leave systemd alone.
    parser.add_argument("--root", type=Path, metavar="DIR", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Run the command; where all files are in place already, it only restarts the service."""
    from kws.service.files import put_files
    from kws.service.layout import system_layout, user_layout, why_unseen
    from kws.service.manager import Manager

    root = options.root or Path("/")
    layout = user_layout(os.environ, root) if options.user else system_layout(root)
    program = _program()
    package = Path(__file__).parents[1]
    if not layout.user and (
        reason := why_unseen((program, package, *map(Path, (sys.prefix, sys.base_prefix))))
    ):
        raise ServiceError(
            f"{reason}: a service of the whole machine needs a kws outside of it, such as "
            "`sudo make install-service` in a checkout puts into /opt/kws; or install a service "
            "of your own: kws install-service --user"
        )
    put_files(layout, program)
    if options.root:
        return 0
    manager = Manager(user=layout.user)
    if reason := manager.why_absent():
        log.warning("%s: the files are in place, but nothing was started", reason)
        return 0
    manager.start()
    if layout.user:
        log.info("it runs while you are logged in; to run it from boot on: loginctl enable-linger")
    log.info("kws is running; see: %s", manager.command("status", "kws"))
    return 0


def _program() -> Path:
    """The kws that was called, or else the one of this Python.

    Raises:
        ServiceError: there is none.
    """
    called = Path(sys.argv[0])
    script = Path(sysconfig.get_path("scripts")) / "kws"
    for path in (called, script):
        if path.name == "kws" and path.is_file() and os.access(path, os.X_OK):
            return path.absolute()
    raise ServiceError(f"{script} is missing: install kws into this Python with pip first")
