"""Events on disk: in order, bounded, and there again after whatever end."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from kws.integrations.mqtt.archive import Archive


def opened(path: Path, events: int = 100, size: int = 100_000) -> Archive:
    archive = Archive(path, events, size)
    archive.open()
    return archive


def texts(archive: Archive) -> list[str]:
    return [each.text for each in archive.after(0, 1_000)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """In a folder that is not there yet."""
    return tmp_path / "state" / "mqtt.sqlite"


def test_events_come_in_order_until_they_are_removed(path: Path) -> None:
    archive = opened(path)
    assert (archive.last, archive.after(0, 5)) == (0, [])
    for text in "abc":
        archive.add("default" if text != "c" else None, text)
    first, second, third = archive.after(0, 5)
    assert [each.text for each in (first, second, third)] == ["a", "b", "c"]
    assert (first.stream, third.stream) == ("default", None)
    assert archive.after(first.number, 1) == [second]
    archive.remove(first.number)
    archive.remove(first.number)
    assert (texts(archive), archive.waiting) == (["b", "c"], 2)
    archive.close()


def test_a_killed_daemon_loses_none(path: Path) -> None:
    archive = opened(path)
    archive.add("default", "a")
    # Nothing is closed; another process reads what is there, as after kill -9.
    again = opened(path)
    assert (texts(again), again.waiting) == (["a"], 1)
    again.add("default", "b")
    assert again.last == 2
    again.close()
    archive.close()


def test_numbers_are_not_used_again(path: Path) -> None:
    archive = opened(path)
    archive.add("default", "a")
    archive.remove(1)
    archive.add("default", "b")
    assert archive.last == 2
    archive.close()


def test_the_oldest_are_dropped_beyond_so_many(path: Path) -> None:
    archive = opened(path, events=3)
    for text in "abcde":
        archive.add("default", text)
    assert (texts(archive), archive.lost, archive.waiting) == (["c", "d", "e"], 2, 3)
    archive.close()


def test_the_oldest_are_dropped_beyond_so_many_bytes(path: Path) -> None:
    archive = opened(path, size=10)
    for text in ("ääää", "bbbb", "cccc"):
        archive.add("default", text)
    assert (texts(archive), archive.lost) == (["bbbb", "cccc"], 1)
    archive.close()
    # The bytes are known again.
    archive = opened(path, size=10)
    archive.add("default", "dddd")
    assert texts(archive) == ["cccc", "dddd"]
    archive.close()


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.6])
def test_a_torn_file_is_left_aside_and_said(
    path: Path, keep: float, caplog: pytest.LogCaptureFixture
) -> None:
    archive = opened(path)
    for number in range(200):
        archive.add("default", f"{number} {'x' * 500}")
    archive.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    archive = opened(path)
    archive.add("default", "new")
    assert texts(archive)[-1] == "new"
    if keep:
        assert "is damaged" in caplog.text
        assert path.with_name("mqtt.sqlite.damaged").exists()
    archive.close()
    again = opened(path)
    assert texts(again)[-1] == "new"
    again.close()


def test_what_is_no_database_is_left_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("something else" * 1_000)
    archive = opened(path)
    archive.add("default", "a")
    assert texts(archive) == ["a"]
    assert path.with_name("mqtt.sqlite.damaged").read_text().startswith("something else")
    archive.close()


def test_without_a_folder_events_are_kept_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    archive = opened(tmp_path / "file" / "mqtt.sqlite")
    archive.add("default", "a")
    assert texts(archive) == ["a"]
    assert caplog.text.count("cannot be used") == 1
    archive.close()


def test_a_full_disk_costs_what_is_there_and_no_event(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connect = sqlite3.connect

    def small(place: str, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(place, **options)
        if place != ":memory:":
            made.execute("pragma max_page_count = 8")
        return made

    monkeypatch.setattr("kws.integrations.mqtt.archive.sqlite3.connect", small)
    archive = opened(path)
    for number in range(100):
        archive.add("default", f"{number} {'x' * 500}")
    assert texts(archive)[-1].startswith("99 ")
    assert caplog.text.count("cannot be used (database or disk is full)") == 1
    archive.close()
