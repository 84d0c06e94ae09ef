"""What may change while the daemon runs, and what may not."""

import asyncio
import threading
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import pytest

from kws.config.load import load_config
from kws.config.schema import Config
from kws.daemon.reload import Reloader, load
from kws.errors import ConfigError, ModelError
from kws.protocol.events import ReloadRefused
from kws.spotting.model_file import save_model
from tests.spotting.models import untrained_file
from tests.support.events import Published
from tests.support.limits import limit

OLD = load_config()


def changed(*overrides: str) -> Config:
    return load_config(overrides=list(overrides))


@dataclass(frozen=True)
class Reader:
    """Reads a configuration with these overrides."""

    overrides: tuple[str, ...]

    def read(self) -> Config:
        """All settings."""
        return changed(*self.overrides)


class Broken:
    """Reads a file that is no YAML."""

    def read(self) -> Config:
        """Never."""
        raise ConfigError("kws.yaml: no YAML")


def test_the_new_configuration_applies_and_its_model_detects(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    save_model(untrained_file(("left", "right")), path)
    overrides = (f"model.path={path}", "detection.false_alarms_per_hour=2")
    config, model = load(OLD, Reader(overrides))
    assert config == changed(*overrides)
    assert model.classes == ("left", "right")


@pytest.mark.parametrize(
    "override",
    [
        "audio.device=USB",
        "audio.channel=1",
        "audio.lost_after_s=5",
        "audio.silent_after_s=0",
        "log.level=debug",
    ],
)
def test_these_may_change(override: str) -> None:
    config, _ = load(OLD, Reader((override,)))
    assert config != OLD


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("audio.source=demo", "audio.source: cannot change"),
        ("audio.stdin_rate=8000", "audio.stdin_rate: cannot change"),
        ("audio.stdin_channels=2", "audio.stdin_channels: cannot change"),
        ("audio.stdin_format=f32le", "audio.stdin_format: cannot change"),
        ("server.port=9", "server: cannot change"),
        ("server.queue=9", "server: cannot change"),
        ("integrations.mqtt.url=mqtt://broker", "integrations: cannot change"),
    ],
)
def test_these_need_a_new_start(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message} while kws runs"):
        load(OLD, Reader((override,)))


@pytest.mark.parametrize("source", ["-", "a.wav"])
def test_the_channel_of_what_is_read_once_needs_a_new_start(source: str) -> None:
    old = changed(f"audio.source={source}")
    with pytest.raises(ConfigError, match=r"^audio\.channel: cannot change while kws runs"):
        load(old, Reader((f"audio.source={source}", "audio.channel=1")))


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no YAML"):
        load(OLD, Broken())
    with pytest.raises(ModelError, match=r"missing\.onnx"):
        load(OLD, Reader((f"model.path={tmp_path / 'missing.onnx'}",)))
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"damaged\.onnx"):
        load(OLD, Reader((f"model.path={damaged}",)))


class Slow:
    """Reads a file that takes its time, and then is no YAML."""

    def __init__(self) -> None:
        self.ready = threading.Event()

    def read(self) -> Config:
        """Never, but not before it is ready."""
        assert self.ready.wait(limit(30))
        raise ConfigError("kws.yaml: no YAML\nkws.yaml: nor anything else")


class Idle:
    """Whatever else takes part in a reload, and has nothing to do in one that is refused."""

    status = ""

    def reloading(self) -> None:
        """It begins."""

    def reloaded(self, status: str) -> None:
        """It has ended."""


def test_a_slow_reload_is_answered_and_its_end_is_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kws.daemon.reload._ANSWER_SECONDS", 0.0)
    reader, published, idle = Slow(), Published(), cast(Any, Idle())
    reloader = Reloader(
        *(OLD, reader), engine=idle, publisher=published, watchdog=idle, sd_notify=idle
    )

    async def respond() -> None:
        status, content = await reloader.respond()
        assert (status, content["reloaded"]) == (HTTPStatus.ACCEPTED, False)
        assert published.bodies == []
        reader.ready.set()
        # The next one waits for it.
        assert await reloader.reload()

    asyncio.run(respond())
    reason = "kws.yaml: no YAML; kws.yaml: nor anything else"
    assert published.bodies == [ReloadRefused(reason)] * 2
