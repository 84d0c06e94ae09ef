"""Who may connect: by the name they call the server, the page they come from, and a token."""

import hmac
import ipaddress
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from kws.config.schema import ServerConfig
from kws.config.token import TOKEN_VARIABLE, find_token
from kws.errors import ConfigError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Access:
    """Who may connect.

    Attributes:
        token: the secret; empty for none.
        hosts: names of the server, beside addresses and localhost.
        origins: web pages elsewhere that may connect, as "https://example.org".
    """

    token: str = ""
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def refuses(self, host: str | None, origin: str | None) -> str | None:
        """Why a request with these headers is refused; None where it is not.

        A name that the server does not know can be a web page's own, pointed at this machine (DNS
        rebinding); an address cannot. An origin is what page a browser's request comes from.
        """
        name = host_name(host)
        if name is None or not (name == "localhost" or _is_address(name) or name in self.hosts):
            return f"host {host!r} is not one of this server's names (server.allowed_hosts)"
        if origin is not None and origin not in self.origins and not _same(origin, host):
            return f"pages of {origin!r} may not connect (server.allowed_origins)"
        return None

    def knows(self, token: str | None) -> bool:
        """Whether a token is the right one, or none is needed."""
        if not self.token:
            return True
        return token is not None and hmac.compare_digest(token.encode(), self.token.encode())


def read_access(config: ServerConfig, environment: Mapping[str, str]) -> Access:
    """Who may connect, with the token from its file or the environment.

    Raises:
        ConfigError: the token's file cannot be read or is empty, or there is none and sound is to
            be kept.
    """
    token = find_token(config.token_file, environment)
    if not token and not is_loopback(config.host):
        log.warning(
            "server.host %s accepts connections from other machines, and there is no token: "
            "set server.token_file or %s",
            config.host,
            TOKEN_VARIABLE,
        )
    if config.keep_audio_s and not token:
        raise ConfigError(
            "server.keep_audio_s keeps what is said in the room, so only clients with a token may "
            f"get it, and there is none: set server.token_file or {TOKEN_VARIABLE}"
        )
    hosts = frozenset(name.lower() for name in (config.host, *config.allowed_hosts))
    return Access(token, hosts, frozenset(config.allowed_origins))


def bearer_token(header: str | None) -> str | None:
    """The token of an Authorization header (RFC 6750)."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    if host == "localhost":
        return True
    if not _is_address(host):
        return False
    address = ipaddress.ip_address(host)
    # An IPv4 client of a socket for IPv6.
    mapped = getattr(address, "ipv4_mapped", None)
    return (address if mapped is None else mapped).is_loopback


def host_name(host: str | None) -> str | None:
    """The name in a Host header, without its port."""
    if not host:
        return None
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(origin: str, host: str | None) -> bool:
    """Whether a page was served by the host that it now talks to."""
    scheme, _, authority = origin.partition("://")
    return scheme in ("http", "https") and authority.lower() == (host or "").lower()
