"""Where `kws scan` writes: an interrupted scan is continued, and nothing is lost or doubled."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.cli.scan_output import FORMATS, PROGRESS_SUFFIX, FileOutput
from kws.errors import ConfigError
from kws.protocol.events import Detected

HEAD = {"model": "abc", "settings": {"hop_s": None}}
DETECTED = Detected("", 1.5, "yes", 0.75, "model")


def recordings(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{index}.wav" for index in range(count)]
    for path in paths:
        path.write_bytes(b"sound")
    return paths


def lines(path: Path) -> list[str]:
    return [Path(json.loads(line)["file"]).name for line in path.read_text().splitlines()]


def opened(file: Path, resume: bool = True, name: str = "jsonl") -> closing[FileOutput]:
    return closing(FileOutput(file, name, HEAD, resume=resume))


def scan(file: Path, paths: list[Path], name: str = "jsonl") -> list[bool]:
    """Go on with a scan; which of the recordings were done before."""
    with opened(file, name=name) as output:
        done = [output.is_done(path) for path in paths]
        for path, is_done in zip(paths, done, strict=True):
            if not is_done:
                output.write(path, DETECTED)
                output.finish(path, None)
    return done


@given(st.integers(0, 4), st.binary(max_size=40), st.binary(max_size=40))
def test_after_an_interruption_anywhere_a_scan_is_continued(
    tmp_path_factory: pytest.TempPathFactory, done: int, torn: bytes, unfinished: bytes
) -> None:
    folder = tmp_path_factory.mktemp("scan")
    paths, file = recordings(folder, 4), folder / "events.jsonl"
    scan(file, paths[:done])
    with file.open("ab") as half:
        half.write(unfinished)
    with file.with_name(file.name + PROGRESS_SUFFIX).open("ab") as half:
        half.write(torn.replace(b"\n", b""))
    assert scan(file, paths) == [True] * done + [False] * (4 - done)
    assert lines(file) == [path.name for path in paths]
    # And what is whole stays as it is.
    assert all(scan(file, paths))
    assert lines(file) == [path.name for path in paths]


def test_a_recording_that_changed_is_processed_again(tmp_path: Path) -> None:
    (path,) = recordings(tmp_path, 1)
    file = tmp_path / "events.jsonl"
    scan(file, [path])
    path.write_bytes(b"other sound")
    with opened(file) as output:
        assert not output.is_done(path)
        path.unlink()
        assert not output.is_done(path)


def test_an_error_is_kept_for_resume(tmp_path: Path) -> None:
    (path,) = recordings(tmp_path, 1)
    file = tmp_path / "events.jsonl"
    with opened(file, resume=False) as output:
        output.finish(path, "0.wav: damaged")
    with opened(file) as again:
        assert again.is_done(path)
        assert again.error_of(path) == "0.wav: damaged"


def test_a_table_has_one_head(tmp_path: Path) -> None:
    paths, file = recordings(tmp_path, 2), tmp_path / "events.csv"
    for count in (1, 2):
        scan(file, paths[:count], "csv")
    first, *rows = file.read_text().splitlines()
    assert first == "file,t,keyword,confidence"
    assert rows == [f"{path},1.5,yes,0.75" for path in paths]


def test_another_scan_is_not_continued(tmp_path: Path) -> None:
    paths, file = recordings(tmp_path, 1), tmp_path / "events.jsonl"
    scan(file, paths)
    with pytest.raises(ConfigError, match=r"events\.jsonl: exists; .*--resume"):
        FileOutput(file, "jsonl", HEAD, resume=False)
    with pytest.raises(ConfigError, match="had another model; start over with another --output"):
        FileOutput(file, "jsonl", {**HEAD, "model": "other"}, resume=True)
    with pytest.raises(ConfigError, match="had another --format; start over"):
        FileOutput(file, "csv", HEAD, resume=True)
    with pytest.raises(ConfigError, match=r"had other settings \(model\.hop_s, .*\); start over"):
        FileOutput(file, "jsonl", {**HEAD, "settings": {"hop_s": 0.2}}, resume=True)
    with pytest.raises(ConfigError, match="had another --format and another model; start over"):
        FileOutput(file, "csv", {**HEAD, "model": "other"}, resume=True)
    file.write_text("")
    with pytest.raises(ConfigError, match="is shorter than its scan left it"):
        FileOutput(file, "jsonl", HEAD, resume=True)
    file.with_name(file.name + PROGRESS_SUFFIX).write_text("no JSON\n")
    with pytest.raises(ConfigError, match=r"events\.jsonl\.progress: is damaged"):
        FileOutput(file, "jsonl", HEAD, resume=True)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        FileOutput(tmp_path / "nowhere" / "events.jsonl", "jsonl", HEAD, resume=False)


def test_a_damaged_progress_file_is_not_continued(tmp_path: Path) -> None:
    paths, file = recordings(tmp_path, 1), tmp_path / "events.jsonl"
    progress = file.with_name(file.name + PROGRESS_SUFFIX)
    scan(file, paths)
    written = file.read_bytes()
    file.unlink()
    with pytest.raises(ConfigError, match=r"jsonl: is missing, but .*jsonl\.progress of its scan"):
        FileOutput(file, "jsonl", HEAD, resume=True)
    file.write_bytes(written)
    progress.unlink()
    with pytest.raises(ConfigError, match=r"jsonl: exists; .*jsonl\.progress, .* is missing; name"):
        FileOutput(file, "jsonl", HEAD, resume=True)
    # Nor is an argument recommended that would not help.
    with pytest.raises(ConfigError, match=r"jsonl: exists; name another file$"):
        FileOutput(file, "jsonl", HEAD, resume=False)
    assert file.read_bytes() == written


@pytest.mark.parametrize(
    ("keyword", "cell"),
    [
        ("yes", "yes"),
        ("=1+1", "'=1+1"),
        ("+yes", "'+yes"),
        ("-yes", "'-yes"),
        ("@yes", "'@yes"),
        ("\tyes", "'\\u0009yes"),
        ("a,b", '"a,b"'),
        ("a\nb\x1b", "\\u000ab".join(("a", "\\u001b"))),
    ],
)
def test_a_cell_is_text_and_no_formula(keyword: str, cell: str) -> None:
    detected = Detected("", 1.5, keyword, 0.75, "model")
    assert FORMATS["csv"][1]("f.wav", detected) == f"f.wav,1.5,{cell},0.75\n"


def test_a_name_of_a_file_is_no_formula_and_stays_what_it_was() -> None:
    for name, cell in (("=a.wav", "'=a.wav"), ("a\n.wav", "a\\u000a.wav"), ("\udcff", "\udcff")):
        assert FORMATS["csv"][1](name, DETECTED) == f"{cell},1.5,yes,0.75\n"


def test_a_label_is_one_line() -> None:
    detected = Detected("", 1.5, "a\n9\t9\tb", 0.75, "model")
    assert FORMATS["audacity"][1]("", detected) == "1.500\t1.500\ta\\u000a9\\u00099\\u0009b 0.75\n"
