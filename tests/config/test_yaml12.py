"""YAML: the values of the core schema, and everything that is refused, with its line."""

import io
import math
import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from kws.config import yaml12
from kws.config.yaml12 import MAX_ALIASED, MAX_BYTES, MAX_DEPTH, MAX_DIGITS, parse_yaml, read_yaml
from kws.errors import ConfigError

DIFFERENCES = [
    # (text, its value here, its value in ruamel.yaml): the core schema knows no dates, no binary
    # numbers, no underscores in numbers and no sign before 0x and 0o, and a float may begin with
    # its point and have an exponent.
    ("2026-11-22", "2026-11-22", date(2026, 11, 22)),
    ("0b101", "0b101", 5),
    ("1_000", "1_000", 1000),
    ("1_0.5", "1_0.5", 10.5),
    ("-0x1F", "-0x1F", -31),
    ("+0o17", "+0o17", 15),
    (".5e1", 5.0, ".5e1"),
    ("%YAML 1.1\n---\nyes", "yes", True),
    ("!!int '5'", ConfigError, 5),
    ("!!binary aGk=", ConfigError, b"hi"),
    ("{a: &a {b: 1}, c: {<<: *a}}", ConfigError, {"a": {"b": 1}, "c": {"b": 1}}),
    ("? [1]\n: 2", ConfigError, {(1,): 2}),
    ("=", "=", YAMLError),
    (r'"\0"', ConfigError, "\0"),
    (": 1", ConfigError, {None: 1}),
    ("9" * 101, ConfigError, int("9" * 101)),
]
DIFFERENT_NUMBERS = re.compile(
    r".*_.*|[-+]?0b.*|[-+]0[xo].*|[0-9]{4}-[0-9]{2}-[0-9]{2}|[-+]?\.[0-9]+[eE].*"
)


def oracle(text: str) -> Any:
    """What ruamel.yaml reads, in YAML 1.2."""
    return YAML(typ="safe", pure=True).load(text)


def same(one: Any, other: Any) -> bool:
    """Whether values are equal and of the same types; NaN equals itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, dict):
        return same(sorted(one.items(), key=repr), sorted(other.items(), key=repr))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


WORDS = """
    yes no on off y n true True TRUE tRUE false FALSE null Null NULL ~ nULL .inf -.INF +.Inf
    .nan .NaN .nAN 010 0o17 0O17 0x1F 0xg 1e3 1e 1.5E-3 . .5 5. -.5 + -0 12:30 1:2:3 1,000 1.2.3
    2026-13-45 NaN inf +1 --1 http://x a#b
