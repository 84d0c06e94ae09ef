"""GET /history, and POST /events/ID/mark."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from kws.history.queries import Wanted, reason
from kws.protocol.requests import parse_history_query, parse_mark
from kws.serving.recorder import FAILURES, HistoryRecorder
from kws.serving.routes import JsonResponse, Order

_OFF = "no history is kept (history.days is 0)"


@dataclass(frozen=True)
class HistoryPages:
    """What clients may ask of the history.

    Attributes:
        recorder: of the history; None: there is none.
    """

    recorder: HistoryRecorder | None

    async def get(self, query: str) -> JsonResponse:
        """Some events. Raises BadRequestError."""
        request = parse_history_query(query)
        if self.recorder is None:
            return _refused(HTTPStatus.NOT_FOUND, _OFF)
        wanted = Wanted(
            _seconds(request.since),
            _seconds(request.until),
            request.type,
            request.after,
            request.limit,
        )
        try:
            page = await self.recorder.page(wanted)
        except FAILURES as error:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, f"history: {reason(error)}")
        return HTTPStatus.OK, {"events": page.events, "next": page.next}

    async def mark(self, order: Order) -> JsonResponse:
        """Mark an event, or take the mark away. Raises BadRequestError."""
        request, (event,) = parse_mark(order.body), order.segments
        if self.recorder is None:
            return _refused(HTTPStatus.NOT_FOUND, _OFF)
        try:
            found = await self.recorder.mark(event, not_a_word=request.not_a_word)
        except FAILURES as error:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, f"history: {reason(error)}")
        if not found:
            return _refused(HTTPStatus.NOT_FOUND, "no such detection is in the history")
        return HTTPStatus.OK, {"id": event, "not_a_word": request.not_a_word}


def _refused(status: HTTPStatus, why: str) -> JsonResponse:
    return status, {"reason": why}


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
