"""Text of others, such as names, made harmless where people read it."""

import re

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters, C0 and C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # these turn the direction of what follows
    "\u2028\u2029"  # the ends of a line and of a paragraph
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible, and no part of any word
    "\ud800-\udfff"  # halves of a character, which cannot be written
    "]"
)


def escaped(text: str) -> str:
    r"""The text, with each character that a terminal or an editor would obey as \xNN or \uNNNN."""
    return _UNSAFE.sub(_escape, text)


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
            raise ValueError(f"{escaped(text)!r} has characters that cannot be shown")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
