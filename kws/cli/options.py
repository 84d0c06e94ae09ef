"""Arguments that several commands share."""

import argparse
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kws.config.load import load_config
from kws.config.paths import config_file, path_of
from kws.config.schema import Config, ServerConfig
from kws.config.variables import unread_variables
from kws.errors import ConfigError
from kws.log import set_up_logging

if TYPE_CHECKING:
    from kws.typing import Channel

log = logging.getLogger(__name__)


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that reads the configuration."""
    parser.add_argument(
        "--config",
        type=path_of,
        metavar="FILE",
        help="configuration, in YAML; default: ~/.config/kws/config.yaml, else "
        "/etc/kws/config.yaml, else none",
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a key of the configuration, as server.port=9000; may be repeated",
    )


def add_token_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of every command that connects to a daemon: see `kws.config.token`."""
    parser.add_argument(
        "--token-file",
        type=path_of,
        metavar="FILE",
        help="file with the daemon's token; default: the variable KWS_TOKEN",
    )


def channel(text: str) -> "Channel":
    """The argument of every option that chooses a channel."""
    if text == "mix":
        return "mix"
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text}: should be mix, or a whole number, 0 or more")
    return number


def default_url(path: str, scheme: str = "ws") -> str:
    """An address of this machine's daemon, where its configuration is the default."""
    defaults = ServerConfig()
    return f"{scheme}://{defaults.host}:{defaults.port}{path}"


@contextmanager
def naming_the_file(options: argparse.Namespace) -> Iterator[None]:
    """Name the file of the configuration in errors that are raised inside.

    Raises:
        ConfigError: as raised inside, with the file's name.
    """
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{file_of(options) or 'configuration'}: {error}") from error


def file_of(options: argparse.Namespace) -> Path | None:
    """The configuration's file: the one named, else the one that is found; None: there is none."""
    named: Path | None = options.config
    return config_file(os.environ) if named is None else named


def read_config(options: argparse.Namespace, *overrides: tuple[str, object]) -> Config:
    """The configuration of a command, and the log set up by it.

    Raises:
        ConfigError: it cannot be used.
    """
    config = settings(options, *overrides)
    set_up_logging(config.log.level, config.log.format)
    for name, meant in unread_variables(os.environ).items():
        hint = f"; did you mean {meant}?" if meant else ""
        log.warning("variable %s has no effect%s", name, hint)
    if options.config is None and (found := file_of(options)):
        log.info("configuration: %s", found)
    return config


@dataclass(frozen=True)
class CommandConfig:
    """Reads the configuration of a command again, as its file is then.

    Attributes:
        options: of the command line.
        overrides: what its own arguments set.
    """

    options: argparse.Namespace
    overrides: Sequence[tuple[str, object]]

    def read(self) -> Config:
        """All settings. Raises ConfigError."""
        return settings(self.options, *self.overrides)


def settings(options: argparse.Namespace, *overrides: tuple[str, object]) -> Config:
    """The configuration of a command, as its file is now.

    Raises:
        ConfigError: it cannot be used.
    """
    wanted: list[str | tuple[str, object]] = [*options.overrides, *overrides]
    if options.log_level:
        wanted.append(f"log.level={options.log_level}")
    if options.log_format:
        wanted.append(f"log.format={options.log_format}")
    return load_config(file_of(options), overrides=wanted, environment=os.environ)
