"""What each detection starts: the configuration's actions, checked before anything is detected."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kws.config.paths import path_of
from kws.config.schema import Config
from kws.config.token import secret_at
from kws.errors import ConfigError
from kws.text import is_plain


@dataclass(frozen=True)
class Command:
    """A program with its arguments, which no shell reads.

    Attributes:
        arguments: the program's path first.
    """

    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of it, for people; its arguments may hold a secret."""
        return self.arguments[0].rpartition("/")[2]


@dataclass(frozen=True)
class Webhook:
    """A URL that gets the event.

    Attributes:
        url: where; its path may hold a secret, so no message shows it.
        secret: signs what is sent; empty: it is not signed.
    """

    url: str = field(repr=False)
    secret: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """Of it, for people."""
        parts = urlsplit(self.url)
        return f"webhook {parts.hostname}{f':{parts.port}' if parts.port else ''}"


Action = Command | Webhook


@dataclass(frozen=True)
class Rules:
    """The actions of a configuration.

    Attributes:
        always: those of every detection.
        by_keyword: those of one keyword, in small letters, beside them.
    """

    always: tuple[Action, ...] = ()
    by_keyword: dict[str, tuple[Action, ...]] = field(default_factory=dict)

    def of(self, keyword: str) -> tuple[Action, ...]:
        """All actions of a detection."""
        return (*self.always, *self.by_keyword.get(keyword.lower(), ()))

    def __iter__(self) -> Iterator[Action]:
        yield from self.always
        for actions in self.by_keyword.values():
            yield from actions

    def __bool__(self) -> bool:
        return any(True for _ in self)


def read_rules(config: Config) -> Rules:
    """The actions, with their programs found and the secret read.

    Raises:
        ConfigError: a program is missing, or a URL or the secret cannot be used.
    """
    secret = secret_at("actions.secret_file", config.actions.secret_file, "secret")
    own = {
        keyword.lower(): tuple(_actions(f"keywords.{keyword}", each.run, each.webhook, secret))
        for keyword, each in config.keywords.items()
    }
    rules = Rules(
        tuple(_actions("actions", config.actions.run, config.actions.webhook, secret)),
        {keyword: actions for keyword, actions in own.items() if actions},
    )
    if secret and not any(isinstance(each, Webhook) for each in rules):
        raise ConfigError("actions.secret_file signs webhooks, and there is none; leave it empty")
    return rules


def _actions(place: str, run: tuple[str, ...], webhook: str, secret: str) -> Iterator[Action]:
    if run:
        yield Command((_program(f"{place}.run", run[0]), *run[1:]))
    if webhook:
        _check_url(f"{place}.webhook", webhook)
        yield Webhook(webhook, secret)


def _program(key: str, name: str) -> str:
    path = str(path_of(name)) if name.startswith("~") else name
    found = shutil.which(path) if path and "\0" not in path else None
    if found is None:
        raise ConfigError(
            f"{key}: {name!r} is no program that kws can start; give its path, and each argument "
            "as a part of the list"
        )
    return found


def _check_url(key: str, text: str) -> None:
    # The text itself may hold a secret, so no message shows it.
    wanted = "should be http://HOST/PATH or https://HOST/PATH"
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
        host.encode("idna" if ":" not in host else "ascii")
    except ValueError:
        raise ConfigError(f"{key}: it is no URL; {wanted}") from None
    if url.username is not None or url.password is not None:
        raise ConfigError(f"{key}: leave the user and the password out of the URL; {wanted}")
    plain = is_plain(text) and text.isascii() and " " not in text
    if url.scheme not in ("http", "https") or not host or port == 0 or url.fragment or not plain:
        raise ConfigError(f"{key}: {wanted}, in ASCII")
