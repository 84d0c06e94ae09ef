"""Switch a light by voice: events of kws come from a broker of MQTT, and commands go to the light.

    kws run --set model.path=commands-10 --set integrations.mqtt.url=mqtt://127.0.0.1:1883
    python examples/light_switch.py zigbee2mqtt/lamp/set

Say "on" or "off". The topic and what it gets are as Zigbee2MQTT has them; Tasmota wants
`cmnd/NAME/POWER` and `--on ON --off OFF`. Where the broker is, and as whom to connect, is in the
environment: MQTT_HOST, MQTT_PORT, MQTT_USER, MQTT_PASSWORD.
"""

import argparse
import json
import os
import sys
from collections import deque
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion


class LightSwitch:
    """What a detection means to the light.

    Args:
        commands: what the light gets, by keyword.
    """

    def __init__(self, commands: dict[str, str]) -> None:
        self._commands = commands
        # The broker may deliver an event twice, soon after each other.
        self._seen: deque[str] = deque(maxlen=100)

    def command(self, message: MQTTMessage) -> str | None:
        """What the light gets for a message of kws, if anything."""
        try:
            event = json.loads(message.payload)
            keyword, identity = event["keyword"], event["id"]
        except (KeyError, TypeError, ValueError) as error:
            print(f"{message.topic}: no event of kws: {error!r}", file=sys.stderr)
            return None
        # A kept message is old; kws keeps none of these.
        if message.retain or identity in self._seen:
            return None
        self._seen.append(identity)
        return self._commands.get(keyword)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Switch a light by voice.")
    parser.add_argument("light", help="the light's topic, as zigbee2mqtt/lamp/set")
    parser.add_argument(
        "--id", default="+", help="of the daemon: integrations.mqtt.id; default: any"
    )
    parser.add_argument("--stream", default="+", help="the room; default: any")
    parser.add_argument("--word-on", default="on", help="keyword; default: on")
    parser.add_argument("--word-off", default="off", help="keyword; default: off")
    parser.add_argument("--on", default='{"state": "ON"}', help="what the light gets")
    parser.add_argument("--off", default='{"state": "OFF"}')
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Pass on what is said, until Ctrl-C."""
    options = parse(arguments)
    switch = LightSwitch({options.word_on: options.on, options.word_off: options.off})
    events = f"kws/{options.id}/{options.stream}/detection"

    # A clean session: while this program is away, the broker keeps no commands for later.
    client = Client(CallbackAPIVersion.VERSION2, clean_session=True)

    def subscribe(_: Client, __: Any, ___: Any, reason: Any, *____: Any) -> None:
        if reason.is_failure:
            print(f"the broker refuses: {reason}", file=sys.stderr)
            client.disconnect()
            return
        client.subscribe(events, qos=1)

    def subscribed(*_: Any) -> None:
        print(f"{events} -> {options.light}", file=sys.stderr, flush=True)

    def pass_on(_: Client, __: Any, message: MQTTMessage) -> None:
        command = switch.command(message)
        if command is not None:
            client.publish(options.light, command, qos=1)

    client.on_connect, client.on_subscribe, client.on_message = subscribe, subscribed, pass_on
    if user := os.environ.get("MQTT_USER"):
        client.username_pw_set(user, os.environ.get("MQTT_PASSWORD"))
    host, port = os.environ.get("MQTT_HOST", "127.0.0.1"), int(os.environ.get("MQTT_PORT", "1883"))
    try:
        client.connect(host, port)
        client.loop_forever()  # connects again after a break
    except OSError as error:
        print(f"{host}:{port}: {error}; is the broker running there?", file=sys.stderr)
    except KeyboardInterrupt:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
