"""Downloads from a real server on this machine: one that cuts, lies, refuses and attacks."""

import hashlib
import io
import random
import re
import resource
import signal
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kws.errors import AudioFileError, ConfigError, ServerError
from train.data.clips import word_clips
from train.data.download import ADDRESS, SHA256, DownloadConfig, download

NAME = "speech_commands_v0.02.tar.gz"
FILES = {
    f"./{word}/{speaker:08x}_nohash_0.wav": random.Random(f"{word}{speaker}").randbytes(200_000)
    for word in ("yes", "no", "_background_noise_")
    for speaker in range(2)
}


def tarball(files: dict[str, bytes], name: str = "d", kind: bytes = b"5", to: str = "") -> bytes:
    """An archive of files and a member of another kind, by default a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in {**files, name: b""}.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            if path == name:
                info.type, info.linkname = kind, to
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVE = tarball({"./validation_list.txt": b"", **FILES})
CUT, REST = 500_000, "bytes=500000-"


@dataclass(frozen=True)
class Answer:
    """How one request is answered; by default as it should be."""

    status: int = 0
    sent: int | None = None  # bytes, after which the connection ends
    lie: int = 0  # added to the true length
    ranges: bool = True  # heeded
    shift: int = 0  # of the range, from what was asked for
    silent: bool = False  # until the test ends


class Server(ThreadingHTTPServer):
    """Gives its `answers` in turn, then good ones."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/{NAME}"
        self.content = ARCHIVE
        self.answers: list[Answer] = []
        self.asked: list[str | None] = []  # the ranges
        self.ended = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, start = self.server, 0
        server.asked.append(self.headers["Range"])
        answer = server.answers.pop(0) if server.answers else Answer()
        if answer.silent:
            server.ended.wait()
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        tag = f'"{hashlib.sha256(server.content).hexdigest()}"'
        part = answer.ranges and self.headers.get("If-Range", tag) == tag and asked
        if part:
            start = int(part[1]) + answer.shift
        if status := answer.status or (416 if start >= len(server.content) else 0):
            self.send_error(status)
        else:
            self.send_response(206 if part else 200)
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/*")
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(server.content) - start + answer.lie))
            self.end_headers()
            self.wfile.write(server.content[start:][: answer.sent])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("sys.stderr", io.StringIO())  # no terminal, so lines and no bar
    caplog.set_level("INFO")
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.ended.set()
        server.shutdown()


def config(server: Server, folder: Path, **changes: Any) -> DownloadConfig:
    sha256 = hashlib.sha256(server.content).hexdigest()
    whole = DownloadConfig(folder, "v0.02", server.url, sha256, attempts=3, pause=0)
    return replace(whole, **changes)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_whole(folder: Path) -> None:
    """The recordings are there, and nothing else."""
    assert names(folder) == {"speech_commands"}
    for name, content in FILES.items():
        assert (folder / "speech_commands" / name).read_bytes() == content


def test_it_brings_what_fit_reads_once(server: Server, tmp_path: Path, caplog: Any) -> None:
    folder = tmp_path / "new" / "data"
    for _ in range(2):
        assert download(config(server, folder)) == folder / "speech_commands"
        assert_whole(folder)
    assert server.asked == [None]
    assert {clip.word for clip in word_clips(folder / "speech_commands")} == {"yes", "no"}
    messages = ("downloaded 100 % of 1 MB", "unpacked 100 %", "left alone")
    assert all(message in caplog.text for message in messages)


def test_the_official_checksums_are_those_of_torchaudio() -> None:
    # Read, not imported: its compiled part does not load beside a CPU torch.
    source = distribution("torchaudio").locate_file("torchaudio/datasets/speechcommands.py")
    known = dict(re.findall(r'"(http\S+)": "([0-9a-f]{64})"', Path(str(source)).read_text()))
    assert {ADDRESS.format(version=version): SHA256[version] for version in SHA256} == known


@pytest.mark.parametrize(
    ("answers", "ranges"),
    [
        ([Answer(sent=CUT), Answer(sent=100)], [None, REST, f"bytes={CUT + 100}-"]),
        ([Answer(sent=100)] * 8, [None, *(f"bytes={100 * n}-" for n in range(1, 9))]),
        ([Answer(sent=CUT), Answer(ranges=False)], [None, REST]),
        ([Answer(sent=CUT), Answer(shift=7)], [None, REST, None]),
        ([Answer(sent=CUT), Answer(status=503)], [None, REST, REST]),
        ([Answer(status=500), Answer(status=429)], [None, None, None]),
        ([Answer(lie=1_000)], [None, f"bytes={len(ARCHIVE)}-"]),
        ([Answer(status=500, silent=True)], [None, None]),
    ],
)
def test_a_fault_that_passes_is_overcome(
    server: Server, tmp_path: Path, answers: list[Answer], ranges: list[str | None]
) -> None:
    server.answers = answers
    download(config(server, tmp_path, timeout=1 if answers[0].silent else 30))
    assert_whole(tmp_path)
    assert server.asked == ranges


@pytest.mark.parametrize(
    ("answers", "message", "count"),
    [
        ([Answer(sent=CUT), *[Answer(sent=0)] * 2], f"ended after {CUT} of {len(ARCHIVE)}", 3),
        ([Answer(sent=CUT, ranges=False)] * 3, "attempt 3 without success", 3),
        ([Answer(status=404)], "the server answers 404 Not DatasetFiles", 1),
    ],
)
def test_a_fault_that_stays_is_named_and_a_later_call_goes_on(
    server: Server, tmp_path: Path, answers: list[Answer], message: str, count: int
) -> None:
    server.answers = answers
    with pytest.raises(ServerError, match=f"{server.url}: .*{message}"):
        download(config(server, tmp_path))
    assert len(server.asked) == count
    download(config(server, tmp_path))
    assert server.asked[count] == (None if "404" in message else REST)
    assert_whole(tmp_path)


def test_a_file_that_has_changed_is_not_mixed(server: Server, tmp_path: Path) -> None:
    server.content = tarball(FILES)
    server.answers = [Answer(sent=CUT)]
    with pytest.raises(ServerError):
        download(config(server, tmp_path, attempts=1))
    server.content = ARCHIVE
    download(config(server, tmp_path))
    assert_whole(tmp_path)


@pytest.mark.parametrize(("name", "size"), [(NAME, 5), (f"{NAME}.partial", len(ARCHIVE) + 1)])
def test_a_foreign_file_is_replaced(server: Server, tmp_path: Path, name: str, size: int) -> None:
    (tmp_path / name).write_bytes(bytes(size))
    download(config(server, tmp_path))
    assert_whole(tmp_path)


def test_after_a_wrong_checksum_all_begins_anew(server: Server, tmp_path: Path) -> None:
    server.answers = [Answer(lie=-1_000)]
    for changes in ({}, {"sha256": ""}):  # too short; whole, but not the official one
        with pytest.raises(AudioFileError, match=r"wrong checksum [0-9a-f]{64} of \d+ bytes"):
            download(config(server, tmp_path, **changes))
        assert not names(tmp_path)
    download(config(server, tmp_path))
    assert server.asked == [None] * 3
    assert_whole(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tarball({**FILES, "../escape.wav": b""}), "'../escape.wav' leads out"),
        (tarball({**FILES, "./yes/../../escape.wav": b""}), "leads out"),
        (tarball({**FILES, "/tmp/escape.wav": b""}), "'/tmp/escape.wav' leads out"),
        (tarball(FILES, "out", tarfile.SYMTYPE, "/tmp"), "'out' is neither"),
        (tarball(FILES, "in", tarfile.SYMTYPE, "yes"), "'in' is neither"),
        (tarball(FILES, "hard", tarfile.LNKTYPE, "/etc/passwd"), "'hard' is neither"),
        (tarball(FILES, "null", tarfile.CHRTYPE), "'null' is neither"),
        (tarball({"yes/bomb.wav": bytes(5_000_000)}), "beyond the 2000000 bytes"),
        (tarball({f"yes/{n}.wav": b"" for n in range(500)}), "beyond the 2000000 bytes"),
        (tarball({"text.txt": b""}), "holds no <word>/"),
        (ARCHIVE[:CUT], "cannot be unpacked"),
        (random.Random(0).randbytes(1_000), "cannot be unpacked: not a gzip file"),
        (random.Random(0).randbytes(2_100_000), "more than 2000000 bytes"),
    ],
)
def test_a_bad_archive_is_refused_and_nothing_stays(
    server: Server, tmp_path: Path, content: bytes, message: str
) -> None:
    server.content = content
    with pytest.raises(AudioFileError, match=message):
        download(config(server, tmp_path / "data", size_limit=2_000_000))
    assert names(tmp_path) == {"data"}
    assert names(tmp_path / "data") <= {NAME, f"{NAME}.validator"}


@pytest.mark.parametrize("message", ["downloaded 5", "unpacked 5"])
def test_ctrl_c_loses_nothing(server: Server, tmp_path: Path, caplog: Any, message: str) -> None:
    def interrupt(record: Any) -> bool:
        if record.getMessage().startswith(message):
            caplog.handler.removeFilter(interrupt)
            signal.raise_signal(signal.SIGINT)
        return True

    caplog.handler.addFilter(interrupt)
    with pytest.raises(KeyboardInterrupt):
        download(config(server, tmp_path))
    assert all(name.startswith(NAME) for name in names(tmp_path))
    download(config(server, tmp_path))
    assert_whole(tmp_path)
    assert None not in server.asked[1:]
    assert len(server.asked) == (2 if "down" in message else 1)


def test_a_full_disk_is_named(server: Server, tmp_path: Path, monkeypatch: Any) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CUT, limits[1]))
    try:
        with pytest.raises(ConfigError, match=f"{tmp_path}: cannot be written: File too large"):
            download(config(server, tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1_000))
        with pytest.raises(ConfigError, match=f"{tmp_path}: 0.0 GB needed, 0.0 GB free"):
            download(config(server, tmp_path))
    download(config(server, tmp_path))
    assert server.asked == [None, REST, REST]
    assert_whole(tmp_path)


@pytest.mark.parametrize("name", ["file/data", "taken"])
def test_a_folder_that_cannot_be_used_is_named(server: Server, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "taken" / "speech_commands" / "yes").mkdir(parents=True)
    with pytest.raises(ConfigError, match=f"{tmp_path / name}.*: (cannot be written|is in the)"):
        download(config(server, tmp_path / name))
    assert not server.asked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("version", "v9"), ("sha256", "abc"), ("url", "ftp://127.0.0.1/a"), ("url", "http://")),
        *(("url", "file:///etc/passwd"), ("url", "http://a b/c"), ("url", "http://[::1/c")),
        ("url", "http://127.0.0.1:1/nobody-listens"),
    ],
)
def test_settings_that_cannot_be_are_named(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(ServerError if "nobody" in value else ConfigError, match=re.escape(value)):
        download(replace(DownloadConfig(tmp_path, pause=0), **{name: value}))
    assert not names(tmp_path)
