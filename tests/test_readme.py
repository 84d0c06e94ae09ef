"""What the README and the pages of `docs/` show works as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kws.cli.main import COMMANDS
from kws.config.load import load_config

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (REPOSITORY / "docs").glob("*.md")}
DAEMON = "\n".join(
    (README, *(text for name, text in PAGES.items() if name not in ("models", "training")))
)
"""What is about the daemon's configuration, not the trainer's."""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("text", [README, PAGES["programs"]], ids=["README", "programs"])
def test_the_example_in_python_detects_the_words_of_the_demo(text: str) -> None:
    (example,) = (block for block in blocks(text, "python") if "kws.load_model" in block)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "yes" in done.stdout
    assert "down" in done.stdout


def test_the_examples_of_configuration_are_right(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    examples = blocks(DAEMON, "yaml") + blocks(PAGES["models"], "yaml")
    assert examples
    for block in examples:
        path.write_text(block)
        load_config(path)
    overrides = re.findall(r"`--set ([\w.]+=[\w.]+)`", DAEMON)
    assert overrides
    load_config(overrides=overrides)
    variables = dict(re.findall(r"`(?:-e )?(KWS_\w+__\w+)=([\w.]+)`", DAEMON))
    assert variables
    load_config(environment=variables)


def test_every_command_is_shown() -> None:
    for command in COMMANDS:
        assert f"`kws {command}" in README


def test_every_dependency_has_its_line() -> None:
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    (section,) = re.findall(r"^dependencies = \[(.*?)^\]", project, re.DOTALL | re.MULTILINE)
    for name in re.findall(r'"([\w.-]+)>=', section):
        assert f"| {name} |" in README


def test_every_exit_code_is_explained() -> None:
    from kws import errors

    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    for code in {each.exit_code for each in classes if issubclass(each, errors.KwsError)}:
        assert f"| {code} |" in PAGES["troubleshooting"]
