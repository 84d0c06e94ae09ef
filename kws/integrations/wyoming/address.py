"""Where the service listens: the settings, checked before anything is opened."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from kws.config.paths import path_of
from kws.config.schema import AudioConfig, WyomingConfig
from kws.errors import ConfigError
from kws.serving.auth import is_loopback
from kws.text import escaped, is_plain

KEY = "integrations.wyoming"
_WANTED = "should be tcp://HOST:PORT, unix:///PATH or stdio://"


@dataclass(frozen=True)
class Address:
    """Where the service listens.

    Attributes:
        scheme: of its URI.
        host: name or address; empty but for tcp.
        port: of TCP; 0: any free one.
        path: of a socket; None but for unix.
    """

    scheme: Literal["tcp", "unix", "stdio"]
    host: str = ""
    port: int = 0
    path: Path | None = None

    @property
    def uri(self) -> str:
        """The same as a URI."""
        match self.scheme:
            case "tcp":
                host = f"[{self.host}]" if ":" in self.host else self.host
                return f"tcp://{host}:{self.port}"
            case "unix":
                return f"unix://{self.path}"
            case "stdio":
                return "stdio://"

    @property
    def reachable(self) -> bool:
        """Whether other machines can reach it."""
        return self.scheme == "tcp" and not is_loopback(self.host)


def read_address(config: WyomingConfig) -> Address:
    """Where the service of the configuration listens.

    Raises:
        ConfigError: a library is missing, or a setting cannot be used.
    """
    for library in ("wyoming", "zeroconf") if config.zeroconf else ("wyoming",):
        if importlib.util.find_spec(library) is None:
            raise ConfigError(
                f"{KEY}.uri is set, and the library {library} is missing: install it, or kws as "
                "kws[wyoming]"
            )
    address = _parse(config.uri)
    if address.reachable and not config.allow_unauthenticated:
        raise ConfigError(
            f"{KEY}.uri: {address.host} lets other machines connect, and the Wyoming protocol has "
            f"no password: use 127.0.0.1, or set {KEY}.allow_unauthenticated to true"
        )
    return address


def uses_stdio(config: WyomingConfig) -> bool:
    """Whether standard input and output belong to the service."""
    return config.uri.lower().startswith("stdio:")


def check_stdio(config: WyomingConfig, audio: AudioConfig) -> None:
    """Find whether standard input and output have one user each.

    Raises:
        ConfigError: they have not.
    """
    if uses_stdio(config) and audio.source == "-":
        raise ConfigError(
            f"{KEY}.uri: stdio:// and audio.source: - both read standard input; choose another "
            "source, such as network for none, or another uri"
        )


def _parse(text: str) -> Address:
    wrong = ConfigError(f"{KEY}.uri: {escaped(text)!r} {_WANTED}")
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
        host.encode("idna" if ":" not in host else "ascii")
    except ValueError:
        raise wrong from None
    if not is_plain(text) or url.username is not None or url.query or url.fragment:
        raise wrong
    match url.scheme:
        case "tcp" if host and port is not None and not url.path.strip("/"):
            return Address("tcp", host, port)
        case "unix" if not host and url.path.startswith("/") and url.path != "/":
            return Address("unix", path=path_of(url.path))
        case "stdio" if not host and not url.path.strip("/"):
            return Address("stdio")
    raise wrong
