"""`kws uninstall-service`: stop and remove the service."""

import argparse
import logging
import os
from pathlib import Path

from kws.cli.install_service import add_service_arguments

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_service_arguments(
        parser, "remove the service of this user; without it, that of the machine (as root)"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from kws.service.files import remove_files
    from kws.service.layout import system_layout, user_layout
    from kws.service.manager import Manager

    root = options.root or Path("/")
    layout = user_layout(os.environ, root) if options.user else system_layout(root)
    manager = Manager(user=layout.user)
    reason = "another root" if options.root else manager.why_absent()
    if not reason and layout.unit.exists():
        manager.stop()
    remove_files(layout)
    if not reason:
        manager.forget()
    elif not options.root:
        log.warning("%s: nothing was stopped", reason)
    return 0
