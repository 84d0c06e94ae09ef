"""A wrong configuration: file, key and what is allowed; exit code 2."""

import shutil
from pathlib import Path

import pytest

from tests.support.process import run_kws

CONFIGURATION = 2
"""Exit code."""


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("server: {prot: 9000}", ("server.prot", "unknown key", "port")),
        ("keywords: {marvin: {threshold: 0.5}}", ("keywords.marvin", "yes, no, up, down")),
        ("trigger: {threshold: 0.2, release: 0.6}", ("release must be",)),
        ("model: {hop_s: 0.015}", ("model.hop_s", "0.01")),
        ("server: [", ("line", "not valid YAML")),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    """One mistake of each kind: of a key, of YAML, and those that only the model shows."""
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    done = run_kws("check", "--config", str(path))
    assert (done.returncode, done.stdout) == (CONFIGURATION, ""), done.stderr
    assert "Traceback" not in done.stderr
    for part in (str(path), *parts):
        assert part in done.stderr


def test_every_mistake_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("server: {port: -1, host: ''}\nlog: {format: xml}\n")
    done = run_kws("run", "--config", str(path))
    assert done.returncode == CONFIGURATION
    said = done.stderr.splitlines()
    assert len(said) == 3
    for key in ("server.port", "server.host", "log.format"):
        assert any(f"{path}: {key}" in line for line in said)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = run_kws("run", "--config", str(tmp_path / "none.yaml"))
    assert done.returncode == CONFIGURATION
    assert "none.yaml" in done.stderr
    assert "no such configuration file" in done.stderr


def test_an_override_and_a_variable_are_named_when_they_are_wrong() -> None:
    done = run_kws("check", "--set", "server.port=no")
    assert done.returncode == CONFIGURATION
    assert "--set server.port=no" in done.stderr
    done = run_kws("check", environment={"KWS_SERVER__PROT": "9"})
    assert done.returncode == CONFIGURATION
    assert "KWS_SERVER__PROT" in done.stderr


def test_a_variable_with_one_underscore_is_warned_of() -> None:
    done = run_kws("check", environment={"KWS_SERVER_PORT": "9000", "KWS_TOKEN": "secret"})
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    warning = "variable KWS_SERVER_PORT has no effect; did you mean KWS_SERVER__PORT?"
    assert line.endswith(f"WARNING {warning}")


def test_later_wins(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text("trigger: {threshold: 0.9}\nkeywords:\n  no: {threshold: 0.8}\n")
    variables = {"KWS_TRIGGER__THRESHOLD": "0.91"}
    done = run_kws(
        "check", "--config", str(path), "--set", "keywords.up.threshold=0.7", environment=variables
    )
    assert (done.returncode, done.stderr) == (0, "")
    for keyword, threshold in {"yes": 0.91, "no": 0.8, "up": 0.7, "down": 0.91}.items():
        assert f"keyword: {keyword}, threshold {threshold:g}," in done.stdout


def test_the_bundled_configuration_is_valid(tmp_path: Path) -> None:
    delivered = Path(__file__).parents[2] / "config.yaml"
    done = run_kws("check", "--config", str(delivered))
    assert (done.returncode, done.stderr) == (0, "")
    assert "1,089,540 parameters" in done.stdout
    # Nor does it matter where it lies, or from where kws is called.
    copy = shutil.copy(delivered, tmp_path)
    assert (
        run_kws("check", "--config", str(copy)).stdout.splitlines()[1:]
        == (done.stdout.splitlines()[1:])
    )


def test_a_token_file_without_a_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("\n")
    done = run_kws("check", "--set", f"server.token_file={path}")
    assert done.returncode == CONFIGURATION
    assert str(path) in done.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("sing",), ("scan",), ("run", "--loud"), ("scan", "--format", "xml", "x.wav")]
)
def test_a_command_line_that_makes_no_sense(arguments: tuple[str, ...]) -> None:
    done = run_kws(*arguments)
    assert (done.returncode, done.stdout) == (CONFIGURATION, "")
    assert "usage: kws" in done.stderr


def test_a_key_cannot_forge_a_line_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text('"a\\n12:00:01 ERROR   forged": 1\n')
    done = run_kws("check", "--config", str(path))
    assert done.returncode == CONFIGURATION
    (line,) = done.stderr.splitlines()
    assert r"a\u000a12:00:01 ERROR   forged: unknown key" in line


def test_a_host_that_is_no_name() -> None:
    done = run_kws("run", "--source", "demo", "--set", "server.host=xn--\u0301")
    assert done.returncode == 5
    assert "cannot listen on" in done.stderr
    assert "Traceback" not in done.stderr
