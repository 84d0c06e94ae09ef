"""Text of others, such as names, made harmless where people read it."""

import re

_OBEYED = (
    "\x00-\x1f\x7f-\x9f"  # control characters, C0 and C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # these turn the direction of what follows
    "\u2028\u2029"  # the ends of a line and of a paragraph
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible, and no part of any word
)
_UNSAFE = re.compile(f"[{_OBEYED}\ud800-\udfff]")
_UNSAFE_IN_PATH = re.compile(f"[{_OBEYED}\ud800-\udc7f\udd00-\udfff]")


def escaped(text: str) -> str:
    r"""The text, with each character that a terminal or an editor would obey as \uNNNN.

    Of a JSON text it makes one with the same content.
    """
    return _UNSAFE.sub(_escape, text)


def escaped_path(text: str) -> str:
    """The same, but bytes of a file's name that are no text come out as they went in."""
    return _UNSAFE_IN_PATH.sub(_escape, text)


def is_plain(text: str) -> bool:
    """Whether a text can be shown as it is."""
    return _UNSAFE.search(text) is None


def check_plain(*texts: str) -> None:
    """Find whether texts can be shown as they are.

    Raises:
        ValueError: one cannot; it is named, harmlessly.
    """
    for text in texts:
        if not is_plain(text):
            raise ValueError(f"'{escaped(text)}' has characters that cannot be shown")


def _escape(found: re.Match[str]) -> str:
    # Two of them for what is beyond 16 bits, as JSON has it.
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
