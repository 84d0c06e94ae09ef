"""What the tests of the capture share."""

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a hung call waits for; opened at the end of the test."""
    opened = threading.Event()
    yield opened
    opened.set()
