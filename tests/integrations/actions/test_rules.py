"""Which actions a configuration has, and what is wrong with them."""

from pathlib import Path

import pytest

from kws.config.schema import ActionsConfig, Config, KeywordConfig
from kws.errors import ConfigError
from kws.integrations.actions.rules import Command, Webhook, read_rules

URL = "https://example.org:8443/api/webhook/secret-part"


def test_a_keyword_has_its_own_actions_beside_those_of_all() -> None:
    config = Config(
        actions=ActionsConfig(run=("true",)),
        keywords={"Stop": KeywordConfig(run=("echo", "a b", "$HOME"), webhook=URL)},
    )
    rules = read_rules(config)
    (always,) = rules.of("yes")
    assert isinstance(always, Command)
    assert always.arguments[0].endswith("/true")
    everything = rules.of("stop")
    assert everything[0] == always
    assert everything[1:] == (
        Command((everything[1].arguments[0], "a b", "$HOME")),  # type: ignore[union-attr]
        Webhook(URL),
    )
    assert len(list(rules)) == 3


def test_without_any_there_are_none() -> None:
    rules = read_rules(Config(keywords={"stop": KeywordConfig(threshold=0.5)}))
    assert not rules
    assert rules.of("stop") == ()


def test_a_program_is_found_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "my program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (str(program), "~/my program"):
        (command,) = read_rules(Config(actions=ActionsConfig(run=(name,)))).always
        assert command == Command((str(program),))
        assert command.name == "my program"


@pytest.mark.parametrize(
    "name", ["", "no-such-program", "/etc/passwd", "/", "echo hello", "a\0b", "~/nothing"]
)
def test_what_cannot_be_started_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=r"keywords\.stop\.run: ") as caught:
        read_rules(Config(keywords={"stop": KeywordConfig(run=(name,))}))
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("example.org/secret", "ftp://example.org/secret", "http:///secret", "http://"),
        *("http://user:secret@example.org/", "http://example.org:0/secret"),
        *("http://example.org:99999/secret", "http://[::1/secret", "http://example.org/secret b"),
        *("http://example.org/secret\r\nHost: x", "http://example.org/sécret", "http://a/b#secret"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_without_its_secret(url: str) -> None:
    with pytest.raises(ConfigError, match=r"actions\.webhook: ") as caught:
        read_rules(Config(actions=ActionsConfig(webhook=url)))
    assert "secret" not in str(caught.value)
    assert "sécret" not in str(caught.value)


def test_nothing_shows_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hidden\n")
    config = Config(actions=ActionsConfig(webhook=URL, secret_file=str(file)))
    rules = read_rules(config)
    assert rules.always == (Webhook(URL, "hidden"),)
    assert rules.always[0].name == "webhook example.org:8443"
    assert "hidden" not in repr(rules)
    assert "secret-part" not in repr(rules)


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=f"actions.secret_file: secret file {file}"):
        read_rules(Config(actions=ActionsConfig(webhook=URL, secret_file=str(file))))


def test_a_secret_without_a_webhook_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hidden\n")
    with pytest.raises(ConfigError, match="there is none"):
        read_rules(Config(actions=ActionsConfig(run=("true",), secret_file=str(file))))
