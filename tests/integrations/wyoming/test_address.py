"""What a configuration says of the service, and what is wrong with it."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from kws.config.schema import AudioConfig, WyomingConfig
from kws.errors import ConfigError
from kws.integrations.wyoming.address import Address, check_stdio, read_address, uses_stdio


@pytest.mark.parametrize(
    ("uri", "address", "reachable"),
    [
        ("tcp://127.0.0.1:10400", Address("tcp", "127.0.0.1", 10400), False),
        ("tcp://localhost:0", Address("tcp", "localhost", 0), False),
        ("tcp://[::1]:1", Address("tcp", "::1", 1), False),
        ("tcp://0.0.0.0:10400", Address("tcp", "0.0.0.0", 10400), True),
        ("tcp://[::]:10400", Address("tcp", "::", 10400), True),
        ("tcp://kws.lan:10400", Address("tcp", "kws.lan", 10400), True),
        ("unix:///run/kws.sock", Address("unix", path=Path("/run/kws.sock")), False),
        ("stdio://", Address("stdio"), False),
    ],
)
def test_uris(uri: str, address: Address, reachable: bool) -> None:
    read = read_address(WyomingConfig(uri=uri, allow_unauthenticated=True))
    assert read == address
    assert read.uri == uri
    assert read.reachable == reachable


@pytest.mark.parametrize(
    "uri",
    [
        "127.0.0.1:10400",
        "tcp://127.0.0.1",
        "tcp://:10400",
        "tcp://127.0.0.1:port",
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1:1/path",
        "tcp://user@127.0.0.1:1",
        "tcp://127.0.0.1:1?x=1",
        "tcp://a..b:1",
        "tcp://[::1:1",
        "http://127.0.0.1:1",
        "unix://",
        "unix://host/path",
        "stdio://x",
        "\x1b[31m",
    ],
)
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"integrations\.wyoming\.uri: .*should be tcp://") as no:
        read_address(WyomingConfig(uri=uri, allow_unauthenticated=True))
    assert "\x1b" not in str(no.value)


@pytest.mark.parametrize("uri", ["tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://kws.lan:1"])
def test_other_machines_have_to_be_allowed(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"no password.*allow_unauthenticated"):
        read_address(WyomingConfig(uri=uri))


@pytest.mark.parametrize(("library", "zeroconf"), [("wyoming", False), ("zeroconf", True)])
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, library: str, zeroconf: bool
) -> None:
    real = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == library else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(ConfigError, match=rf"library {library} is missing.*kws\[wyoming\]"):
        read_address(WyomingConfig(uri="tcp://127.0.0.1:1", zeroconf=zeroconf))


def test_standard_input_has_one_user() -> None:
    stdio = WyomingConfig(uri="stdio://")
    assert uses_stdio(stdio)
    assert not uses_stdio(WyomingConfig(uri="tcp://127.0.0.1:1"))
    with pytest.raises(ConfigError, match="both read standard input"):
        check_stdio(stdio, AudioConfig(source="-"))
    check_stdio(stdio, AudioConfig(source="network"))
    check_stdio(WyomingConfig(), AudioConfig(source="-"))
