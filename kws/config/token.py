"""Secrets from files: the token that a daemon asks its clients for, also from the environment."""

from collections.abc import Mapping
from pathlib import Path

from kws.config.paths import path_of
from kws.errors import ConfigError

TOKEN_VARIABLE = "KWS_TOKEN"
_MAX_BYTES = 4096


def find_token(file: Path | str | None, environment: Mapping[str, str]) -> str:
    """The token of the daemon or of a client; empty where there is none.

    Args:
        file: holds the token on its first line, and counts before the environment; None or empty:
            there is no such file.
        environment: variables, of which KWS_TOKEN may hold the token.

    Raises:
        ConfigError: the file cannot be read or has nothing on its first line, or the token has
            characters that no header can carry. The message does not show them.
    """
    if file:
        return read_secret(path_of(str(file)), "token")
    return _checked(environment.get(TOKEN_VARIABLE, ""), f"variable {TOKEN_VARIABLE}")


def read_secret(path: Path, what: str) -> str:
    """The first line of a file, without white space around it.

    Args:
        path: of the file.
        what: it holds, for messages, as "token".

    Raises:
        ConfigError: as `find_token`.
    """
    source = f"{what} file {path}"
    try:
        with path.open("rb") as file:
            secret = _checked(file.readline(_MAX_BYTES).decode("utf-8-sig"), source, what)
    except UnicodeDecodeError:
        raise ConfigError(f"{source}: cannot be read: it is not UTF-8") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{source}: cannot be read: {error}") from error
    if not secret:
        raise ConfigError(f"{source}: put the {what} on its first line")
    return secret


def secret_at(key: str, file: str, what: str) -> str:
    """The secret in the file that a key of the configuration names; empty where it names none.

    Raises:
        ConfigError: as `find_token`; it names the key.
    """
    if not file:
        return ""
    try:
        return read_secret(path_of(file), what)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None


def _checked(text: str, source: str, what: str = "token") -> str:
    secret = text.strip()
    if not secret.isprintable():
        raise ConfigError(f"{source}: the {what} has control characters; write it as plain text")
    return secret
