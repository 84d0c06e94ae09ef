"""What Home Assistant is told, against the keys that it documents."""

import json
import re
from typing import Any

import pytest

from kws.integrations.mqtt.discovery import Discovery
from kws.integrations.mqtt.outbox import Outbox
from kws.integrations.mqtt.presence import Presence
from kws.integrations.mqtt.topics import Topics
from kws.protocol.events import Reloaded, StreamStarted
from kws.protocol.replies import Hello, Source
from tests.integrations.clock import Clock

TOPICS = Topics("kws", "küche")
DISCOVERY = Discovery("homeassistant", TOPICS, "1.2.3")
KEYWORDS = ("yes", "guten tag")
HELLO = Hello(
    run="r",
    seq=1,
    model="m",
    keywords=KEYWORDS,
    thresholds=dict.fromkeys(KEYWORDS, 0.5),
    sources=(Source("default", "microphone", "USB", live=True),),
)
_TOPIC = re.compile(r"homeassistant/(\w+)/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")
_COMMON = {"name", "unique_id", "qos", "device", "origin"}
_AVAILABLE = _COMMON | {"icon", "availability_topic"}
_DOCUMENTED = {
    "event": _AVAILABLE | {"state_topic", "event_types", "value_template"},
    "binary_sensor": _COMMON
    | {"state_topic", "payload_on", "payload_off", "device_class", "entity_category"},
    "switch": _AVAILABLE | {"state_topic", "command_topic"},
    "device_automation": {
        *("automation_type", "type", "subtype", "topic", "value_template", "payload", "qos"),
        *("device", "origin"),
    },
}
"""Of those keys that Home Assistant documents for each, the ones that are used."""


def everything() -> dict[str, dict[str, Any]]:
    return {
        **DISCOVERY.of_all(mutes=True),
        **DISCOVERY.of_stream("a/b", KEYWORDS),
        **DISCOVERY.of_keywords(KEYWORDS),
    }


@pytest.mark.parametrize(("topic", "config"), everything().items())
def test_every_configuration_is_as_documented(topic: str, config: dict[str, Any]) -> None:
    found = _TOPIC.fullmatch(topic)
    assert found
    assert set(config) == _DOCUMENTED[found[1]]
    assert set(config["device"]) == {"identifiers", "name", "manufacturer", "model", "sw_version"}
    assert config["origin"] == {"name": "kws", "sw_version": "1.2.3"}


def test_a_stream_is_an_event_entity_with_a_type_per_keyword() -> None:
    ((_, config),) = DISCOVERY.of_stream("a/b", KEYWORDS).items()
    assert config["event_types"] == ["yes", "guten tag"]
    assert config["state_topic"] == "kws/küche/a%2Fb/detection"
    assert config["name"] == "a/b"


def test_all_entities_have_names_of_their_own_and_one_device() -> None:
    configs = everything()
    identities = [each["unique_id"] for each in configs.values() if "unique_id" in each]
    assert len(identities) == len(set(identities)) == 3
    assert len({json.dumps(each["device"]) for each in configs.values()}) == 1


def test_two_daemons_share_nothing() -> None:
    other = Discovery("homeassistant", Topics("kws", "kuche"), "1.2.3")
    assert not set(other.of_all(mutes=True)) & set(DISCOVERY.of_all(mutes=True))


def sent(outbox: Outbox) -> dict[str, str]:
    """Topics and payloads of all that is sent now, and confirmed."""
    messages = {}
    while (message := outbox.next()) is not None:
        outbox.confirmed(message)
        messages[message.topic] = message.payload
    return messages


def begun(*, mutes: bool = False, hello: Hello = HELLO) -> tuple[Outbox, Presence, dict[str, str]]:
    outbox = Outbox(TOPICS, 10.0, Clock())
    presence = Presence(TOPICS, outbox, DISCOVERY, "1.2.3")
    presence.begin(hello, mutes=mutes)
    outbox.begin()
    return outbox, presence, sent(outbox)


def components(messages: dict[str, str]) -> list[str]:
    found = (_TOPIC.fullmatch(topic) for topic in messages)
    return sorted(each[1] for each in found if each)


def test_the_daemon_shows_itself() -> None:
    _, _, messages = begun()
    assert next(iter(messages.items())) == ("kws/küche/availability", "online")
    assert components(messages) == ["binary_sensor", *["device_automation"] * 2, "event"]
    state = json.loads(messages["kws/küche/state"])
    assert (state["model"], state["keywords"], state["version"]) == ("m", [*KEYWORDS], "1.2.3")


def test_the_switch_is_there_only_where_the_daemon_can_mute() -> None:
    assert "switch" in components(begun(mutes=True)[2])
    assert "switch" not in components(begun()[2])


def test_without_a_source_of_its_own_there_is_no_entity_for_it() -> None:
    source = Source("network", "network", "", live=False)
    hello = Hello(run="r", seq=1, model="m", keywords=("yes",), thresholds={}, sources=(source,))
    assert "event" not in components(begun(hello=hello)[2])


def test_a_stream_that_comes_is_shown_once() -> None:
    outbox, presence, _ = begun()
    for _ in range(2):
        presence.follow(StreamStarted("hall", 16_000, 1))
    assert components(sent(outbox)) == ["event"]
    presence.follow(StreamStarted("hall", 16_000, 1))
    assert sent(outbox) == {}


def test_names_without_end_do_not_become_entities_without_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox, presence, _ = begun()
    for number in range(500):
        presence.follow(StreamStarted(f"s{number}", 16_000, 1))
    assert len(sent(outbox)) == 99
    assert caplog.text.count("further ones do not") == 1


def test_other_keywords_after_a_reload() -> None:
    outbox, presence, _ = begun()
    presence.follow(Reloaded("n", ("yes", "no"), {"yes": 0.5, "no": 0.5}))
    messages = sent(outbox)
    gone = [topic for topic, payload in messages.items() if not payload]
    assert gone == list(DISCOVERY.of_keywords(("guten tag",)))
    assert components(messages) == ["device_automation", "device_automation", "event"]
    (event,) = (json.loads(text) for topic, text in messages.items() if "/event/" in topic)
    assert event["event_types"] == ["yes", "no"]
