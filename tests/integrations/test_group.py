"""Integrations are started and stopped together, and none keeps the others."""

import asyncio
import logging

import pytest

from kws.errors import ServerError
from kws.integrations.group import Integrations
from kws.typing import IntegrationStatus
from tests.support.limits import at_most


class Member:
    """An integration that notes what is done with it."""

    def __init__(self, name: str, done: list[str]) -> None:
        self._name, self._done = name, done

    def status(self) -> IntegrationStatus:
        """How it is."""
        return IntegrationStatus(self._name, "", connected=True)

    async def start(self) -> None:
        """Begin."""
        self._done.append(f"{self._name} starts")

    async def stop(self) -> None:
        """End."""
        self._done.append(f"{self._name} stops")


class Refused(Member):
    """One that can never begin."""

    async def start(self) -> None:
        """Never."""
        raise ServerError("its port is taken")


class Stuck(Member):
    """One whose other side never takes the last events."""

    async def stop(self) -> None:
        """Never."""
        await asyncio.Event().wait()


class Broken(Member):
    """One with a fault."""

    async def stop(self) -> None:
        """Never."""
        raise RuntimeError


def test_they_start_and_stop_once() -> None:
    done: list[str] = []

    async def run() -> None:
        integrations = Integrations([Member("a", done), Member("b", done)])
        assert [each.name for each in integrations.statuses()] == ["a", "b"]
        async with integrations.running(1.0):
            done.append("runs")
            await integrations.stop(5.0)

    asyncio.run(run())
    assert done == ["a starts", "b starts", "runs", "a stops", "b stops"]


def test_who_has_begun_is_stopped_where_another_cannot() -> None:
    done: list[str] = []

    async def run() -> None:
        async with Integrations([Member("a", done), Refused("b", done)]).running(1.0):
            done.append("runs")

    with pytest.raises(ServerError, match="taken"):
        asyncio.run(run())
    assert done == ["a starts", "a stops"]


def test_one_that_hangs_or_fails_keeps_no_other(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def run() -> None:
        members = [Stuck("a", done), Broken("b", done), Member("c", done)]
        async with Integrations(members).running(0.1):
            pass

    with caplog.at_level(logging.WARNING), at_most(5):
        asyncio.run(run())
    assert done == ["a starts", "b starts", "c starts", "c stops"]
    said = sorted(each.getMessage() for each in caplog.records)
    assert said == [
        "a: its last events have not been taken within 0.1 s",
        "b: its end failed; please report it",
    ]
