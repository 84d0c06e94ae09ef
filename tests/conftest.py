"""What all tests share."""

import os
import signal
import tempfile
from pathlib import Path

# Read when numpy is first imported; test processes run beside each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


import pytest
import torch
from hypothesis import settings

# Examples take as long as the machine is busy; how long is no property of the code.
settings.register_profile("kws", deadline=None)
settings.load_profile("kws")
torch.set_num_threads(1)
# Whoever runs the tests may have a configuration and models of kws; they are not meant.
_HOME = tempfile.TemporaryDirectory(prefix="kws-tests-")
os.environ["XDG_CONFIG_HOME"] = _HOME.name
os.environ.pop("STATE_DIRECTORY", None)


_FIRST = ("blackbox/test_losses.py", "systemd", "browser", "blackbox", "train")
"""What takes longest, or waits for microphones to come back while others compute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, for several workers to end at about the same time."""
    items.sort(key=lambda item: _rank(item.path.relative_to(Path(__file__).parent).as_posix()))


def _rank(path: str) -> int:
    return next((at for at, each in enumerate(_FIRST) if path.startswith(each)), len(_FIRST))


@pytest.fixture(scope="session", autouse=True)
def signals() -> None:
    """Have SIGINT and SIGHUP, also in processes that tests start, where a background shell or nohup
    ignores them."""
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)
