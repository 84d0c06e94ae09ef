"""Single values written as text: text as it stands, all else as YAML."""

import string
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Meta

from kws.config.load import load_config
from kws.config.paths import path_of
from kws.config.validation import describe
from kws.config.values import items, parse_value, type_at
from kws.errors import ConfigError
from train.config import FitConfig

NAMES = (
    "Mic #2",
    "USB PnP Sound Device: Audio (hw:1,0)",
    "::",
    "1.0",
    "*",
    "@DEFAULT@",
    "null",
    "true",
    "- x",
    "{a: 1}",
    "&x",
    "!x",
    "%",
    "it's",
    "a\\b",
    " of blanks ",
)
printable = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1)


@given(printable)
@example("Mic #2")
def test_text_is_taken_as_it_stands(text: str) -> None:
    quoted = text.strip()[:1] in ("'", '"') and text.strip()[:1] == text.strip()[-1:]
    expected = text.strip()[1:-1] if quoted and len(text.strip()) > 1 else text
    config = load_config(environment={"KWS_AUDIO__DEVICE": text})
    assert config.audio.device == expected
    assert load_config(overrides=[f"audio.device={text}"]).audio.device == expected
    for mark in "\"'":
        overrides = [f"audio.device={mark}{text}{mark}"]
        assert load_config(overrides=overrides).audio.device == text


@pytest.mark.parametrize("name", NAMES)
def test_names_of_devices_as_they_are_listed(name: str) -> None:
    assert load_config(environment={"KWS_AUDIO__DEVICE": name}).audio.device == name
    assert load_config(overrides=[f"audio.device = {name}".replace("= ", "=")]).audio.device == name
    assert load_config(overrides=[f"server.host={name}"]).server.host == name


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("8000", int, 8000),
        ("0x10", int, 16),
        ("5 # of them", int, 5),
        ("null", float | None, None),
        ("", float | None, ""),
        ("yes", bool, "yes"),
        ("true", bool, True),
        ("json", Literal["text", "json"], "json"),
        (" no ", Literal["yes", "no"], "no"),
        ("3\r", Literal["mix"] | Annotated[int, Meta(ge=0)], 3),
        ("mix", Literal["mix"] | Annotated[int, Meta(ge=0)], "mix"),
        ("a, b ,c", tuple[str, ...], ["a", "b", "c"]),
        ("'a', \"b\"", tuple[str, ...], ["a", "b"]),
        ("[a, 'b, c']", tuple[str, ...], ["a", "b, c"]),
        ("", tuple[str, ...], []),
        ("~/x #1", Path, "~/x #1"),
        ("null", Path | None, None),
        ("{threshold: 0.5}", dict[str, float], {"threshold": 0.5}),
        ("[1, 2", None, "[1, 2"),
    ],
)
def test_each_type(text: str, kind: object, value: object) -> None:
    assert parse_value(text, kind, "here") == value


def test_a_truth_value_is_true_or_false() -> None:
    assert describe(bool) == "true or false"
    with pytest.raises(ConfigError, match="ready_after_sound: got 'yes'; allowed: true or false"):
        load_config(environment={"KWS_AUDIO__READY_AFTER_SOUND": "yes"})


def test_a_list_may_have_blanks_after_its_commas() -> None:
    assert items(" yes, no ,,up") == ["yes", "no", "up"]
    hosts = load_config(environment={"KWS_SERVER__ALLOWED_HOSTS": "a.lan, b.lan"})
    assert hosts.server.allowed_hosts == ("a.lan", "b.lan")


@given(st.lists(st.text(string.ascii_letters, min_size=1)), st.sampled_from([",", ", ", " , "]))
def test_what_is_listed_comes_back(words: list[str], separator: str) -> None:
    assert items(separator.join(words)) == words


def test_the_home_in_every_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_of("~/x") == tmp_path / "x"
    assert path_of("x/~") == Path("x/~")
    assert path_of("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")


def test_the_type_of_a_key() -> None:
    assert type_at(FitConfig, ["output"]) is Path
    assert type_at(FitConfig, ["mixture", "nothing"]) is None
    assert type_at(FitConfig, ["output", "x"]) is None


@pytest.mark.parametrize(("text", "value"), [("5", 5), ("3.1.1", "3.1.1"), ("'3.1.1'", "3.1.1")])
def test_a_choice_of_numbers_and_texts(text: str, value: object) -> None:
    assert load_config(overrides=[f"integrations.mqtt.protocol={text}"]) == load_config(
        environment={"KWS_INTEGRATIONS__MQTT__PROTOCOL": text}
    )
    assert parse_value(text, Literal[5, "3.1.1"], "here") == value
