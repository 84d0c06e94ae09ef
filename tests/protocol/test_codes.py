"""The close codes: what is documented, and what the page goes by, are those of the daemon."""

import re
from pathlib import Path

import kws
from kws.protocol import codes as close_codes

from .test_schema import PROTOCOL

PAGE = Path(kws.__file__).parent / "serving" / "web" / "connection.js"


def test_each_code_is_documented() -> None:
    ours = {value for value in vars(close_codes).values() if type(value) is int}
    assert len(ours) == 4
    documented = re.findall(r"^\| (\d{4}) \|", PROTOCOL, re.MULTILINE)
    assert ours <= set(map(int, documented))


def test_the_page_gives_up_after_the_same_close_codes_as_other_clients() -> None:
    (final,) = re.findall(r"FINAL = new Set\(\[(.*)\]\)", PAGE.read_text())
    assert set(map(int, final.split(","))) == close_codes.FINAL
