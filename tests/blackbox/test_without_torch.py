"""kws where PyTorch cannot be imported: it is for training only, and where it is asked for."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.client import get_json
from tests.support.process import DaemonProcess, clean_environment, json_lines, run_kws
from tests.support.speech import DEMO, assert_heard_once, words

CONFIGURATION = 2
"""Exit code."""


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """Has a package before the real torch that fails when anything imports it."""
    (tmp_path / "torch").mkdir()
    code = "raise SystemExit('torch was imported')\n"
    (tmp_path / "torch" / "__init__.py").write_text(code)
    return {"PYTHONPATH": str(tmp_path)}


def test_the_real_torch_is_out_of_reach(environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import torch"],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "torch was imported" in done.stderr


def test_the_public_names_need_no_torch(environment: Mapping[str, str]) -> None:
    code = "import kws; [getattr(kws, name) for name in kws.__all__]; kws.load_model()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_scan_finds_the_demo_s_words(environment: Mapping[str, str]) -> None:
    done = run_kws("scan", str(DEMO), environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert_heard_once(json_lines(done.stdout), words())


def test_the_daemon_finds_the_demo_s_words(environment: Mapping[str, str]) -> None:
    with DaemonProcess("--source", str(DEMO), environment=environment) as daemon:
        assert daemon.finish() == 0, daemon.all_stderr()
        assert_heard_once(daemon.all_events(), words())


def test_info_names_the_engine(environment: Mapping[str, str]) -> None:
    with DaemonProcess("--source", "demo", environment=environment) as daemon:
        daemon.ready()
        info = get_json(daemon.port, "/info")
        assert daemon.stop() == 0
    assert list(info)[:5] == ["model", "classes", "n_classes", "device", "parameters"]
    assert [info[name] for name in list(info)[:5]] == [
        "SmallCNN",
        ["yes", "no", "up", "down"],
        4,
        "cpu",
        1_089_540,
    ]


def test_engine_torch_without_torch_is_refused_with_the_command_to_install_it() -> None:
    # A module that is None in sys.modules is one that is not installed.
    hidden = (
        "import sys; sys.modules['torch'] = None; from kws.cli.main import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", hidden, "check", "--set", "model.engine=torch"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == CONFIGURATION, done.stderr
    assert done.stderr.count("\n") == 1
    assert "model.engine: torch is not installed" in done.stderr
