"""Waiting in the event loop for other threads, and for the first of several."""

import asyncio
import threading

import pytest

from kws.engine.waiting import LoopEvent, first_of
from tests.support.limits import limit

LONG = limit(10.0)


def test_another_thread_wakes_the_loop() -> None:
    async def test() -> None:
        event = LoopEvent()
        threading.Thread(target=event.set).start()
        async with asyncio.timeout(LONG):
            await event.wait()
        assert event.is_set()

    asyncio.run(test())


def test_an_event_of_a_loop_that_has_ended_may_be_set() -> None:
    async def test() -> LoopEvent:
        return LoopEvent()

    event = asyncio.run(test())
    event.set()
    assert not event.is_set()


@pytest.mark.parametrize("first", ["event", "task"])
def test_the_first_ends_the_wait_and_tasks_continue(first: str) -> None:
    async def test() -> None:
        event, other, gate = asyncio.Event(), asyncio.Event(), asyncio.Event()
        task, waiting = asyncio.create_task(gate.wait()), asyncio.create_task(other.wait())
        {"event": event, "task": gate}[first].set()
        async with asyncio.timeout(LONG):
            await first_of(event, task, waiting)
        assert (event.is_set(), task.done()) == (first == "event", first == "task")
        assert not waiting.cancelling()
        other.set()
        async with asyncio.timeout(LONG):
            assert await waiting
        task.cancel()

    asyncio.run(test())


def test_a_wait_may_have_a_limit() -> None:
    async def test() -> None:
        event = asyncio.Event()
        await first_of(event, seconds=0.001)
        assert not event.is_set()

    asyncio.run(test())
