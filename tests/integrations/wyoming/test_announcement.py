"""What the network is told of the service, with the library of mDNS on this machine alone."""

import asyncio

from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from kws.integrations.wyoming.address import Address
from kws.integrations.wyoming.announcement import TYPE, Announcement
from tests.support.limits import TIMEOUT, limit


def test_only_what_others_reach_is_announced() -> None:
    assert Announcement.of(Address("tcp", "127.0.0.1", 1)) is None
    assert Announcement.of(Address("stdio")) is None
    assert Announcement.of(Address("tcp", "192.0.2.1", 1)) is not None


def test_it_is_found_and_taken_back() -> None:
    async def find(browser: AsyncZeroconf, name: str, seconds: float) -> AsyncServiceInfo | None:
        service = AsyncServiceInfo(TYPE, f"{name}.{TYPE}")
        found = await service.async_request(browser.zeroconf, 1000 * seconds)
        return service if found else None

    async def run() -> None:
        announcement = Announcement(10_400, "127.0.0.1", "kws-test")
        await announcement.begin()
        browser = AsyncZeroconf(interfaces=["127.0.0.1"])
        try:
            service = await find(browser, "kws-test", limit(TIMEOUT))
            assert service is not None
            assert service.port == 10_400
            assert service.parsed_addresses() == ["127.0.0.1"]
        finally:
            await announcement.end()
            await browser.async_close()

    asyncio.run(run())
