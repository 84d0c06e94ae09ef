"""One browser for the tests of this folder, and a daemon that plays the demo.

Both end with them: a page that listens takes a part of a core.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from selenium.webdriver import Chrome

from tests.support.process import DaemonProcess

from .chromium import FOREIGN_NAME, MissingBrowserError, chromium
from .page import Page

Open = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Chrome]:
    """The browser; skips where there is none, in CI fails."""
    with ExitStack() as stack:
        try:
            started = stack.enter_context(chromium())
        except MissingBrowserError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(error))
        yield started


@pytest.fixture(scope="package")
def demo() -> Iterator[DaemonProcess]:
    """A daemon that plays the demo recording over and over, and has another name."""
    allowed = f"server.allowed_hosts=[{FOREIGN_NAME}]"
    with DaemonProcess("--source", "demo", "--set", allowed) as daemon:
        yield daemon


@pytest.fixture(scope="package")
def exhibit(browser: Chrome, demo: DaemonProcess) -> Iterator[Page]:
    """A page that listens from the first test on, to have something to show in the last."""
    with Page(browser, demo.port) as page:
        yield page


@pytest.fixture(autouse=True)
def _begin_with_the_exhibit(exhibit: Page) -> None:
    """Each test finds it open."""
    exhibit.show()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Leaves what a test enters."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def visit(browser: Chrome, stack: ExitStack) -> Open:
    """Opens pages, as `Page`, that do not outlive the test."""
    return lambda port, **options: stack.enter_context(Page(browser, port, **options))


@pytest.fixture
def page(visit: Open, demo: DaemonProcess) -> Page:
    """A fresh page of the demo."""
    page = visit(demo.port)
    page.wait_until_it_hears()
    return page
