"""The sections of a report below its verdict."""

from collections.abc import Collection, Iterator
from typing import Any

from kws.spotting.calibration import rounded
from train.fitting.progress import duration
from train.reporting.findings import Findings
from train.reporting.gallery import Gallery
from train.reporting.html import Content, Html, bullets, definitions, element, scrolling
from train.reporting.listening import false_alarm_scene, long_scene, miss_scene
from train.reporting.pictures import Picture
from train.reporting.tables import (
    condition_table,
    keyword_table,
    mistaken_table,
    negative_table,
    operating_table,
)
from train.reporting.verdict import in_force, unspoken

MANY = 8
"""More keywords than that have no room beside each other."""
Section = tuple[str, str, list[Content]]
"""Anchor, title and content."""


def sections(found: Findings, gallery: Gallery) -> Iterator[Section]:
    """All of them, in order."""
    yield "costs", "What thresholds cost", list(_costs(found, gallery))
    yield "conditions", "Missed words", list(_conditions(found))
    yield "negatives", "False alarms", list(_negatives(found))
    yield "confusion", "What is taken for what", list(_confusion(found, gallery))
    yield "learning", "How training went", list(_learning(found, gallery))
    yield "timeline", "A stretch of a stream", list(_timelines(found, gallery))
    yield "misses", "The worst misses", list(_worst_misses(found, gallery))
    yield "false-alarms", "The worst false alarms", list(_worst_alarms(found, gallery))
    yield "making", "What it was made of", list(_making(found))


def _costs(found: Findings, gallery: Gallery) -> Iterator[Content]:
    streams, calibration = found.streams, found.streams.calibration
    if calibration is None or gallery.operating_curve is None:
        yield _note("The model file holds no operating curve: the model was never calibrated.")
    else:
        keywords, chosen = list(streams.trigger), in_force(calibration, streams.trigger)
        yield element(
            "p",
            f"All keywords together, as measured on {rounded(calibration.hours)} h of calibration "
            "audio. Steps lead from each choice of thresholds to the next; the diamond is what the "
            "thresholds in force gave in evaluation audio, with 95 % intervals.",
        )
        levels = [operating_table(calibration, keywords, chosen)] if _few(keywords) else []
        yield element("div", _figure(gallery.operating_curve), *levels, class_="pictures beside")
    if not gallery.detectability:
        yield _note("Without evaluation audio there are no false alarms to draw for each keyword.")
        return
    yield element(
        "details",
        element("summary", "Each keyword by itself"),
        element(
            "p",
            "Missed words under each condition against false alarms in evaluation audio, as the "
            "keyword's threshold goes up and down. Dots are at the threshold in force.",
        ),
        element("div", *map(_figure, gallery.detectability), class_="pictures"),
        open=_few(streams.trigger),
    )


def _conditions(found: Findings) -> Iterator[Content]:
    streams = found.streams
    yield element(
        "p",
        "A word counts as heard if it is detected from its start to a second after its end, and "
        "no other keyword with it; false alarms are detections of what was not said there. Delays "
        "are from a word's end to its detection.",
    )
    yield condition_table(streams)
    if len(streams.trigger) > 1:
        yield element(
            "details",
            element("summary", "Each keyword"),
            keyword_table(streams),
            open=_few(streams.trigger),
        )


def _negatives(found: Findings) -> Iterator[Content]:
    streams = found.streams
    if not streams.of_kind("negative", "other words", "noise"):
        yield _note("There were no recordings without keywords to listen to.")
        return
    yield element("p", "Detections in sound in which no keyword is said, one a second at most.")
    yield negative_table(streams)
    if not unspoken(streams, calibrates=False).hours:
        yield _note("There was no evaluation audio, so nothing is known of false alarms an hour.")


def _confusion(found: Findings, gallery: Gallery) -> Iterator[Content]:
    if gallery.confusion is None:
        yield _note("There were no clips to decide.")
        return
    yield element(
        "p",
        f"Single clips of the {found.streams.split} speakers, each decided by one window: the most "
        "probable class, without thresholds. Colour is the share of the row.",
    )
    matrix, mistaken = _figure(gallery.confusion), found.clips.mistaken()
    told = [mistaken_table(found.clips)] if mistaken else []
    if _few(found.clips.keywords):
        yield element("div", matrix, *told, class_="pictures beside")
    else:
        yield from (scrolling("Confusion matrix", matrix), *told)


def _learning(found: Findings, gallery: Gallery) -> Iterator[Content]:
    if not found.history:
        yield _note(
            "The model file tells nothing of the epochs of its training: it was trained by an "
            "older version, or elsewhere."
        )
        return
    seconds = sum(each.seconds for each in found.history)
    yield element("p", f"Epochs: {len(found.history)}, in {duration(seconds)}.")
    yield element("div", *map(_figure, gallery.learning), class_="pictures")
    if all(each.validation_accuracy is None for each in found.history):
        yield _note("There were no clips of keywords to validate with.")
    if all(each.validation_rejection is None for each in found.history):
        yield _note("There were no clips of other words to validate with.")


def _timelines(found: Findings, gallery: Gallery) -> Iterator[Content]:
    if not found.timelines:
        yield _note("There was no stream of words.")
        return
    yield element(
        "p",
        "Not picked out: the first seconds of the first stream. Coloured bars are what is said, "
        "crossed out where it was missed; lines are smoothed posteriors, dotted ones thresholds; "
        "a dot is a detection, a cross a wrong one. Click into a picture to listen from there.",
    )
    for (condition, scene), drawn in zip(found.timelines, gallery.timelines, strict=True):
        yield long_scene(condition, scene, drawn)


def _worst_misses(found: Findings, gallery: Gallery) -> Iterator[Content]:
    if not found.misses:
        yield _note("Nothing was missed.")
        return
    yield element(
        "p",
        "Of the telling conditions, words whose posterior was lowest. Sound is as the model heard "
        "it, but louder.",
    )
    scenes = zip(found.misses, gallery.misses, strict=True)
    yield element(
        "div",
        *(miss_scene(found, miss, scene, drawn) for (miss, scene), drawn in scenes),
        class_="pictures",
    )


def _worst_alarms(found: Findings, gallery: Gallery) -> Iterator[Content]:
    if not found.false_alarms:
        yield _note("There was no false alarm.")
        return
    yield element(
        "p",
        "Of each set of recordings, what the model was surest of; first those that thresholds "
        "were not chosen with.",
    )
    scenes = zip(found.false_alarms, gallery.false_alarms, strict=True)
    yield element(
        "div",
        *(false_alarm_scene(found, alarm, scene, drawn) for (alarm, scene), drawn in scenes),
        class_="pictures",
    )


def _making(found: Findings) -> Iterator[Content]:
    header = found.model.header
    yield element("p", "Licence of the model: ", element("strong", header.licence or "not stated"))
    yield element("h3", "Recordings it was trained on")
    if header.sources:
        yield bullets(header.sources)
    else:
        yield _note("The model file names none.")
    yield element("h3", "Settings of the training")
    settings = {key: value for key, value in header.training.items() if key != "history"}
    if settings:
        yield element("div", definitions(_flat(settings)), class_="settings")
    else:
        yield _note("The model file names none.")


def _flat(settings: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of nested settings."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        elif isinstance(value, list | tuple):
            yield f"{before}{key}", ", ".join(map(str, value)) or "none"
        else:
            yield f"{before}{key}", str(value)


def _few(keywords: Collection[str]) -> bool:
    return len(keywords) <= MANY


def _figure(picture: Picture) -> Html:
    return element("figure", picture.element())


def _note(text: str) -> Html:
    return element("p", text, class_="muted")
