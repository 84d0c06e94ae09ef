"""Arguments that several commands share."""

import argparse
import os
from pathlib import Path

from kws.config import Config, load_config
from kws.log import set_up_logging


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
