"""What a configuration says of a broker, and what is wrong with it; a password is never shown."""

import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kws.config.schema import MqttConfig
from kws.errors import ConfigError
from kws.integrations.mqtt.broker import daemon_id, read_broker

SECRET = "open-sesame"


def config(url: str = "mqtt://broker.lan", **settings: Any) -> MqttConfig:
    return MqttConfig(url=url, **settings)


@pytest.mark.parametrize(
    ("url", "host", "port", "peer"),
    [
        ("mqtt://broker.lan", "broker.lan", 1883, "mqtt://broker.lan:1883"),
        ("mqtt://192.0.2.1:18830/", "192.0.2.1", 18830, "mqtt://192.0.2.1:18830"),
        ("mqtt://[::1]:1", "::1", 1, "mqtt://[::1]:1"),
        ("mqtts://broker.lan", "broker.lan", 8883, "mqtts://broker.lan:8883"),
    ],
)
def test_urls(url: str, host: str, port: int, peer: str) -> None:
    broker = read_broker(config(url))
    assert (broker.host, broker.port, broker.peer) == (host, port, peer)
    assert (broker.tls is not None) == url.startswith("mqtts")


@pytest.mark.parametrize(
    "url",
    [
        "broker.lan",
        "http://broker.lan",
        "mqtt://",
        "mqtt://:1883",
        "mqtt://b:0",
        "mqtt://b:99999",
        "mqtt://b:port",
        "mqtt://b/topic",
        "mqtt://b?x=1",
        "mqtt://[::1",
        "mqtt://a..b",
        "mqtt://b\n",
    ],
)
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"integrations\.mqtt\.url: .*mqtt://HOST:PORT"):
        read_broker(config(url))


@pytest.mark.parametrize(
    "url", [f"mqtt://me:{SECRET}@b", f"mqtt://me:{SECRET}@b:port", "mqtt://me@b"]
)
def test_a_password_in_the_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match=r"integrations\.mqtt\.url") as refused:
        read_broker(config(url))
    assert SECRET not in str(refused.value)


def test_the_password_is_read_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    broker = read_broker(config(user="me", password_file=str(file)))
    assert (broker.user, broker.password) == ("me", SECRET)
    assert SECRET not in repr(broker)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"password_file": "p"}, "password_file needs integrations.mqtt.user"),
        (
            {"user": "me", "password_file": "none"},
            "password_file: password file none: cannot be read",
        ),
        ({"ca_file": "ca.pem"}, "ca_file is for TLS"),
        ({"topic": "a/#"}, "topic: 'a/#' should be a topic"),
        ({"topic": "/a"}, "topic: '/a' should be a topic"),
        ({"discovery_prefix": "a+"}, "discovery_prefix: 'a\\+' should be a topic"),
        ({"id": " a"}, "id: ' a' is no name"),
        ({"id": "a\nb"}, "id: .* is no name"),
        ({"id": "a" * 65}, "id: .* is no name"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=f"integrations\\.mqtt\\.{message}"):
        read_broker(config(**settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ca_file": "none.pem"}, r"ca_file: none\.pem cannot be read"),
        ({"key_file": "key.pem"}, r"key_file needs integrations\.mqtt\.certificate_file"),
        ({"certificate_file": "none.pem"}, r"certificate_file: none\.pem cannot be read"),
    ],
)
def test_tls_that_cannot_be_used(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=f"integrations\\.mqtt\\.{message}"):
        read_broker(config("mqtts://b", **settings))


def test_files_that_are_no_certificates(tmp_path: Path) -> None:
    file = tmp_path / "no.pem"
    file.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"ca_file: .*no\.pem has no certificate"):
        read_broker(config("mqtts://b", ca_file=str(file)))
    with pytest.raises(
        ConfigError, match=r"certificate_file: .*no\.pem and its key cannot be used"
    ):
        read_broker(config("mqtts://b", certificate_file=str(file)))


def test_a_key_with_a_password_is_refused_and_asks_nobody(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=kws", "-passout"]
    command += [f"pass:{SECRET}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(ConfigError, match="have no password") as refused:
        read_broker(config("mqtts://b", certificate_file=str(certificate), key_file=str(key)))
    assert SECRET not in str(refused.value)


def test_certificates_are_checked(tmp_path: Path) -> None:
    context = read_broker(config("mqtts://b")).tls
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.enums", None)
    with pytest.raises(ConfigError, match=r"kws\[mqtt\].* -m pip install 'paho-mqtt"):
        read_broker(config())


def test_the_machine_names_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "kitchen")
    assert daemon_id(config()) == "kitchen"
    assert daemon_id(config(id="hall")) == "hall"
    assert read_broker(config()).client_id == "kws-kitchen"
    assert read_broker(config(client_id="c")).client_id == "c"
