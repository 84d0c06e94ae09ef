"""kws reports nothing to anybody: ONNX Runtime does, where it is not told otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.speech import DEMO

_TELLS = frozenset(
    {"CI", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "PYTEST_CURRENT_TEST", "TF_BUILD"}
)
"""Variables that keep ONNX Runtime from it: set by a user, or by what runs tests."""


def files_after(home: Path, *command: str) -> list[Path]:
    """What a command leaves in an empty home."""
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in _TELLS}
    environment |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("XDG_CACHE_HOME", None)
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [path for path in home.rglob("*") if path.is_file()]


def test_no_identifier_of_the_machine_is_made(tmp_path: Path) -> None:
    if not files_after(tmp_path / "untold", "-c", "import onnxruntime"):
        pytest.skip("this ONNX Runtime makes no identifier")
    assert files_after(tmp_path / "scan", "-m", "kws", "scan", str(DEMO)) == []
    assert files_after(tmp_path / "loaded", "-c", "import kws; kws.load_model()") == []
