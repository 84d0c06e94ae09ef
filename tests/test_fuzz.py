"""No untrusted bytes end in anything but a value or an error that is declared.

For seconds here; `python -m bench.fuzz` does it for hours.
"""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.parsers import PARSERS

EXAMPLES = 150
_TOKENS = [b"\0", b"\xff", b"[", b"{", b'"', b"\n", b"-1", b"1e999", b"\\ud800", b"\x80" * 9]


def mutated(seed: bytes, number: int) -> bytes:
    """A seed with some bytes changed, cut, doubled or put in."""
    chance = random.Random(number)
    data = bytearray(seed)
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                del data[at : at + chance.choice((1, 4, 100))]
            case 2:
                data[at:at] = data[at : at + chance.choice((1, 4, 100))]
            case 3:
                data[at:at] = chance.choice(_TOKENS)
            case _:
                data[at : at + 4] = chance.randbytes(4)
    return bytes(data)


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_right_is_read(name: str) -> None:
    for seed in PARSERS[name].seeds():
        if name != "model graph":  # its weights are cut
            PARSERS[name].read(seed)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0), st.binary(max_size=64))
def test_what_is_not_is_refused(name: str, number: int, begin: bytes) -> None:
    parser = PARSERS[name]
    seeds = parser.seeds()
    parser.run(mutated(seeds[number % len(seeds)], number))
    parser.run(begin)