""".split()  # noqa: SIM905
scalars = st.sampled_from(WORDS) | st.text("0123456789+.eExXoabnfNTul~", min_size=1, max_size=7)
plain = scalars.filter(lambda text: not DIFFERENT_NUMBERS.fullmatch(text))
# The oracle does not read back the other line breaks that it writes.
texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\ufeff\x85\u2028\u2029"), max_size=12
).filter(lambda text: not DIFFERENT_NUMBERS.fullmatch(text))
numbers = st.integers(-(10**30), 10**30) | st.floats()
leaves = st.none() | st.booleans() | numbers | texts | st.sampled_from(WORDS)
keys = texts | st.sampled_from(WORDS)
values = st.recursive(
    leaves,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=4),
    max_leaves=10,
)


@given(plain)
def test_plain_text_means_what_it_means_to_the_oracle(text: str) -> None:
    try:
        wanted = oracle(text)
    except (YAMLError, ValueError):
        with pytest.raises(ConfigError):
            parse_yaml(text, "text")
    else:
        assert same(parse_yaml(text, "text"), wanted)


@given(st.lists(plain, max_size=5), st.dictionaries(plain, plain, max_size=5))
def test_lists_and_sections_are_those_of_the_oracle(
    items: list[str], section: dict[str, str]
) -> None:
    block = "list:\n" + "".join(f"- {item}\n" for item in items)
    block += "section:\n" + "".join(f"  {key!r}: {value}\n" for key, value in section.items())
    assert same(parse_yaml(block, "text"), oracle(block))


@given(values, st.booleans())
@example({"yes": {"threshold": 0.9}}, False)
def test_what_the_oracle_writes_is_read_back(value: Any, flow: bool) -> None:
    writer, stream = YAML(typ="safe", pure=True), io.StringIO()
    writer.default_flow_style = flow
    writer.dump(value, stream)
    text = stream.getvalue()
    # libyaml refuses, and does not misread, a plain scalar in brackets that begins with a colon.
    assume(not re.search(r"[{,\[]\s*:\S", text))
    assert same(parse_yaml(text, "text"), value)
    assert same(oracle(text), value)


@pytest.mark.parametrize(("text", "here", "there"), DIFFERENCES)
def test_every_deliberate_difference_to_the_oracle(text: str, here: Any, there: Any) -> None:
    if there is YAMLError:
        with pytest.raises(YAMLError):
            oracle(text)
    else:
        assert same(oracle(text), there)
    if here is ConfigError:
        with pytest.raises(ConfigError):
            parse_yaml(text, "text")
    else:
        assert same(parse_yaml(text, "text"), here)


@given(st.text() | st.text(alphabet="[]{}:,-?&*!|>'\"%@`# \n\ta1<.", max_size=30))
@example("[" * 3000)
@example("- " * 3000)
@example("{a: " * 3000)
@example("\ud800")
def test_any_text_is_a_value_or_an_error_with_its_source(text: str) -> None:
    problem = "here: none"
    try:
        parse_yaml(text, "here")
    except ConfigError as error:
        problem = str(error)
    assert re.fullmatch(r"here(, line [0-9]+)?: .+", problem)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n\t- 2", r"line 3: not valid YAML: found character that cannot start any token"),
        ("a: 1\nb: '\0'", r"line 2: not valid YAML: the character '\\x00' is not allowed"),
        ("a: 1\nb: \x1b[0m", r"line 2: not valid YAML: the character '\\x1b'"),
        ("a: {b: 1,\n c: 2,\n b: 3}", r"line 3: not valid YAML: found duplicate key 'b'"),
        ("1: x\n0x1: y", r"line 2: not valid YAML: found duplicate key 1"),
        ("a: 1\n--- 2", r"line 2: kws does not read a second document"),
        ("a:\n  <<: {b: 1}", r"line 2: kws does not read a merge key"),
        ("a: 1\n? {b: 1}\n: 2", r"line 2: kws does not read a list or section as a key"),
        ("a: &x [1]\n*x : 2", r"line 2: kws does not read a list or section as a key"),
        ("a: 1\nb: !!python/name:os.system", r"line 2: .* the tag !!python/name:os.system"),
        ("!!python/object/apply:os.system [x]", r"line 1: .* the tag !!python/object/apply"),
        ("a: !!timestamp 2026-11-22", r"line 1: .* the tag !!timestamp"),
        ("a: !mine {b: 1}", r"line 1: .* the tag !mine"),
        ("a: 1\nb: *x", r"line 2: not valid YAML: no anchor &x before this alias"),
        ("a: &x [*x]", r"line 1: not valid YAML: no anchor &x before this alias"),
        ("a: 1\nb: " + "7" * 5000, r"line 2: kws does not read numbers of more than 100"),
        ("a: 0x" + "7" * 5000, r"line 1: kws does not read numbers of more than 100"),
        ("a: ." + "7" * 5000, r"line 1: kws does not read numbers of more than 100"),
        ("\n" * 4 + "[" * 65, r"line 5: kws does not read more than 64 levels of nesting"),
        ("[" * 3000, r"line 1: "),
        ('a: "\\ud800"', r"line 1: not valid YAML: found invalid Unicode character escape"),
        ('a: 1\nb: "x\\0"', r"line 2: kws does not read text with"),
        ("%YAML 2.0\n---\na: 1", r"line 1: not valid YAML: found incompatible YAML document"),
    ],
    ids=lambda text: text[:24],
)
def test_what_is_refused_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^file, {message}"):
        parse_yaml(text, "file")


def test_nesting_numbers_and_text_up_to_the_limits_are_read() -> None:
    value = parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH, "text")
    for _ in range(MAX_DEPTH - 1):
        (value,) = value
    assert value == []
    assert parse_yaml("9" * MAX_DIGITS, "text") == int("9" * MAX_DIGITS)
    assert parse_yaml("a" * 5000, "text") == "a" * 5000
    assert parse_yaml("!!str 5", "text") == "5"


def test_each_alias_is_a_value_of_its_own() -> None:
    value = parse_yaml("yes: &strict {threshold: 0.9}\nno: *strict", "text")
    assert value == {"yes": {"threshold": 0.9}, "no": {"threshold": 0.9}}
    value["yes"]["threshold"] = 0.5
    assert value["no"] == {"threshold": 0.9}


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 10):
        names = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{names}]")
    with pytest.raises(ConfigError, match=r"line [45]: kws does not read aliases that repeat more"):
        parse_yaml("\n".join(lines), "text")
    long = f"a: &a [{'x, ' * (MAX_ALIASED // 2)}]\nb: *a"
    assert len(parse_yaml(long, "text")["b"]) == MAX_ALIASED // 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfa: 1\nb: x\n", b"a: 1\r\nb: x\r\n", b"a: 1\nb: x", b"{a: 1, b: x}"]
)
def test_files_of_other_editors_are_read(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert read_yaml(path) == {"a": 1, "b": "x"}


def test_what_is_no_text_file_of_a_sensible_size_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        read_yaml(path)
    path.write_bytes(b"a: 1\nb: \xff")
    with pytest.raises(ConfigError, match=r"config\.yaml, line 2: cannot be read: it is not UTF-8"):
        read_yaml(path)
    path.write_text("a: 1".encode("utf-16").decode("latin-1"), encoding="latin-1")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_yaml(path)
    path.write_bytes(b"#" * MAX_BYTES)
    assert read_yaml(path) is None
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than 1048576 bytes"):
        read_yaml(path)


def test_a_device_a_pipe_and_a_folder_are_no_files(path: Path) -> None:
    os.mkfifo(path)
    for other in (Path("/dev/zero"), path, path.parent):
        with pytest.raises(ConfigError, match=f"{other}: cannot be read: it is not a regular file"):
            read_yaml(other)


def test_without_libyaml_the_same_is_read_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml12, "_Loader", yaml.SafeLoader)
    assert parse_yaml("a: &x [1, no, 010, 12:30]\nb: *x", "text")["b"] == [1, "no", 10, "12:30"]
    for text in ("a: 1\na: 2", "[" * 3000, "a: !!binary x", "a: [", "a: 1\n---\nb: 2", "\ta: 1"):
        with pytest.raises(ConfigError, match=r"^text, line [1-3]: "):
            parse_yaml(text, "text")
