"""Arguments that several commands share."""

import argparse
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kws.config import Config, load_config
from kws.errors import ConfigError, KwsError
from kws.log import set_up_logging

log = logging.getLogger(__name__)


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that reads the configuration."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration, in YAML")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a key of the configuration, as server.port=9000; may be repeated",
    )


@contextmanager
def naming_the_file(options: argparse.Namespace) -> Iterator[None]:
    """Whatever the configuration turns out not to fit in here, its file is named.

    Raises:
        ConfigError: as raised inside, with the file's name.
    """
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{options.config or 'configuration'}: {error}") from error


def report(error: KwsError) -> int:
    """Say what a user can mend, and give the exit code."""
    for line in str(error).splitlines():
        log.error("%s", line)
    return error.exit_code


def read_config(options: argparse.Namespace, *overrides: str) -> Config:
    """The configuration of a command, and the log as it says.

    Raises:
        ConfigError: it says something that cannot be.
    """
    wanted = [*options.overrides, *overrides]
    if options.log_level:
        wanted.append(f"log.level={options.log_level}")
    if options.log_format:
        wanted.append(f"log.format={options.log_format}")
    config = load_config(options.config, overrides=wanted, environment=os.environ)
    set_up_logging(config.log.level, config.log.format)
    return config
