"""Names of others, made harmless."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.text import check_plain, escaped, is_plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n12:00:01 WARNING forged", "a\\u000a12:00:01 WARNING forged"),
        ("\x1b[31mred\x9b0m", "\\u001b[31mred\\u009b0m"),
        ("one\u2028two\u2029three", "one\\u2028two\\u2029three"),
        ("\u202eno\u2066", "\\u202eno\\u2066"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\udb40\\udc41"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown
    assert not is_plain(text)
    with pytest.raises(ValueError, match="cannot be shown") as refused:
        check_plain("fine", text)
    assert is_plain(str(refused.value))


@pytest.mark.parametrize("text", ["", "größer, größte", "мир", "क्\u200dष", "👩\u200d🔬 \\x0a"])
def test_words_in_any_language_stay(text: str) -> None:
    assert escaped(text) == text


@given(st.text(st.characters()))
def test_what_is_shown_is_plain_and_can_be_written(text: str) -> None:
    shown = escaped(text)
    assert is_plain(shown)
    assert shown.encode().decode() == shown
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in shown)
    assert escaped(shown) == shown
