"""What is known of a broker before anything is connected: the settings, checked."""

import importlib
import socket
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from kws.config.paths import path_of
from kws.config.schema import MqttConfig
from kws.config.token import secret_at
from kws.errors import ConfigError
from kws.text import is_plain

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_KEY = "integrations.mqtt"
_LONGEST_ID = 64


@dataclass(frozen=True)
class Broker:
    """A broker, and as whom kws connects to it.

    Attributes:
        host: name or address.
        port: TCP port.
        protocol: version of MQTT.
        client_id: name of the connection.
        user: name that the broker knows this daemon by; empty for none.
        password: empty for none. It is in no message.
        tls: how its certificate is checked; None: it is not encrypted.
    """

    host: str
    port: int
    protocol: Literal[5, "3.1.1"]
    client_id: str
    user: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None

    @property
    def peer(self) -> str:
        """Where it is, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def daemon_id(config: MqttConfig) -> str:
    """The daemon's name in topics.

    Raises:
        ConfigError: it cannot be used.
    """
    name = config.id or socket.gethostname()
    if not is_plain(name) or name != name.strip() or not 0 < len(name) <= _LONGEST_ID:
        raise ConfigError(
            f"{_KEY}.id: {name!r} is no name; give it 1 to {_LONGEST_ID} characters that can be "
            "shown, without white space around them"
        )
    return name


def read_broker(config: MqttConfig) -> Broker:
    """The broker of the configuration, with its password and certificates read.

    Raises:
        ConfigError: the library is missing, or a setting or a file cannot be used. No message shows
            a password.
    """
    try:
        importlib.import_module("paho.mqtt.enums")  # there since paho-mqtt 2
    except ImportError:
        raise ConfigError(
            f"{_KEY}.url is set, and the library for MQTT, which kws[mqtt] brings, is missing or "
            f"too old: {sys.executable} -m pip install 'paho-mqtt>=2.1'"
        ) from None
    url = _split(config.url)
    for name in ("topic", "discovery_prefix"):
        _check_prefix(f"{_KEY}.{name}", getattr(config, name))
    if config.password_file and not config.user:
        raise ConfigError(f"{_KEY}.password_file needs {_KEY}.user, the name that it belongs to")
    password = secret_at(f"{_KEY}.password_file", config.password_file, "password")
    port = url.port or _PORTS[url.scheme]
    return Broker(
        *(url.hostname or "", port, config.protocol),
        client_id=config.client_id or f"kws-{daemon_id(config)}",
        user=config.user,
        password=password,
        tls=_tls(config, encrypted=url.scheme == "mqtts"),
    )


def _split(text: str) -> SplitResult:
    # The text itself may hold a password, so no message shows it.
    wanted = "should be mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS"
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
        host.encode("idna" if ":" not in host else "ascii")
    except ValueError:
        raise ConfigError(f"{_KEY}.url: it is no URL; {wanted}") from None
    if url.username is not None or url.password is not None:
        raise ConfigError(
            f"{_KEY}.url: leave the user and the password out of it; set {_KEY}.user and "
            f"{_KEY}.password_file"
        )
    rest = url.path.strip("/") or url.query or url.fragment
    if url.scheme not in _PORTS or not host or port == 0 or rest or not is_plain(text):
        raise ConfigError(f"{_KEY}.url: {wanted}")
    return url


def _check_prefix(key: str, prefix: str) -> None:
    levels = prefix.split("/")
    if not all(levels) or set(prefix) & set("+#$\0") or not is_plain(prefix):
        raise ConfigError(f"{key}: {prefix!r} should be a topic, such as home/kws, without + # $")


def _tls(config: MqttConfig, *, encrypted: bool) -> ssl.SSLContext | None:
    files = {
        name: path_of(getattr(config, name))
        for name in ("ca_file", "certificate_file", "key_file")
        if getattr(config, name)
    }
    if not encrypted:
        if files:
            raise ConfigError(f"{_KEY}.{next(iter(files))} is for TLS; set url to mqtts://...")
        return None
    certificate, key = files.get("certificate_file"), files.get("key_file")
    if key and not certificate:
        raise ConfigError(f"{_KEY}.key_file needs {_KEY}.certificate_file")
    for name, path in files.items():
        _check_readable(f"{_KEY}.{name}", path)
    try:
        context = ssl.create_default_context(cafile=files.get("ca_file"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{_KEY}.ca_file: {files['ca_file']} has no certificate: {error}"
        ) from error
    if certificate:
        try:
            # Without a password here OpenSSL would ask for one at the terminal.
            context.load_cert_chain(certificate, key, password=lambda: "")
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{_KEY}.certificate_file: {certificate} and its key cannot be used: {error}; they "
                "should be in PEM, belong together, and have no password"
            ) from error
    return context


def _check_readable(key: str, path: Path) -> None:
    try:
        path.read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{key}: {path} cannot be read: {error}") from error
