"""Calls that may never come back: what they give, or that they hang."""

import asyncio
import gc
import os
import threading
from pathlib import Path

import pytest

from kws.audio.timeout import in_thread, run_with_timeout, with_timeout
from kws.errors import DeviceError, HungError
from tests.support.limits import limit

LONG = limit(30.0)
SHORT = 0.02


def refused() -> None:
    raise DeviceError("no")


def test_it_gives_what_the_call_gives() -> None:
    assert run_with_timeout(lambda: 5, LONG) == 5
    with pytest.raises(DeviceError, match="no"):
        run_with_timeout(refused, LONG)


def test_a_call_runs_in_a_thread_of_its_own_that_nothing_waits_for(gate: threading.Event) -> None:
    caller = in_thread(lambda: (threading.current_thread().daemon, threading.get_ident()))
    daemon, ident = caller.result(LONG)
    assert daemon
    assert ident != threading.get_ident()
    stuck = [in_thread(gate.wait) for _ in range(50)]
    assert in_thread(lambda: 5).result(LONG) == 5
    assert not any(each.done() for each in stuck)


def test_a_call_that_hangs_is_given_up_while_the_loop_runs(gate: threading.Event) -> None:
    async def both() -> tuple[object, object]:
        results = await asyncio.gather(
            with_timeout(gate.wait, SHORT), with_timeout(lambda: 5, LONG), return_exceptions=True
        )
        return results[0], results[1]

    hung, answered = asyncio.run(both())
    assert isinstance(hung, HungError)
    assert answered == 5


@pytest.mark.parametrize("given_up", ["hung", "cancelled"])
def test_a_result_after_the_limit_is_dropped(
    given_up: str, gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    threads: list[threading.Thread] = []

    def late() -> None:
        threads.append(threading.current_thread())
        gate.wait()
        refused()

    async def give_up() -> None:
        calling = asyncio.create_task(with_timeout(late, SHORT if given_up == "hung" else LONG))
        while not threads:
            await asyncio.sleep(0)
        if given_up == "cancelled":
            calling.cancel()
        with pytest.raises((HungError, asyncio.CancelledError)):
            await calling

    asyncio.run(give_up())
    gate.set()
    threads[0].join(LONG)
    gc.collect()
    assert not caplog.text


def test_a_result_after_the_limit_is_dropped_while_the_loop_runs(
    gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    threads: list[threading.Thread] = []

    def late() -> None:
        threads.append(threading.current_thread())
        gate.wait()
        refused()

    async def give_up() -> None:
        with pytest.raises(HungError):
            await with_timeout(late, SHORT)
        gate.set()
        await asyncio.to_thread(threads[0].join, LONG)
        gc.collect()

    asyncio.run(give_up())
    assert not caplog.text


@pytest.mark.parametrize("locked", [False, True])
def test_what_hangs_is_named_and_what_may_hold_it(
    locked: bool, gate: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kws.audio.timeout._SHARED_MEMORY", tmp_path)
    lock = tmp_path / f"jack_db-{os.getuid()}"
    if locked:
        lock.mkdir()
    with pytest.raises(
        HungError, match=r"has not answered for 0\.02 s: its server hangs"
    ) as raised:
        run_with_timeout(gate.wait, SHORT)
    assert (f"JACK locked: end what uses sound, then rm -r {lock}" in str(raised.value)) is locked
