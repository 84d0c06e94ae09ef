"""The button that mutes, and the last days."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.process import DaemonProcess
from tests.support.talker import Talker

from .page import Page
from .test_connection import enter_token

Open = Callable[..., Page]

SECRET = "open sesame"


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    return {"KWS_TOKEN": SECRET, "KWS_STATE__FOLDER": str(tmp_path)}


@pytest.fixture
def kept(state: dict[str, str]) -> Iterator[Talker]:
    """A daemon with a history and a token."""
    with Talker("--set", "history.days=7", environment=state) as daemon:
        yield daemon


def test_the_button_mutes_and_unmutes(visit: Open, state: dict[str, str]) -> None:
    with DaemonProcess("--source", "demo", environment=state) as daemon:
        page = visit(daemon.port)
        enter_token(page, SECRET)
        page.wait_until_it_hears()
        button = page.one("#mute")
        button.click()
        page.wait_for_text("#mute-state", "Muted until somebody unmutes it")
        assert (button.text, button.get_attribute("aria-pressed")) == ("Unmute", "true")
        page.wait_for_text("#events", "muted: nothing is detected")
        page.browser.refresh()
        page.wait_for_text("#mute-state", "Muted until somebody unmutes it")
        button = page.one("#mute")
        button.click()
        page.wait_for_text("#events", "unmuted: somebody has unmuted it")
        page.wait(lambda: button.text == "Mute", "the button")
        assert page.text("#mute-state") == ""


def test_without_a_token_the_page_says_why_not(page: Page) -> None:
    page.one("#mute").click()
    page.wait_for_text("#mute-state", "Not done: POST /mute needs a token, and none is set")
    # The browser remarks on each refusal.
    assert all("403" in complaint for complaint in page.console())
    assert not page.one("#days").is_displayed()


def test_the_last_days(visit: Open, kept: Talker) -> None:
    kept.say("yes", "no")
    page = visit(kept.port)
    enter_token(page, SECRET)
    page.wait_for_text("#day-event", "2 detections")
    page.run(
        "document.querySelectorAll('#days circle')[0].dispatchEvent(new MouseEvent('click',"
        " {bubbles: true}))"
    )
    page.wait_for_text("#day-event", ": yes, ")
    page.one("#not-a-word").click()
    page.wait_for_text("#day-event", "marked as not a word")
    page.browser.refresh()
    page.wait(lambda: len(page.all("#days circle.none")) == 1, "the mark, loaded again")
    assert len(page.all("#days circle")) == 2


def test_where_a_moment_lies(page: Page) -> None:
    place = "it.placeOf(new Date(given[0]), new Date(given[1]))"
    noon = "2026-11-22T12:30:00"
    assert page.module("days.js", place, noon, noon) == {"day": 0, "hour": 12.5}
    assert page.module("days.js", place, "2026-11-21T23:59:59", noon)["day"] == 1
    assert page.module("days.js", place, "2026-11-16T00:00:00", noon) == {"day": 6, "hour": 0}
