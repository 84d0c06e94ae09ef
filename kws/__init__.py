"""kws: a real-time keyword spotter. From samples to one event for each spoken keyword."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kws.client.listen import listen
    from kws.engine.scan import scan
    from kws.errors import KwsError
    from kws.protocol.events import Detected, Event
    from kws.spotting.detection import Detection
    from kws.spotting.load import load_model
    from kws.spotting.model import KeywordModel
    from kws.spotting.spotter import Spotter

__all__ = [
    "Detected",
    "Detection",
    "Event",
    "KeywordModel",
    "KwsError",
    "Spotter",
    "listen",
    "load_model",
    "scan",
]

_HOMES = {
    "Detected": "kws.protocol.events",
    "Detection": "kws.spotting.detection",
    "Event": "kws.protocol.events",
    "KeywordModel": "kws.spotting.model",
    "KwsError": "kws.errors",
    "Spotter": "kws.spotting.spotter",
    "listen": "kws.client.listen",
    "load_model": "kws.spotting.load",
    "scan": "kws.engine.scan",
}


def __getattr__(name: str) -> Any:
    # numpy and ONNX Runtime take time to import: not before somebody needs it.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
