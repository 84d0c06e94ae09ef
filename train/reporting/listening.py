"""Stretches to look at and to listen to."""

from io import BytesIO

import numpy as np
import soundfile

from train.measure.stream_report import FalseAlarm, Miss
from train.reporting.findings import Findings
from train.reporting.html import Content, Html, data_address, definitions, element, scrolling
from train.reporting.scenes import Scene
from train.reporting.tracks import Drawn

LOUD = 0.7
"""Peak that sound is brought to for people."""
MOST_GAIN = 30.0
"""How many times louder quiet sound is made at most."""


def long_scene(condition: str, scene: Scene, drawn: Drawn) -> Html:
    """A long stretch of the stream of a condition."""
    title = f"The first {scene.duration:.0f} s, {condition}"
    return element(
        "article",
        element("h3", title),
        scrolling(title, _stage(drawn)),
        _sound(title, scene),
        class_="scene long",
    )


def miss_scene(found: Findings, miss: Miss, scene: Scene, drawn: Drawn) -> Html:
    """A word that was not detected."""
    threshold = found.streams.trigger[miss.keyword].threshold
    wrong = (each for each in scene.detections if each not in scene.hits)
    instead = [f"{each.keyword} ({each.confidence:.2f})" for each in wrong]
    return _scene(
        f"“{miss.keyword}” missed, {miss.condition}",
        [
            ("said", miss.keyword),
            ("detected", ", ".join(instead) or "nothing"),
            ("posterior", f"{miss.posterior:.3f} at most, {threshold:.4g} wanted"),
            ("recording", element("code", found.where(miss.clip))),
            ("where", f"stream {miss.stream}"),
            ("at", _clock(miss.t)),
        ],
        scene,
        drawn,
    )


def false_alarm_scene(found: Findings, alarm: FalseAlarm, scene: Scene, drawn: Drawn) -> Html:
    """A detection of what was not said."""
    threshold = found.streams.trigger[alarm.keyword].threshold
    return _scene(
        f"“{alarm.keyword}” detected, {alarm.group}",
        [
            ("said", alarm.said or "unknown; listen"),
            ("detected", alarm.keyword),
            ("posterior", f"{alarm.posterior:.3f}, {threshold:.4g} is enough"),
            ("where", element("code", found.where(alarm.recording))),
            ("at", _clock(alarm.t)),
        ],
        scene,
        drawn,
    )


def encoded(scene: Scene) -> bytes:
    """The sound as FLAC, which all browsers play, loud enough for people."""
    peak = float(np.abs(scene.samples).max(initial=1e-6))
    content = BytesIO()
    samples = scene.samples * min(MOST_GAIN, LOUD / peak)
    soundfile.write(content, samples, scene.sample_rate, format="FLAC", subtype="PCM_16")
    return content.getvalue()


def _scene(title: str, facts: list[tuple[Content, Content]], scene: Scene, drawn: Drawn) -> Html:
    return element(
        "article",
        element("h3", title),
        definitions(facts),
        _stage(drawn),
        _sound(title, scene),
        class_="scene",
    )


def _stage(drawn: Drawn) -> Html:
    return element(
        "div",
        drawn.picture.element(),
        element("div", class_="cursor"),
        class_="stage",
        data_left=f"{drawn.left:.4f}",
        data_right=f"{drawn.right:.4f}",
    )


def _sound(title: str, scene: Scene) -> Html:
    return element(
        "audio",
        controls=True,
        preload="metadata",
        src=data_address("audio/flac", encoded(scene)),
        aria_label=f"Listen: {title}",
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{minutes:.0f}:{rest:05.2f} min"
