"""Detections start their actions, a few at a time, never late, and failures are said once."""

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kws.config.schema import ActionsConfig
from kws.integrations.actions.rules import Action, Command, Rules, Webhook
from kws.integrations.actions.runner import Actions
from kws.protocol.events import AudioLost, Detected
from kws.serving.hub import Hub
from kws.typing import Clock
from tests.integrations.actions.receiver import Receiver
from tests.integrations.clock import Clock as Hands
from tests.support.limits import limit


def detected(keyword: str = "stop") -> Detected:
    return Detected("default", 1.0, keyword, 0.9, "model")


def adds(path: Path, text: str = "x") -> Command:
    """A command that adds a text to a file."""
    return Command(("/bin/sh", "-c", f"printf %s {text} >> {path}"))


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(limit(30)):
        while not reached():
            await asyncio.sleep(0.01)


def run(
    rules: Rules,
    act: Callable[[Hub, Actions], Awaitable[None]],
    config: ActionsConfig | None = None,
    clock: Clock = time.monotonic,
) -> Actions:
    """Let a test act on a hub whose detections start actions."""

    async def whole() -> Actions:
        hub = Hub("run")
        actions = Actions(
            config or ActionsConfig(timeout_s=limit(10), expire_s=limit(10)),
            rules,
            hub=hub,
            environment={},
            clock=clock,
        )
        await actions.start()
        try:
            await act(hub, actions)
        finally:
            async with asyncio.timeout(limit(30)):
                await actions.stop()
        return actions

    return asyncio.run(whole())


def only(action: Action) -> Rules:
    return Rules((action,))


def test_each_detection_starts_what_is_meant_for_it(tmp_path: Path) -> None:
    every, own = tmp_path / "every", tmp_path / "own"
    rules = Rules((adds(every),), {"stop": (adds(own),)})

    async def act(hub: Hub, _: Actions) -> None:
        hub.publish(detected("yes"))
        hub.publish(AudioLost("default", 1.0, "unplugged"))
        hub.publish(detected("stop"))

    actions = run(rules, act)
    # Nothing is lost at the end: the last ones are waited for.
    assert (every.read_text(), own.read_text()) == ("xx", "x")
    assert actions.status().events == {"done": 3, "failed": 0, "expired": 0, "dropped": 0}
    assert actions.status().connected


def test_only_so_many_run_at_once_and_only_so_many_wait(tmp_path: Path) -> None:
    note = tmp_path / "note"
    code = (
        "import os, sys, time; f = os.open(sys.argv[1], os.O_APPEND | os.O_WRONLY | os.O_CREAT); "
        "os.write(f, b'('); time.sleep(0.2); os.write(f, b')')"
    )
    command = Command((sys.executable, "-I", "-S", "-c", code, str(note)))

    async def act(hub: Hub, actions: Actions) -> None:
        for _ in range(20):
            hub.publish(detected())
        await until(lambda: actions.status().events["dropped"] > 0)

    config = ActionsConfig(at_once=2, queue=5, timeout_s=limit(20), expire_s=limit(60))
    counts = run(only(command), act, config).status().events
    text = note.read_text()
    depth = most = 0
    for each in text:
        depth += 1 if each == "(" else -1
        most = max(most, depth)
    assert most == 2
    assert counts["done"] == text.count("(") < 20
    assert counts["done"] + counts["dropped"] == 20


def test_what_could_not_start_in_time_never_does(tmp_path: Path) -> None:
    note, clock = tmp_path / "note", Hands()

    async def act(hub: Hub, actions: Actions) -> None:
        hub.publish(detected())
        clock.now = 11.0
        await until(lambda: actions.status().events["expired"] == 1)
        hub.publish(detected())

    actions = run(only(adds(note)), act, ActionsConfig(timeout_s=limit(10)), clock)
    assert note.read_text() == "x"
    assert actions.status().events["done"] == 1


def test_a_failure_is_said_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def act(hub: Hub, actions: Actions) -> None:
        for _ in range(3):
            hub.publish(detected())
        await until(lambda: actions.status().events["failed"] == 3)
        assert not actions.status().connected
        assert actions.status().reason == "false ended with code 1"

    run(only(Command(("/bin/false",))), act)
    assert caplog.text.count("false ended with code 1") == 1


def test_a_webhook_is_tried_again_while_the_event_is_new(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Receiver([503, 503, 200]) as receiver:

        async def act(hub: Hub, actions: Actions) -> None:
            hub.publish(detected())
            await until(lambda: actions.status().events["done"] == 1)

        actions = run(only(Webhook(receiver.url)), act)
    assert len(receiver.requests) == 3
    assert {headers["Idempotency-Key"] for _, headers, _ in receiver.requests} == {"run-1"}
    assert actions.status().connected


def test_a_webhook_that_refuses_is_not_tried_again() -> None:
    with Receiver([404, 200]) as receiver:

        async def act(hub: Hub, actions: Actions) -> None:
            hub.publish(detected())
            await until(lambda: actions.status().events["failed"] == 1)
            assert actions.status().reason.endswith("answered with 404")
            hub.publish(detected())
            await until(lambda: actions.status().connected)

        run(only(Webhook(receiver.url)), act)
    assert len(receiver.requests) == 2


def test_a_stop_that_is_cancelled_leaves_nothing_running() -> None:
    async def whole() -> None:
        hub = Hub("run")
        actions = Actions(
            ActionsConfig(timeout_s=600),
            only(Command(("/bin/sleep", "1000"))),
            hub=hub,
            environment={},
            clock=time.monotonic,
        )
        await actions.start()
        hub.publish(detected())
        await until(lambda: len(actions._running) == 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await actions.stop()
        assert not actions._running

    asyncio.run(whole())
