"""HTML out of values: whatever is not markup already gets escaped, so nothing can be forgotten."""

import base64
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

_VOID = frozenset({"img", "meta"})


@dataclass(frozen=True)
class Html:
    """Text that is markup already."""

    source: str

    def __str__(self) -> str:
        return self.source


Content = Html | str
"""Markup, or text that will be escaped."""


def joined(contents: Iterable[Content]) -> Html:
    """Contents one after the other."""
    return Html("".join(_source(each) for each in contents))


def element(name: str, /, *contents: Content, **attributes: str | bool) -> Html:
    """An element.

    Args:
        name: of the element.
        contents: what is in it.
        attributes: an underscore stands for a hyphen, one at the end for nothing (`class_`);
            True is an attribute without a value, False and "" are none.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(contents)}</{name}>")


def table(
    caption: str,
    head: Sequence[Content],
    rows: Iterable[Sequence[Content]],
    texts: Container[int] = (),
) -> Html:
    """A table whose first column names the rows; where it is too wide for the page, it scrolls.

    Args:
        caption: what it shows.
        head: of the columns.
        rows: of as many cells.
        texts: columns that hold words, not figures; the first is 0.
    """

    def cells(name: str, contents: Sequence[Content], **attributes: str) -> Iterator[Html]:
        for index, content in enumerate(contents):
            kind = "text" if index in texts else ""
            if index == 0 and name == "td":
                yield element("th", content, scope="row")
            else:
                yield element(name, content, class_=kind, **attributes)

    body = (element("tr", *cells("td", row)) for row in rows)
    return scrolling(
        caption,
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", *cells("th", head, scope="col"))),
            element("tbody", *body),
        ),
    )


def scrolling(name: str, content: Html) -> Html:
    """What may be wider than a phone, so that fingers and arrow keys can move it."""
    return element("div", content, class_="wide", role="region", tabindex="0", aria_label=name)


def definitions(pairs: Iterable[tuple[Content, Content]]) -> Html:
    """Names and what stands for them."""
    return element(
        "dl",
        *(
            element("div", element("dt", name), element("dd", meaning), class_="pair")
            for name, meaning in pairs
        ),
    )


def bullets(items: Iterable[Content]) -> Html:
    """A list."""
    return element("ul", *(element("li", item) for item in items))


def data_address(kind: str, content: bytes) -> str:
    """An address that holds what it points to.

    Args:
        kind: MIME type.
        content: of that type.
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _source(content: Content) -> str:
    return content.source if isinstance(content, Html) else escape(content, quote=False)


def _attribute(name: str, value: str | bool) -> str:
    if value is False or value == "":
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
