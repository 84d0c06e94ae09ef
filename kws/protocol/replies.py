"""The first message to whoever connects: what there is to be heard."""

from collections.abc import Mapping, Sequence
from typing import Any

from kws.protocol.events import VERSION, to_json


def hello(
    *,
    run: str,
    seq: int,
    model: str,
    thresholds: Mapping[str, float],
    sources: Sequence[Mapping[str, Any]],
) -> str:
    """The first message to a subscriber.

    Args:
        run: identifies this start of the daemon.
        seq: of the next event.
        model: name of the vocabulary.
        thresholds: of each keyword.
        sources: what is listened to.
    """
    return to_json(
        {
            "type": "hello",
            "v": VERSION,
            "run": run,
            "seq": seq,
            "model": model,
            "keywords": list(thresholds),
            "thresholds": dict(thresholds),
            "sources": [dict(source) for source in sources],
        }
    )


def started(*, run: str, seq: int, stream: str, model: str, thresholds: Mapping[str, float]) -> str:
    """The first message to a sender.

    Args:
        run: identifies this start of the daemon.
        seq: of the next event.
        stream: as the sender calls it.
        model: name of the vocabulary.
        thresholds: of each keyword.
    """
    return to_json(
        {
            "type": "started",
            "v": VERSION,
            "run": run,
            "seq": seq,
            "stream": stream,
            "model": model,
            "keywords": list(thresholds),
            "thresholds": dict(thresholds),
        }
    )
