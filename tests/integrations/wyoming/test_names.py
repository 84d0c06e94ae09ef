"""Names of streams: few, and each of one stream at a time."""

from dataclasses import dataclass
from typing import cast

from kws.engine.senders import SenderStream
from kws.integrations.wyoming.clients import Names


@dataclass
class Stream:
    """Stands for a stream of the engine."""

    name: str
    over: bool = False


def test_a_name_is_free_again_when_its_stream_is_over() -> None:
    names = Names()
    assert [names.take(), names.take()] == ["wyoming-1", "wyoming-2"]
    first = Stream("wyoming-1")
    names.release(cast(SenderStream, first))
    assert names.take() == "wyoming-3"
    first.over = True
    assert [names.take(), names.take()] == ["wyoming-1", "wyoming-4"]
