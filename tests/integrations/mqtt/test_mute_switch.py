"""A message may mute; whether it may unmute is for the daemon to say."""

import asyncio

import pytest

from kws.integrations.mqtt.mute_switch import MuteSwitch

from .daemon import Microphone


def ask(microphone: Microphone, wish: str) -> str:
    """What a message asks for; the switch's state after it."""

    async def run() -> str:
        switch = MuteSwitch(microphone, asyncio.get_running_loop())
        await asyncio.to_thread(switch.ask, wish)
        for _ in range(5):
            await asyncio.sleep(0)
        return switch.state

    return asyncio.run(run())


def test_a_message_mutes_and_unmutes() -> None:
    assert ask(Microphone(), "ON") == "ON"
    assert ask(Microphone(muted=True), "OFF") == "OFF"


def test_what_the_daemon_refuses_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(Microphone(muted=True, remote=False), "OFF") == "ON"
    assert "asks to unmute kws, which failed: only on this machine" in caplog.text


def test_what_is_no_wish_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(Microphone(), "on\n" * 100) == "OFF"
    assert "it should be ON or OFF" in caplog.text
    assert len(caplog.text) < 300
