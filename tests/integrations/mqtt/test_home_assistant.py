"""A running Home Assistant finds the daemon by itself and gets its events.

It needs a Python with `homeassistant`, whose packages do not fit beside those of kws:
`python3 -m venv DIR`, `DIR/bin/pip install homeassistant`, `HOME_ASSISTANT_PYTHON=DIR/bin/python`.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.limits import limit
from tests.support.mosquitto import Mosquitto
from tests.support.process import Lines

from .daemon import Daemon, Microphone

PYTHON = os.environ.get("HOME_ASSISTANT_PYTHON", "")
STARTS_S = 180.0
"""It installs packages on its first start."""
pytestmark = pytest.mark.skipif(not PYTHON, reason="HOME_ASSISTANT_PYTHON is not set")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """One that lets everybody in."""
    with Mosquitto(tmp_path) as broker:
        yield broker


class HomeAssistant:
    """Home Assistant, as `home_assistant.py` runs it."""

    def __init__(self, folder: Path, port: int) -> None:
        script = Path(__file__).with_name("home_assistant.py")
        self._process = subprocess.Popen(
            [PYTHON, str(script), str(folder), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        self._lines = Lines(self._process.stdout)

    def __enter__(self) -> "HomeAssistant":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(limit(30))
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._lines.finish()

    def said(self, **wanted: Any) -> dict[str, Any]:
        """The first line that has these keys and values; of None: any value."""

        def fits(line: str) -> bool:
            fields = json.loads(line)
            return all(
                key in fields and value in (None, fields[key]) for key, value in wanted.items()
            )

        found: dict[str, Any] = json.loads(self._lines.find(fits, STARTS_S))
        return found


def test_it_finds_the_daemon_and_gets_its_events(broker: Mosquitto, tmp_path: Path) -> None:
    folder = tmp_path / "home-assistant"
    folder.mkdir()
    with (
        Daemon(broker.url, muting=Microphone(), discovery=True) as daemon,
        HomeAssistant(folder, broker.port) as home,
    ):
        daemon.wait_for(connected=True)
        print(f"Home Assistant {home.said(version=None)['version']}")
        entity = "event.kws_test_default"
        there = home.said(entity=entity, state="unknown")
        assert there["attributes"]["event_types"] == ["yes", "no"]
        assert home.said(entity="binary_sensor.kws_test_connected", state="on")
        assert home.said(entity="switch.kws_test_mute", state="off")
        assert home.said(triggers=None)["triggers"] == ["yes", "no"]
        event = daemon.detect("no")
        assert home.said(fired="no")
        assert daemon.status.events["delivered"] == 1
        daemon.stop()
        assert home.said(entity="binary_sensor.kws_test_connected", state="off")
        heard = [json.loads(each) for each in home._lines.so_far]
        types = [each["attributes"].get("event_type") for each in heard if "attributes" in each]
        assert types.count("no") == 1
        (seen,) = (each for each in heard if each.get("attributes", {}).get("event_type") == "no")
        assert seen["attributes"]["id"] == event.id
        assert seen["attributes"]["keyword"] == "no"
