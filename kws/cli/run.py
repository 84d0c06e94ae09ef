"""`kws run`: the daemon."""

import argparse
import logging
import signal

from kws.cli.options import (
    CommandConfig,
    add_config_arguments,
    naming_the_file,
    read_config,
)
from kws.log import log_without_waiting, take_in_standard_error

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_arguments(parser)
    parser.add_argument(
        "--source",
        metavar="SOURCE",
        help="microphone (the default), demo, a file, - for raw samples or WAV on standard input, "
        "network for senders only, wyoming+tcp://HOST:PORT for a microphone of another machine, or "
        "auto, which chooses one of the others",
    )
    parser.add_argument("--device", metavar="NAME", help="the microphone's name, or a part of it")
    parser.add_argument(
        "--demo-if-no-microphone",
        action="store_true",
        help="play the bundled demo recording in a loop where there is no microphone; "
        'its events have "stream": "demo"',
    )


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    overrides = []
    if options.source is not None:
        overrides.append(("audio.source", options.source))
    if options.device is not None:
        overrides.append(("audio.device", options.device))
    config = read_config(options, *overrides)

    log_without_waiting()
    # From here on a stop is a clean end; once it is ready, the daemon has a handler of its own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if config.log.format == "json":
        take_in_standard_error()
    try:
        from kws.daemon import daemon

        with naming_the_file(options):
            daemon.run(
                config,
                CommandConfig(options, overrides),
                demo_if_no_microphone=options.demo_if_no_microphone,
            )
    except KeyboardInterrupt:
        log.info("interrupted before the daemon was ready")
    return 0
