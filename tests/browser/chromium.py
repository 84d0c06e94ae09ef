"""A real browser without a screen, offline, whose microphone is the demo recording."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.support.speech import DEMO

FOREIGN_NAME = "kws.test"
"""Leads to this machine, but is no name that a browser trusts."""
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
    "--hide-scrollbars",
    "--window-size=1360,1000",
    f"--host-resolver-rules=MAP {FOREIGN_NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    f"--use-file-for-fake-audio-capture={DEMO}",
)


class MissingBrowserError(Exception):
    """There is no Chromium, or no driver for it."""


@contextmanager
def chromium() -> Iterator[Chrome]:
    """Start it, and end it.

    Raises:
        MissingBrowserError: it is not installed.
    """
    browser, driver = _find("chromium"), _find("chromedriver")
    with TemporaryDirectory(prefix="kws-", ignore_cleanup_errors=True) as folder:
        options = ChromeOptions()
        options.binary_location = str(browser)
        for flag in (*_FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # With both paths said, selenium looks for nothing on the network.
        with Chrome(options=options, service=Service(str(driver))) as started:
            yield started


def _find(command: str) -> Path:
    if found := shutil.which(command):
        return Path(found)
    raise MissingBrowserError(f"not installed: {command} (Debian: chromium, chromium-driver)")
