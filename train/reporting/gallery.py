"""All pictures of a report. This, and what it imports, is what needs matplotlib."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from train.measure.evaluation_set import CALIBRATING
from train.measure.scoring import Tally
from train.reporting.findings import Findings
from train.reporting.learning import learning_curves
from train.reporting.pictures import Picture
from train.reporting.plots import confusion_matrix, detectability, operating_curve
from train.reporting.scenes import Scene
from train.reporting.tracks import Drawn, draw_scene
from train.reporting.verdict import in_force, unspoken

WIDE, NARROW = 10.8, 4.8
"""Inches of the picture of a long stretch, and of a short one."""


@dataclass(frozen=True)
class Gallery:
    """The pictures; those that there is nothing to draw for are missing.

    Attributes:
        operating_curve: what thresholds cost, all keywords together.
        detectability: the same for each keyword and condition.
        confusion: of single clips.
        learning: curves of the training.
        timelines: of the long stretches.
        misses: of the worst misses.
        false_alarms: of the worst false alarms.
    """

    operating_curve: Picture | None
    detectability: tuple[Picture, ...]
    confusion: Picture | None
    learning: tuple[Picture, ...]
    timelines: tuple[Drawn, ...]
    misses: tuple[Drawn, ...]
    false_alarms: tuple[Drawn, ...]

    def write(self, folder: Path) -> None:
        """Write all of them.

        Raises:
            OSError: one cannot be written.
        """
        for picture in self._pictures():
            picture.write(folder)

    def _pictures(self) -> Iterator[Picture]:
        for single in (self.operating_curve, self.confusion):
            if single is not None:
                yield single
        yield from (*self.detectability, *self.learning)
        yield from (each.picture for each in (*self.timelines, *self.misses, *self.false_alarms))


def draw_gallery(found: Findings) -> Gallery:
    """Draw what there is to draw."""
    streams, clips = found.streams, found.clips
    calibration = streams.calibration
    said = sum(
        (each.total for each in streams.of_kind("words") if each.name in CALIBRATING), Tally()
    )
    unsaid = unspoken(streams, calibrates=False)
    return Gallery(
        operating_curve=None
        if calibration is None
        else operating_curve(calibration, in_force(calibration, streams.trigger), said, unsaid),
        detectability=tuple(
            detectability(
                curve,
                streams.trigger[curve.keyword].threshold,
                f"miss-rate-{number:02}-{_file_name(curve.keyword)}",
            )
            for number, curve in enumerate(streams.curves, 1)
            if curve.hours and any(curve.words.values())
        ),
        confusion=confusion_matrix(clips) if clips.words + clips.others else None,
        learning=tuple(learning_curves(found.history)) if found.history else (),
        timelines=tuple(
            _draw(found, f"timeline-{number}", scene, WIDE)
            for number, (_, scene) in enumerate(found.timelines, 1)
        ),
        misses=tuple(
            _draw(found, f"miss-{number:02}", scene, NARROW)
            for number, (_, scene) in enumerate(found.misses, 1)
        ),
        false_alarms=tuple(
            _draw(found, f"false-alarm-{number:02}", scene, NARROW)
            for number, (_, scene) in enumerate(found.false_alarms, 1)
        ),
    )


def _draw(found: Findings, name: str, scene: Scene, width: float) -> Drawn:
    header = found.model.header
    return draw_scene(
        name,
        _seen(scene, list(found.streams.trigger)),
        scene,
        header.front_end,
        found.streams.trigger,
        width,
    )


def _seen(scene: Scene, keywords: Sequence[str]) -> str:
    """A stretch in words."""
    said = [
        f"{word.keyword} at {word.start:.1f} s" + (" (missed)" if word in scene.missed else "")
        for word in scene.words
    ]
    heard = [
        f"{each.keyword} at {each.t:.1f} s" + ("" if each in scene.hits else " (wrong)")
        for each in scene.detections
    ]
    peaks = zip(keywords, scene.smoothed.max(axis=0, initial=0.0).tolist(), strict=True)
    highest = sorted(peaks, key=lambda each: -each[1])[:4]
    return (
        f"Spectrogram and posteriors of {scene.duration:.1f} s. "
        f"Said: {', '.join(said) or 'no known word'}. "
        f"Detected: {', '.join(heard) or 'nothing'}. "
        f"Highest posteriors: {', '.join(f'{word} {peak:.2f}' for word, peak in highest)}."
    )


def _file_name(text: str) -> str:
    return re.sub(r"[^\w-]+", "-", text)
