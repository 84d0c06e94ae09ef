"""POST /mute and POST /unmute."""

from dataclasses import dataclass
from http import HTTPStatus

from kws.errors import MutingError
from kws.protocol.requests import parse_mute, parse_nothing
from kws.serving.routes import JsonResponse, Order
from kws.typing import MuteState, Muting


@dataclass(frozen=True)
class MutingActions:
    """What clients may do with the daemon's microphone.

    Attributes:
        switch: of the daemon.
    """

    switch: Muting

    async def mute(self, order: Order) -> JsonResponse:
        """Mute, for some time or for good. Raises BadRequestError."""
        request = parse_mute(order.body)
        try:
            return _done(await self.switch.mute(request.seconds))
        except MutingError as error:
            return self._refused(HTTPStatus.CONFLICT, error)

    async def unmute(self, order: Order) -> JsonResponse:
        """Unmute, where this client may. Raises BadRequestError."""
        parse_nothing(order.body)
        try:
            return _done(await self.switch.unmute(local=order.local))
        except MutingError as error:
            return self._refused(HTTPStatus.FORBIDDEN, error)

    def _refused(self, status: HTTPStatus, error: MutingError) -> JsonResponse:
        return status, {**_content(self.switch.state), "reason": str(error)}


def _done(state: MuteState) -> JsonResponse:
    return HTTPStatus.OK, _content(state)


def _content(state: MuteState) -> dict[str, bool | float | None]:
    left = state.seconds_left
    return {"muted": state.muted, "seconds_left": None if left is None else round(left, 3)}
