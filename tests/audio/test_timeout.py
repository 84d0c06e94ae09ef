"""Calls that may never come back: what they give, or that they hang."""

import asyncio
import gc
import threading

import pytest

from kws.audio.timeout import NoAnswerError, in_thread, limited
from kws.errors import DeviceError
from tests.support.limits import limit

LONG = limit(30.0)
SHORT = 0.02


def refused() -> None:
    raise DeviceError("no")


def test_it_gives_what_the_call_gives() -> None:
    assert asyncio.run(limited(lambda: 5, LONG)) == 5
    with pytest.raises(DeviceError, match="no"):
        asyncio.run(limited(refused, LONG))


def test_a_call_has_a_thread_of_its_own_which_nothing_waits_for(gate: threading.Event) -> None:
    caller = in_thread(lambda: (threading.current_thread().daemon, threading.get_ident()))
    daemon, ident = caller.result(LONG)
    assert daemon
    assert ident != threading.get_ident()
    stuck = [in_thread(gate.wait) for _ in range(50)]
    assert in_thread(lambda: 5).result(LONG) == 5
    assert not any(each.done() for each in stuck)


def test_a_call_that_hangs_is_given_up_while_the_loop_goes_on(gate: threading.Event) -> None:
    async def both() -> tuple[object, object]:
        results = await asyncio.gather(
            limited(gate.wait, SHORT), limited(lambda: 5, LONG), return_exceptions=True
        )
        return results[0], results[1]

    hung, answered = asyncio.run(both())
    assert isinstance(hung, NoAnswerError)
    assert answered == 5


@pytest.mark.parametrize("given_up", ["hung", "cancelled"])
def test_what_comes_too_late_is_for_nobody(
    given_up: str, gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    threads: list[threading.Thread] = []

    def late() -> None:
        threads.append(threading.current_thread())
        gate.wait()
        refused()

    async def give_up() -> None:
        calling = asyncio.create_task(limited(late, SHORT if given_up == "hung" else LONG))
        while not threads:
            await asyncio.sleep(0)
        if given_up == "cancelled":
            calling.cancel()
        with pytest.raises((NoAnswerError, asyncio.CancelledError)):
            await calling

    asyncio.run(give_up())
    gate.set()
    threads[0].join(LONG)
    gc.collect()
    assert not caplog.text


def test_what_comes_late_while_the_loop_goes_on_is_for_nobody(
    gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    threads: list[threading.Thread] = []

    def late() -> None:
        threads.append(threading.current_thread())
        gate.wait()
        refused()

    async def give_up() -> None:
        with pytest.raises(NoAnswerError):
            await limited(late, SHORT)
        gate.set()
        await asyncio.to_thread(threads[0].join, LONG)
        gc.collect()

    asyncio.run(give_up())
    assert not caplog.text
