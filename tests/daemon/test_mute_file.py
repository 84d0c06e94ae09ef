"""The file that says whether a daemon is muted: kept as a whole, and read with care."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.daemon.mute_file import NAME, MuteFile
from kws.typing import MuteState

NOW = 1_700_000_000.0
OPEN = MuteState(muted=False)


@pytest.mark.parametrize("state", [OPEN, MuteState(True), MuteState(True, 60.0)])
def test_a_state_is_read_as_it_was_written(tmp_path: Path, state: MuteState) -> None:
    file = MuteFile(tmp_path / "new" / "kws")
    assert file.read(NOW) == OPEN
    assert file.write(MuteState(True), NOW)
    assert file.write(state, NOW)
    assert file.read(NOW) == state
    left = {path.name for path in (tmp_path / "new" / "kws").iterdir()}
    assert left == ({NAME} if state.muted else set())


def test_the_time_that_has_passed_counts_and_a_clock_that_was_set_back_does_not(
    tmp_path: Path,
) -> None:
    file = MuteFile(tmp_path)
    file.write(MuteState(True, 60.0), NOW)
    assert file.read(NOW + 20) == MuteState(True, 40.0)
    assert file.read(NOW + 60) == OPEN
    # As on a machine without a clock of its own, before it has asked for the time.
    assert file.read(0.0) == MuteState(True, 60.0)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    MuteFile(tmp_path / "kws").write(MuteState(True), NOW)
    assert (tmp_path / "kws").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "kws" / NAME).stat().st_mode & 0o777 == 0o600


@given(st.binary(max_size=40) | st.sampled_from([b'{"seconds":1}', b"[]", b'{"until":"x"}']))
def test_what_cannot_be_read_counts_as_muted(content: bytes) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        (Path(folder) / NAME).write_bytes(content)
        assert MuteFile(Path(folder)).read(NOW).muted


def test_a_folder_that_cannot_be_written_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    file = MuteFile(tmp_path / "file")
    assert file.read(NOW) == OPEN
    assert not file.write(MuteState(True), NOW)
    assert not MuteFile(None).write(MuteState(True), NOW)
    assert [each.getMessage().split(": ")[-1] for each in caplog.records] == [
        "a restart will unmute the daemon",
        "there is none here, so a restart will unmute the daemon",
    ]
    assert all("state.folder" in each.getMessage() for each in caplog.records)
