"""A message may mute; only where it is allowed may it unmute."""

import asyncio
import logging

import pytest

from kws.integrations.mqtt.mute_switch import MuteSwitch


class Microphone:
    """Stands for the daemon's microphone."""

    def __init__(self, *, muted: bool = False) -> None:
        self.muted = muted

    async def mute(self) -> None:
        """Close it."""
        self.muted = True

    async def unmute(self) -> None:
        """Open it."""
        self.muted = False


class Broken(Microphone):
    """One that cannot be closed."""

    async def mute(self) -> None:
        """Never."""
        raise RuntimeError("it is stuck")


def ask(microphone: Microphone, wish: str, *, allow_unmute: bool = False) -> str:
    """What a message asks for; the switch's state after it."""

    async def run() -> str:
        loop = asyncio.get_running_loop()
        switch = MuteSwitch(microphone, allow_unmute=allow_unmute, loop=loop)
        await asyncio.to_thread(switch.ask, wish)
        for _ in range(5):
            await asyncio.sleep(0)
        return switch.state

    return asyncio.run(run())


def test_any_message_may_mute() -> None:
    assert ask(Microphone(), "ON") == "ON"


def test_none_may_unmute_unless_it_is_allowed(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(Microphone(muted=True), "OFF") == "ON"
    assert "allow_unmute is false" in caplog.text
    assert ask(Microphone(muted=True), "OFF", allow_unmute=True) == "OFF"


def test_what_is_no_wish_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(Microphone(), "on\n" * 100) == "OFF"
    assert "it should be ON or OFF" in caplog.text
    assert len(caplog.text) < 300


def test_a_failure_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert ask(Broken(), "ON") == "OFF"
    assert "muting failed: it is stuck" in caplog.text
