"""What a model file says beside its weights."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from kws.spotting.calibration import Calibration
from kws.spotting.frontend import FrontEndSettings
from kws.spotting.graphs import ARCHITECTURES
from kws.spotting.pair import Pair
from kws.spotting.trigger import TriggerSettings
from kws.text import check_plain

Context = Literal["alone", "anywhere"]


@dataclass(frozen=True)
class ModelHeader:
    """What a model file says beside its weights.

    Attributes:
        name: name of the vocabulary, for people.
        architecture: name in `kws.spotting.graphs.ARCHITECTURES`.
        arguments: what builds the network.
        classes: the keywords, in the order of the network's outputs.
        front_end: how samples become frames.
        mean: ln power, per band, that is subtracted from a frame.
        scale: ln power, per band, that a frame is then divided by.
        trigger: settings per keyword.
        window_frames: frames in a window.
        hop_s: hop that the trigger settings were calibrated at, seconds.
        reference_class: whether "none" is the implicit class with logit 0.
        licence: under what the weights may be used.
        sources: what the model was trained on, a line each with its licence.
        training: settings of the training.
        measured: figures that the trainer measured, by name.
        calibration: what other thresholds than those in `trigger` cost, if it was measured.
        context: "anywhere": a keyword is detected wherever it is spoken; "alone": only as a word
            between pauses, not inside running speech.
        pair: the verifier that it works with, and the settings of the two; None without.
    """

    name: str
    architecture: str
    arguments: dict[str, int]
    classes: tuple[str, ...]
    front_end: FrontEndSettings
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    trigger: dict[str, TriggerSettings]
    window_frames: int = 98
    hop_s: float = 0.1
    reference_class: bool = True
    licence: str = ""
    sources: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None
    context: Context = "anywhere"
    pair: Pair | None = None

    def __post_init__(self) -> None:
        check_plain(self.name, *self.classes, self.licence, *self.sources)
        bands = self.front_end.bands
        if not self.classes or not all(self.classes) or len(set(self.classes)) < len(self.classes):
            raise ValueError("classes must be a list of different words")
        if set(self.trigger) != set(self.classes):
            raise ValueError("trigger must have settings for exactly the classes")
        if len(self.mean) != bands or len(self.scale) != bands:
            raise ValueError(f"mean and scale must have {bands} values, one a band")
        if not all(map(math.isfinite, (*self.mean, *self.scale))) or min(self.scale) <= 0:
            raise ValueError("mean and scale must be finite and scale above 0")
        if self.architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise ValueError(f"architecture {self.architecture!r} is not one of: {known}")
        if not (1 <= self.window_frames <= 10_000 and 0 < self.hop_s <= 60):
            raise ValueError("window_frames must be from 1 to 10000 and hop_s above 0 up to 60")
        points = self.calibration.points if self.calibration else ()
        if any(set(point.thresholds) != set(self.classes) for point in points):
            raise ValueError("an operating point must have thresholds for exactly the classes")
        if self.pair is not None and self.pair.keywords != set(self.classes):
            raise ValueError("pair must have settings for exactly the classes")
        if self.context not in get_args(Context):
            raise ValueError(f"context must be one of: {', '.join(get_args(Context))}")
