"""Tells the network of the service, by mDNS, so that Home Assistant finds it by itself."""

import logging
import socket
from typing import TYPE_CHECKING

from kws.integrations.wyoming.address import Address

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

log = logging.getLogger(__name__)

TYPE = "_wyoming._tcp.local."
_EVERY_ADDRESS = ("0.0.0.0", "::")
_GROUP = ("224.0.0.251", 5353)


class Announcement:
    """One service in mDNS.

    Args:
        port: of the service.
        host: address of this machine that it is announced on, and with.
        name: of the service.
    """

    def __init__(self, port: int, host: str, name: str) -> None:
        self._port, self._host, self._name = port, host, name
        self._zeroconf: AsyncZeroconf | None = None

    @classmethod
    def of(cls, address: Address) -> "Announcement | None":
        """That of a service at an address; None where no other machine reaches it."""
        if not address.reachable:
            log.info("wyoming: zeroconf is off, since only this machine reaches %s", address.uri)
            return None
        host = _outside() if address.host in _EVERY_ADDRESS else address.host
        return cls(address.port, host, f"kws-{socket.gethostname()}")

    async def begin(self) -> None:
        """Announce it. What fails is logged: clients that know the address still find it."""
        from zeroconf import Error
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

        service = AsyncServiceInfo(
            TYPE,
            f"{self._name}.{TYPE}",
            parsed_addresses=[self._host],
            port=self._port,
            server=f"{self._name}.local.",
        )
        try:
            self._zeroconf = AsyncZeroconf(interfaces=[self._host])
            await self._zeroconf.async_register_service(service, allow_name_change=True)
        except (OSError, Error) as error:
            log.warning(
                "wyoming: it cannot be announced by zeroconf: %s", str(error) or repr(error)
            )
        else:
            log.info("wyoming: announced by zeroconf as %r", service.name)

    async def end(self) -> None:
        """Take it back."""
        if self._zeroconf is not None:
            await self._zeroconf.async_unregister_all_services()
            await self._zeroconf.async_close()
            self._zeroconf = None


def _outside() -> str:
    """This machine's address on the network that mDNS goes to; loopback where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(_GROUP)  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(asking.getsockname()[0])
