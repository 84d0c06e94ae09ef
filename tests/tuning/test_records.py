"""Lines of a recording: what is written is read, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.tuning.records import Begin, Candidate, Peak, Processed, Record, decode, encode
from tests.tuning.recordings import begin

LEVELS, SECONDS = st.floats(0, 1), st.floats(0, 1e9)
WORDS = st.text(max_size=8)


@given(
    st.builds(Peak, WORDS, SECONDS, LEVELS)
    | st.builds(Candidate, WORDS, SECONDS, LEVELS, LEVELS, st.booleans())
    | st.builds(Processed, SECONDS)
    | st.dictionaries(WORDS, st.floats(0.3, 1), min_size=1, max_size=3).map(begin)
)
def test_a_line_is_read_as_it_was_written(record: Record) -> None:
    line = encode(record)
    assert line.count(b"\n") == 1
    assert decode(line) == record


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_what_is_no_line_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        decode(line)


@given(st.integers(1, 200))
def test_a_torn_line_is_refused(length: int) -> None:
    line = encode(begin({"yes": 0.5})).rstrip()
    with pytest.raises(ValueError, match=r"\S"):
        decode(line[: min(length, len(line) - 1)])


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"peak","keyword":"yes","t":1.0,"height":1.5}',
        b'{"type":"peak","keyword":"yes","t":-1.0,"height":0.5}',
        b'{"type":"processed","seconds":-3}',
        b'{"type":"processed","seconds":1e999}',
        b'{"type":"sound"}',
        encode(begin({"yes": 0.5, "no": 0.5})).replace(b'"no":0.2', b'"nope":0.2'),
    ],
)
def test_values_out_of_range_are_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        decode(line)


def test_what_decides_is_the_verifier_where_there_is_one() -> None:
    assert begin({"yes": 0.5}).in_use == {"yes": 0.5}
    verified: Begin = begin({"yes": 0.5}, verifier_thresholds={"yes": 0.9})
    assert verified.in_use == {"yes": 0.9}
