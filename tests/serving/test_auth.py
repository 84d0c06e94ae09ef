"""Who may connect."""

from pathlib import Path

import pytest

from kws.config.schema import ServerConfig
from kws.errors import ConfigError
from kws.serving.auth import Access, bearer_token, is_loopback, read_access

ACCESS = Access("secret", frozenset({"speaker.lan"}), frozenset({"https://example.org"}))


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "10.0.0.7", "speaker.lan:1"],
)
def test_addresses_and_known_names_are_answered(host: str) -> None:
    assert ACCESS.refuses(host, None) is None


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.example", "evil.example:8000", "localhost.evil.example", "[::1", "a, b"],
)
def test_other_names_are_refused(host: str | None) -> None:
    assert "allowed_hosts" in (ACCESS.refuses(host, None) or "")


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://example.org", None])
def test_own_and_allowed_pages_may_connect(origin: str | None) -> None:
    assert ACCESS.refuses("localhost:8000", origin) is None


@pytest.mark.parametrize(
    "origin",
    ["null", "https://evil.example", "http://localhost:9000", "http://example.org", "file://"],
)
def test_other_pages_may_not(origin: str) -> None:
    assert "allowed_origins" in (ACCESS.refuses("localhost:8000", origin) or "")


def test_the_token_has_to_be_the_right_one() -> None:
    assert ACCESS.knows("secret")
    assert not ACCESS.knows("Secret")
    assert not ACCESS.knows("")
    assert not ACCESS.knows(None)
    assert Access().knows(None)


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("", None), (None, None)],
)
def test_a_bearer_token_is_found(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("a", False)],
)
def test_loopback_is_only_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_the_token_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("from file\nmore\n")
    assert read_access(ServerConfig(), {"KWS_TOKEN": " from variable "}).token == "from variable"
    config = ServerConfig(token_file=str(path))
    assert read_access(config, {"KWS_TOKEN": "from variable"}).token == "from file"
    assert read_access(ServerConfig(), {}).token == ""


def test_an_open_port_without_a_token_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    read_access(ServerConfig(host="0.0.0.0"), {})
    assert "there is no token" in caplog.text
    caplog.clear()
    read_access(ServerConfig(host="0.0.0.0"), {"KWS_TOKEN": "x"})
    read_access(ServerConfig(), {})
    assert not caplog.text


def test_audio_is_kept_only_where_a_token_is_set() -> None:
    keeping = ServerConfig(keep_audio_s=60)
    with pytest.raises(ConfigError, match="only clients with a token may get it"):
        read_access(keeping, {})
    assert read_access(keeping, {"KWS_TOKEN": "secret"}).token == "secret"
