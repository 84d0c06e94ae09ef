"""The configuration: defaults, file, environment, command line; and every way to get it wrong."""

from pathlib import Path

import pytest

from kws.config.load import load_config
from kws.config.schema import Config
from kws.errors import ConfigError

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_the_file_in_the_repository_has_the_defaults() -> None:
    assert load_config(REPOSITORY / "config.yaml") == Config()


def test_the_file_in_the_repository_has_every_key() -> None:
    text = (REPOSITORY / "config.yaml").read_text()
    for section in ("audio", "model", "detection", "trigger", "server", "log"):
        for key in getattr(Config(), section).__struct_fields__:
            assert f"\n  {key}: " in text


def test_later_wins(path: Path) -> None:
    path.write_text("server: {port: 1, host: '::1'}")
    environment = {"KWS_SERVER__PORT": "2", "KWS_SERVER__QUEUE": "7", "KWS_PORT": "tcp://x"}
    config = load_config(path, environment=environment, overrides=["server.port=3"])
    assert (config.server.host, config.server.port, config.server.queue) == ("::1", 3, 7)


@pytest.mark.parametrize("text", ["", "# nothing\n", "server:\n", "server: {}\n"])
def test_what_is_left_out_keeps_its_default(path: Path, text: str) -> None:
    path.write_text(text)
    assert load_config(path) == Config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("serer: {}", r"serer: unknown key; allowed here: audio, model, detection, trigger"),
        ("server: {prot: 1}", r"server\.prot: unknown key; allowed here: host, port"),
        ("keywords: {1: {threshold: 1}}", r"keywords\.1: a key should be text"),
        ("keywords: {no: {treshold: 1}}", r"keywords\.no\.treshold: unknown key"),
        ("server: {port: 70000}", r"server\.port: got 70000; allowed: a whole number from 0 to"),
        ("server: {port: high}", r"server\.port: got 'high'; allowed: a whole number from 0 to"),
        ("server: {port: '80'}", r"server\.port: got '80'; allowed: a whole number"),
        ("server: {port: 8.5}", r"server\.port: got 8\.5"),
        ("server: 8000", r"server: got 8000; allowed: a section with host, port"),
        ("trigger: {threshold: 2}", r"trigger\.threshold: got 2; allowed: a number above 0 to 1"),
        (
            "detection: {false_alarms_per_hour: 0}",
            r"detection\.false_alarms_per_hour: got 0; allowed: a number above 0 to 1000 or null",
        ),
        ("detection: {false_alarms_per_hour: 1001}", r"per_hour: got 1001; allowed: a number"),
        ("detection: {false_alarms_per_hour: .nan}", r"per_hour: got nan; allowed: a number"),
        ("trigger: {patience_s: -1}", r"trigger\.patience_s: got -1; allowed: a number from 0"),
        ("trigger: {threshold: .nan}", r"trigger\.threshold: got nan"),
        ("audio: {lost_after_s: 0}", r"audio\.lost_after_s: got 0; allowed: .* from 1 to 15"),
        ("audio: {stdin_format: mp3}", r"audio\.stdin_format: got 'mp3'; allowed: .*s16le"),
        ("server: {allowed_hosts: here}", r"server\.allowed_hosts: .*allowed: a list"),
        ("log: {level: null}", r"log\.level: got nothing; allowed: .*warning"),
        ("log: {level: loud}", r"log\.level: got 'loud'; allowed: .*debug.*error"),
        ("a: [1", r"line 1: not valid YAML"),
        ("server:\n  port: 1\n  port: 2", r"line 3: not valid YAML: found duplicate key"),
        ("- server", r"should hold sections"),
        ("just words", r"should hold sections"),
        ("!!python/object:os.system {}", r"line 1: kws does not read the tag !!python/object"),
    ],
)
def test_a_mistake_is_named_with_file_key_and_what_is_allowed(
    path: Path, text: str, message: str
) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))


def test_all_mistakes_are_named_at_once(path: Path) -> None:
    path.write_text("server: {port: -1, host: ''}\nlog: {format: xml}")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("server.port", "should be section.key=value"),
        ("=1", "should be section.key=value"),
        ("server.port=x", "--set server.port=x: server.port: got 'x'"),
        ("server.port.deep=1", "server.port: got"),
        ("nothing=1", "nothing: unknown key"),
        ("server.port=[", "not valid YAML"),
    ],
)
def test_a_wrong_override_is_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("[", r"\[")):
        load_config(overrides=[override])


def test_an_override_below_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"server\.port is a value, not a section"):
        load_config(overrides=["server.port=1", "server.port.deep=1"])


def test_a_dash_is_standard_input_and_no_list() -> None:
    assert load_config(overrides=["audio.source=-"]).audio.source == "-"
    assert load_config(environment={"KWS_AUDIO__SOURCE": "-\r\n"}).audio.source == "-"


@pytest.mark.parametrize("name", ["no", "1", "-", "a: b", "[x]", "\U0001f3a4", "\udcff", "'"])
def test_an_override_may_be_a_value_of_any_text(name: str) -> None:
    assert load_config(overrides=[("audio.device", name)]).audio.device == name
    with pytest.raises(ConfigError, match=r"--set server\.port=.*: server\.port: got"):
        load_config(overrides=[("server.port", name)])


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(ConfigError, match=r"variable KWS_SERVER__PROT: server\.prot: unknown"):
        load_config(environment={"KWS_SERVER__PROT": "1"})


def test_a_missing_or_foreign_file_is_named(path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_config(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path.parent)


def test_the_file_overrides_a_default_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    image = {"KWS_DEFAULT__AUDIO__SOURCE": "auto"}
    for text, source in (
        ("", "auto"),
        ("audio:", "auto"),
        ("audio: {lost_after_s: 5}", "auto"),
        ("audio: {source: demo}", "demo"),
    ):
        path.write_text(text)
        assert load_config(path, environment=image).audio.source == source
    assert load_config(environment=image).audio.source == "auto"
    variables = {**image, "KWS_AUDIO__SOURCE": "network"}
    assert load_config(environment=variables).audio.source == "network"
    assert load_config(environment=image, overrides=["audio.source=demo"]).audio.source == "demo"


def test_a_default_from_the_environment_that_cannot_be_is_named() -> None:
    with pytest.raises(ConfigError, match=r"variable KWS_DEFAULT__AUDIO__SAUCE.*unknown key"):
        load_config(environment={"KWS_DEFAULT__AUDIO__SAUCE": "auto"})


@pytest.mark.parametrize(
    "override",
    [
        "actions.run=[touch, /tmp/x]",
        "actions.webhook=http://example.org/",
        "actions.at_once=9",
        "keywords.stop.run=[touch, /tmp/x]",
        "keywords.stop.webhook=http://example.org/",
    ],
)
def test_actions_are_set_in_the_file_only(path: Path, override: str) -> None:
    path.write_text("keywords: {stop: {run: [echo]}, go: {threshold: 0.5}}\n")
    assert load_config(path).keywords["stop"].run == ("echo",)
    with pytest.raises(ConfigError, match=r"--set .* configuration file only"):
        load_config(path, overrides=[override])
    key, _, text = override.partition("=")
    variables = {f"KWS_{key.replace('.', '__').upper()}": text}
    with pytest.raises(ConfigError, match=r"variable KWS_.* configuration file only"):
        load_config(path, environment=variables)
    # What is beside them can be set.
    again = load_config(path, overrides=["keywords.stop.threshold=0.7"])
    assert again.keywords["stop"].run == ("echo",)
