"""The page of a report: one file that needs nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import kws
from train.reporting.findings import Findings
from train.reporting.gallery import Gallery
from train.reporting.html import Html, bullets, element
from train.reporting.sections import Section, sections
from train.reporting.style import SCRIPT, STYLE
from train.reporting.verdict import (
    HEADLINES,
    Finding,
    judgements,
    key_figures,
    limits,
    overall,
    thresholds,
)


def page(found: Findings, gallery: Gallery) -> str:
    """The page as HTML.

    Args:
        found: what it tells.
        gallery: the pictures in it.
    """
    header = found.model.header
    told = list(sections(found, gallery))
    links = [element("a", name, href=f"#{anchor}") for anchor, name, _ in told]
    body = element(
        "body",
        element("a", "To the verdict", href="#verdict", class_="skip"),
        element(
            "header",
            element("p", "Report on a keyword spotter", class_="over"),
            element("h1", header.name),
            element("p", _subject(found), class_="muted"),
        ),
        element("main", _verdict(found), _contents(links), *map(_section, told)),
        element("footer", element("p", _made_of(found))),
        element("script", Html(SCRIPT)),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy()),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{header.name}: report on a keyword spotter"),
        element("style", Html(STYLE)),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _policy() -> str:
    """What a browser may do with the page: run its script, and load nothing from anywhere."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    return (
        "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )


def _section(section: Section) -> Html:
    anchor, title, contents = section
    return element("section", element("h2", title), *contents, id=anchor)


def _contents(links: Sequence[Html]) -> Html:
    items = element("ul", *(element("li", link) for link in links))
    return element("nav", items, aria_label="Contents")


def _verdict(found: Findings) -> Html:
    judged = judgements(found.streams)
    verdict = overall(judged)
    tiles = (
        element(
            "div",
            element("dt", each.name),
            element("dd", each.value, class_="value"),
            element("dd", each.detail, class_="detail"),
            class_="tile",
        )
        for each in key_figures(found)
    )
    aims = (
        element(
            "li",
            element("strong", each.finding, class_=f"mark {_tone(each.finding)}"),
            element("span", element("b", each.aim), f": {each.evidence}."),
        )
        for each in judged
    )
    return element(
        "section",
        element("h2", HEADLINES[verdict]),
        element("ul", *aims, class_="aims"),
        element("dl", *tiles, class_="tiles"),
        element("p", thresholds(found.streams)),
        element("h3", "What these hours can show, and what not"),
        bullets(limits(found.streams)),
        class_=f"verdict {_tone(verdict)}",
        id="verdict",
    )


def _subject(found: Findings) -> str:
    model = found.model
    place = "anywhere in speech" if model.header.context == "anywhere" else "between pauses"
    return (
        f"Hears {', '.join(model.classes)} {place}. {model.header.architecture}, "
        f"{model.parameters:,} parameters, every {1000 * model.header.hop_s:g} ms."
    )


def _made_of(found: Findings) -> str:
    return (
        f"Made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by kws {kws.__version__} of "
        f"{found.path.name} (SHA-256 {found.digest}) with the {found.streams.split} clips and the "
        f"audio in {found.data.absolute().name}."
    )


def _tone(finding: Finding) -> str:
    return {"met": "tone-good", "not met": "tone-bad"}.get(finding, "tone-unsure")
