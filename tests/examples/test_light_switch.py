"""`examples/light_switch.py`, with a real daemon, broker and what stands for a light."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.limits import TIMEOUT, limit
from tests.support.mosquitto import HOST, Mosquitto, Subscriber, free_port
from tests.support.process import DaemonProcess, Lines, wait_for_exit

EXAMPLE = Path(__file__).parents[2] / "examples" / "light_switch.py"
LIGHT = "zigbee2mqtt/lamp/set"
WORDS = ("--word-on", "yes", "--word-off", "no")
ON, OFF = '{"state": "ON"}', '{"state": "OFF"}'


@contextmanager
def example(port: int, *arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", Lines]]:
    """Run it; the process, and what it says."""
    with subprocess.Popen(
        [sys.executable, str(EXAMPLE), *arguments],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"MQTT_HOST": HOST, "MQTT_PORT": str(port)},
    ) as process:
        assert process.stderr is not None
        try:
            yield process, Lines(process.stderr)
        finally:
            process.kill()
            process.wait(limit(TIMEOUT))


def test_words_switch_the_light(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path) as broker,
        Subscriber(broker.port, LIGHT) as light,
        example(broker.port, LIGHT, "--id", "kitchen", *WORDS) as (process, lines),
    ):
        lines.find(lambda line: line == f"kws/kitchen/+/detection -> {LIGHT}")
        settings = {"url": broker.url, "id": "kitchen"}
        options = [f"integrations.mqtt.{key}={value}" for key, value in settings.items()]
        arguments = [text for each in options for text in ("--set", each)]
        with DaemonProcess("--source", "demo", *arguments):
            got = light.wait_for_topic(LIGHT, 2)
        assert [each.payload for each in got[:2]] == [ON, OFF]
        assert not any(each.retain for each in got)
        process.send_signal(signal.SIGINT)
        assert wait_for_exit(process) == 0


def test_doubles_old_messages_and_nonsense_do_not(tmp_path: Path) -> None:
    topic = "kws/kitchen/hall/detection"
    event = {"keyword": "yes", "id": "a-1"}
    with Mosquitto(tmp_path) as broker, Subscriber(broker.port, LIGHT) as light:
        light.publish(topic, json.dumps(event | {"id": "a-0"}), retain=True)
        with example(broker.port, LIGHT, *WORDS) as (_, lines):
            lines.find(lambda line: line.endswith(LIGHT))
            for payload in (
                *(json.dumps(event), json.dumps(event), "nonsense", "[]"),
                *(json.dumps({"keyword": "up", "id": "a-2"}),),
                json.dumps({"keyword": "no", "id": "a-3"}),
            ):
                light.publish(topic, payload)
            got = light.wait_for_topic(LIGHT, 2)
            assert [each.payload for each in got] == [ON, OFF]
            lines.find(lambda line: line.startswith(f"{topic}: no event of kws"))


def test_without_a_broker_it_says_so() -> None:
    port = free_port()
    with example(port, LIGHT) as (process, lines):
        assert wait_for_exit(process) == 1
        (line,) = lines.finish()
    assert line.startswith(f"{HOST}:{port}: ")
    assert line.endswith("is the broker running there?")
