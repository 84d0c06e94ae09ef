"""Pictures of the page for people: `build/screenshots`, and from there the README's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Keys

from .page import Page

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"
ENOUGH = 8
"""Events that fill the picture."""
DESKTOP, PHONE = (1360, 1), (390, 2)
"""Width, and pixels of the screen for each of the page."""


@pytest.fixture(scope="module")
def full(exhibit: Page) -> Page:
    """The page that has listened from the first test on."""
    exhibit.show()
    exhibit.wait(lambda: len(exhibit.detected()) >= ENOUGH, "events", timeout=60)
    # Stricter than the daemon, so that the pictures show what that would mean.
    exhibit.one("[data-keyword=up] input").send_keys(Keys.ARROW_RIGHT * 32)
    exhibit.run("document.activeElement.blur()")
    return exhibit


@pytest.fixture
def emulated(exhibit: Page) -> Iterator[None]:
    """What a test pretends is over with it."""
    yield
    exhibit.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    exhibit.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize(
    ("name", "theme", "screen"),
    [("light", "light", DESKTOP), ("dark", "dark", DESKTOP), ("phone", "light", PHONE)],
)
def test_a_picture_is_made(full: Page, name: str, theme: str, screen: tuple[int, int]) -> None:
    width, scale = screen
    send = full.browser.execute_cdp_cmd
    send(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": theme}]},
    )

    def resize(height: int) -> None:
        send(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": scale > 1},
        )

    resize(900)
    # Nothing sticks out to the side, and all of it goes into the picture.
    assert full.run("return document.documentElement.scrollWidth") == width
    height = full.run("return document.body.scrollHeight")
    resize(height)
    drawn = "return document.querySelector('#spectrogram').width"
    full.wait(lambda: full.run(drawn) > width * scale / 2, "it is drawn in the new size")
    FOLDER.mkdir(parents=True, exist_ok=True)
    assert full.browser.save_screenshot(str(FOLDER / f"{name}.png"))
    assert (FOLDER / f"{name}.png").stat().st_size > 50_000
