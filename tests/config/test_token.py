"""The token: from a file or the environment, without white space, never shown."""

from pathlib import Path

import pytest

from kws.config.token import find_token, read_secret
from kws.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "token"


def test_a_file_counts_before_the_environment(path: Path) -> None:
    path.write_text("from file\nmore\n")
    assert find_token(path, {"KWS_TOKEN": "from variable"}) == "from file"
    assert find_token(str(path), {}) == "from file"
    assert find_token(None, {"KWS_TOKEN": "from variable"}) == "from variable"
    assert find_token("", {}) == ""


@pytest.mark.parametrize("text", ["secret\n", " secret ", "secret\r\n", "\tsecret\n\n"])
def test_white_space_around_a_token_is_no_part_of_it(path: Path, text: str) -> None:
    assert find_token(None, {"KWS_TOKEN": text}) == "secret"
    path.write_bytes(text.encode())
    assert read_secret(path, "token") == "secret"


def test_a_file_that_a_windows_editor_wrote_is_read(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfopen sesame\r\n")
    assert read_secret(path, "token") == "open sesame"


@pytest.mark.parametrize("token", ["s3cret\x00more", "s3cret\nmore", "s3cret\x1b[0m", "s3cret\x7f"])
def test_control_characters_are_refused_without_showing_the_token(token: str) -> None:
    with pytest.raises(ConfigError, match=r"variable KWS_TOKEN: .* control characters") as caught:
        find_token(None, {"KWS_TOKEN": token})
    assert "s3cret" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    with pytest.raises(ConfigError, match=f"token file {path}: cannot be read"):
        read_secret(path, "token")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_secret(path.parent, "token")
    path.write_text("\nsecond line\n")
    with pytest.raises(ConfigError, match="put the token on its first line"):
        read_secret(path, "token")
    path.write_bytes(b"s3cret\xff\n")
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        read_secret(path, "token")
    assert "s3cret" not in str(caught.value)


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="control characters"):
        read_secret(Path("/dev/zero"), "token")
