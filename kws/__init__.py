"""kws: a real-time keyword spotter. From samples to one event for each spoken keyword."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kws.engine.scan import scan
    from kws.errors import KwsError
    from kws.spotting.detection import Detection
    from kws.spotting.load import load_model
    from kws.spotting.model import KeywordModel
    from kws.spotting.spotter import Spotter

__all__ = ["Detection", "KeywordModel", "KwsError", "Spotter", "load_model", "scan"]

_HOMES = {
    "Detection": "kws.spotting.detection",
    "KeywordModel": "kws.spotting.model",
    "KwsError": "kws.errors",
    "Spotter": "kws.spotting.spotter",
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
