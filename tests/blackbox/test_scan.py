"""`kws scan` over folders: several recordings at a time, interrupted and continued."""

import signal
from functools import partial
from pathlib import Path

import psutil
import pytest
import soundfile

from tests.support.limits import TIMEOUT, wait_until
from tests.support.process import json_lines, run_kws, started
from tests.support.speech import DEMO, RATE, pcm, piece, wav

COPIES = 6
"""Of a part of the demo, in a format that makes them large enough for processes of their own."""
PART_S = 16.0
RECORDING, CONFIGURATION = 1, 2


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings in a folder, one that is cut, and something else."""
    folder = tmp_path_factory.mktemp("archive")
    recording = tmp_path_factory.mktemp("recording") / "part.wav"
    soundfile.write(recording, piece(0, PART_S), RATE, "DOUBLE")
    _copy(recording, folder / "inner", COPIES)
    (folder / "cut.WAV").write_bytes(DEMO.read_bytes()[:100_000])
    (folder / "notes.txt").write_text("no recording")
    return folder


@pytest.fixture(scope="module")
def long_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose scan goes on for a while after its first event; no test waits for its end."""
    recording = tmp_path_factory.mktemp("recording") / "demo.wav"
    recording.write_bytes(DEMO.read_bytes())
    return _copy(recording, tmp_path_factory.mktemp("archive") / "inner", 10)


def _copy(recording: Path, folder: Path, times: int) -> Path:
    folder.mkdir()
    for index in range(times):
        (folder / f"{index}.wav").hardlink_to(recording)
    return folder


@pytest.fixture(scope="module")
def alone(archive: Path) -> str:
    """What comes out where one recording after the other is processed."""
    done = run_kws("scan", "--jobs", "1", str(archive))
    assert done.returncode == RECORDING
    assert "cut.WAV: cut short after 3.1 s" in done.stderr
    return done.stdout


def test_a_folder_is_its_recordings_in_the_order_of_their_names(archive: Path, alone: str) -> None:
    files = [event["file"] for event in json_lines(alone)]
    names = ["cut.WAV", *(f"inner/{index}.wav" for index in range(COPIES))]
    assert list(dict.fromkeys(files)) == [str(archive / name) for name in names]


def test_several_at_a_time_give_the_same(archive: Path, alone: str) -> None:
    together = run_kws("scan", "--jobs", "2", str(archive))
    assert (together.returncode, together.stdout) == (RECORDING, alone)
    assert together.stderr.count("ERROR") == 1


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_killed_scan_is_continued(archive: Path, alone: str, tmp_path: Path, jobs: str) -> None:
    output = tmp_path / "events.jsonl"
    arguments = ("scan", "--jobs", jobs, "--output", str(output), "--resume", str(archive))
    progress = tmp_path / "events.jsonl.progress"
    for done in (1, 3):
        with started(*arguments) as process:
            wait_until(partial(_has_lines, progress, done + 1), f"{done} recordings are done")
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
        # The others end by themselves.
        _, alive = psutil.wait_procs(children, TIMEOUT)
        assert not alive
    finished = run_kws(*arguments)
    assert finished.returncode == RECORDING
    assert finished.stdout == ""
    assert output.read_text() == alone


def _has_lines(path: Path, count: int) -> bool:
    return path.exists() and path.read_bytes().count(b"\n") >= count


def test_an_interrupt_ends_all_processes(long_archive: Path) -> None:
    with started("scan", "--jobs", "2", str(long_archive)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 128 + signal.SIGINT
        assert "Traceback" not in str(errors)
        _, alive = psutil.wait_procs(children, TIMEOUT)
        assert not alive


def test_a_killed_process_is_reported(long_archive: Path) -> None:
    with started("scan", "--jobs", "2", str(long_archive)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        workers = [
            each
            for each in psutil.Process(process.pid).children()
            if "spawn_main" in " ".join(each.cmdline())
        ]
        workers[0].kill()
        _, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == RECORDING
        assert "was ended from outside" in str(errors)
        assert "Traceback" not in str(errors)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--resume", "x.wav"), "--resume: name the file"),
        (("--jobs", "0", "x.wav"), "argument --jobs: 0: should be a whole number, 1 or more"),
        (("--jobs", "x", "x.wav"), "argument --jobs: x: should be a whole number, 1 or more"),
        (("--channel", "left", "x.wav"), "left: should be mix, or a whole number, 0 or more"),
        (("--format", "audacity", "a.wav", "b.wav"), "belongs to one file"),
    ],
)
def test_impossible_options_are_refused(arguments: tuple[str, ...], message: str) -> None:
    done = run_kws("scan", *arguments)
    assert done.returncode == CONFIGURATION
    assert message in done.stderr


def test_a_folder_without_recordings_is_reported(tmp_path: Path) -> None:
    done = run_kws("scan", str(tmp_path))
    assert done.returncode == RECORDING
    assert f"{tmp_path}: there are no recordings in this folder" in done.stderr


def test_standard_input_is_a_recording_as_well(tmp_path: Path) -> None:
    sound = piece(0, 5)
    path, whole, raw = tmp_path / "sound.wav", wav(sound), pcm(sound)
    path.write_bytes(whole)
    expected = _without_file(run_kws("scan", str(path)).stdout)
    assert expected
    for arguments, data in ((("-",), whole), (("/dev/stdin",), whole), (("-",), raw)):
        done = run_kws("scan", "--jobs", "4", *arguments, stdin=data)
        assert done.returncode == 0
        assert {line["file"] for line in json_lines(done.stdout)} == set(arguments)
        assert _without_file(done.stdout) == expected


def _without_file(lines: str) -> list[dict[str, object]]:
    return [{**line, "file": ""} for line in json_lines(lines)]


def test_what_is_no_sound_on_standard_input_is_refused() -> None:
    done = run_kws("scan", "-", stdin=b"\x1f\x8b\x08" + bytes(100))
    assert (done.returncode, done.stdout) == (RECORDING, "")
    assert "standard input: is a gzip file, not an audio file that can be read" in done.stderr


def test_files_of_a_folder_by_a_pattern(archive: Path) -> None:
    done = run_kws("scan", "--glob", "[01].wav", "--jobs", "1", str(archive))
    assert done.returncode == 0
    files = {event["file"] for event in json_lines(done.stdout)}
    assert files == {str(archive / "inner" / f"{index}.wav") for index in (0, 1)}
    nothing = run_kws("scan", "--glob", "*.flac", str(archive))
    assert (nothing.returncode, nothing.stdout) == (RECORDING, "")
    assert "there are no recordings that match --glob *.flac in this folder" in nothing.stderr
