"""What Home Assistant is told, so that it finds the daemon by itself. Pure.

See "MQTT Discovery", "MQTT Event", "MQTT Device Trigger", "MQTT Binary Sensor" and "MQTT Switch" in
its documentation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kws.integrations.mqtt.topics import Topics, slug

_EVENT = "{{ dict(value_json, event_type=value_json.keyword) | to_json }}"
"""An event of kws as one of Home Assistant: its type is the keyword, the rest its attributes."""
_KEYWORD = "{{ value_json.keyword }}"


class Discovery:
    """The configuration of each entity, by topic.

    Args:
        prefix: what the topics of discovery begin with, as "homeassistant".
        topics: of the daemon.
        version: of kws.
    """

    def __init__(self, prefix: str, topics: Topics, version: str) -> None:
        self._prefix, self._topics = prefix, topics
        self._node = f"kws_{slug(topics.daemon)}"
        self._device = {
            "identifiers": [self._node],
            "name": f"kws {topics.daemon}",
            "manufacturer": "kws",
            "model": "keyword spotter",
            "sw_version": version,
        }
        self._origin = {"name": "kws", "sw_version": version}

    def of_all(self, *, mutes: bool) -> dict[str, dict[str, Any]]:
        """What there is once: whether the daemon is connected, and its switch where it can mute."""
        connected = {
            "name": "Connected",
            "state_topic": self._topics.availability,
            "payload_on": "online",
            "payload_off": "offline",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
        }
        entities = dict([self._entity("binary_sensor", "connected", connected)])
        if mutes:
            switch = {
                "name": "Mute",
                "icon": "mdi:microphone-off",
                "state_topic": self._topics.mute,
                "command_topic": self._topics.set_mute,
                **self._available(),
            }
            entities |= [self._entity("switch", "mute", switch)]
        return entities

    def of_stream(self, stream: str, keywords: Sequence[str]) -> dict[str, dict[str, Any]]:
        """A stream's event entity: its types are the keywords."""
        event = {
            "name": stream,
            "icon": "mdi:account-voice",
            "state_topic": self._topics.detection(stream),
            "event_types": list(keywords),
            "value_template": _EVENT,
            **self._available(),
        }
        return dict([self._entity("event", f"stream_{slug(stream)}", event)])

    def of_keywords(self, keywords: Iterable[str]) -> dict[str, dict[str, Any]]:
        """A device trigger for each keyword, in whatever stream it is detected."""
        return dict(self._trigger(keyword) for keyword in keywords)

    def _trigger(self, keyword: str) -> tuple[str, dict[str, Any]]:
        topic = self._topic("device_automation", f"keyword_{slug(keyword)}")
        return topic, {
            "automation_type": "trigger",
            "type": "detected",
            "subtype": keyword,
            "topic": self._topics.all_detections,
            "value_template": _KEYWORD,
            "payload": keyword,
            "qos": 1,
            "device": self._device,
            "origin": self._origin,
        }

    def _entity(
        self, component: str, name: str, config: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        return self._topic(component, name), {
            **config,
            "unique_id": f"{self._node}_{name}",
            "qos": 1,
            "device": self._device,
            "origin": self._origin,
        }

    def _topic(self, component: str, name: str) -> str:
        return f"{self._prefix}/{component}/{self._node}/{name}/config"

    def _available(self) -> Mapping[str, str]:
        # "online" and "offline" are Home Assistant's own words for it.
        return {"availability_topic": self._topics.availability}
