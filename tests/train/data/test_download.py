"""Downloads from a real server on this machine."""

import hashlib
import io
import random
import re
import resource
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
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


class Server(ThreadingHTTPServer):
    """Serves `content`, or as much of it as `sent` says; counts the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/{NAME}"
        self.content = tarball({"./validation_list.txt": b"", **FILES})
        self.sent: int | None = None
        self.status = 200
        self.requests = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content[: self.server.sent])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


def config(server: Server, folder: Path) -> DownloadConfig:
    sha256 = hashlib.sha256(server.content).hexdigest()
    return DownloadConfig(folder, "v0.02", server.url, sha256.upper())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_it_brings_what_fit_reads_once(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    for _ in range(2):
        assert download(config(server, folder)) == folder / "speech_commands"
        assert names(folder) == {"speech_commands"}
    for name, content in FILES.items():
        assert (folder / "speech_commands" / name).read_bytes() == content
    assert server.requests == 1
    assert {clip.word for clip in word_clips(folder / "speech_commands")} == {"yes", "no"}


def test_the_official_checksums_are_those_of_torchaudio() -> None:
    # Read, not imported: its compiled part does not load beside a CPU torch.
    source = distribution("torchaudio").locate_file("torchaudio/datasets/speechcommands.py")
    known = dict(re.findall(r'"(http\S+)": "([0-9a-f]{64})"', Path(str(source)).read_text()))
    assert {ADDRESS.format(version=version): SHA256[version] for version in SHA256} == known


def test_an_archive_that_is_there_is_used_and_another_one_replaced(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(server.content)
    download(config(server, tmp_path))
    assert server.requests == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / NAME).write_bytes(b"12345")
    download(config(server, other))
    assert server.requests == 1
    assert names(other) == {"speech_commands"}


@pytest.mark.parametrize(("sent", "status"), [(500_000, 200), (None, 404), (None, 503)])
def test_a_server_that_fails_is_named_and_a_later_call_succeeds(
    server: Server, tmp_path: Path, sent: int | None, status: int
) -> None:
    server.sent, server.status = sent, status
    with pytest.raises(ServerError, match=f"{server.url}: cannot be downloaded: .*--url"):
        download(config(server, tmp_path))
    assert not names(tmp_path)
    server.sent, server.status = None, 200
    download(config(server, tmp_path))
    assert names(tmp_path) == {"speech_commands"}


def test_without_a_network_there_is_an_error(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/nobody-listens"
    with pytest.raises(ServerError, match=f"{url}: cannot be downloaded: .*refused"):
        download(DownloadConfig(tmp_path, url=url, sha256="0" * 64))


def test_a_wrong_checksum_is_refused(server: Server, tmp_path: Path) -> None:
    settings = config(server, tmp_path)
    server.content = tarball(FILES)
    with pytest.raises(AudioFileError, match=r"wrong checksum: .*does not match.*--sha256"):
        download(settings)
    assert not names(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tarball({**FILES, "../escape.wav": b""}), "outside the destination"),
        (tarball({**FILES, "./yes/../../escape.wav": b""}), "outside the destination"),
        (tarball(FILES, "out", tarfile.SYMTYPE, "/tmp"), "absolute path"),
        (tarball(FILES, "hard", tarfile.LNKTYPE, "/etc/passwd"), "absolute path"),
        (tarball(FILES, "null", tarfile.CHRTYPE), "special file"),
        (tarball({"text.txt": b""}), "holds no <word>/"),
        (tarball(FILES)[:500_000], "cannot be unpacked"),
        (random.Random(0).randbytes(1_000), "not a gzip file"),
    ],
)
def test_a_bad_archive_is_refused_and_removed(
    server: Server, tmp_path: Path, content: bytes, message: str
) -> None:
    server.content = content
    with pytest.raises(AudioFileError, match=message):
        download(config(server, tmp_path / "data"))
    assert names(tmp_path) == {"data"}
    assert names(tmp_path / "data") <= {NAME}


def test_a_full_disk_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(ConfigError, match=f"{tmp_path}.*: cannot be written: File too large"):
            download(config(server, tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    monkeypatch.setattr("train.data.download._NEEDED", {"v0.02": 1e18})
    with pytest.raises(ConfigError, match=r"1000000000.0 GB needed, .* GB free; make room"):
        download(DownloadConfig(tmp_path, url=server.url))


@pytest.mark.parametrize("name", ["file/data", "taken"])
def test_a_folder_that_cannot_be_used_is_named(server: Server, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "taken" / "speech_commands" / "yes").mkdir(parents=True)
    with pytest.raises(ConfigError, match=f"{tmp_path / name}.*: (cannot be written|is in the)"):
        download(config(server, tmp_path / name))
    assert not server.requests


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("version", "v9"), ("sha256", "abc"), ("url", "ftp://127.0.0.1/a"), ("url", "http://")),
        *(("url", "file:///etc/passwd"), ("url", "http://a b/c"), ("url", "http://[::1/c")),
    ],
)
def test_settings_that_cannot_be_are_named(tmp_path: Path, name: str, value: str) -> None:
    settings = {"sha256": "0" * 64, name: value}
    with pytest.raises(ConfigError, match=re.escape(value)):
        download(DownloadConfig(tmp_path, **settings))
    assert not names(tmp_path)
