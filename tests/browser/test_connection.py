"""Who may connect, and what becomes of a page whose daemon goes."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Keys

from tests.support.process import DaemonProcess
from tests.support.talker import Talker

from .page import Page

Open = Callable[..., Page]

SECRET = "open sesame"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Talker]:
    """A daemon that asks for a token, and keeps the sound of events."""
    keep = ("--set", "server.keep_audio_s=60")
    with Talker(*keep, environment={"KWS_TOKEN": SECRET}) as daemon:
        yield daemon


def enter_token(page: Page, token: str) -> None:
    page.wait(page.one("#token").is_displayed, "the field for the token")
    page.one("#token").send_keys(token)
    page.one("#token-form button").click()


def test_the_token_is_asked_for_until_it_is_right(visit: Open, guarded: Talker) -> None:
    page = visit(guarded.port)
    page.wait_for_text("#token-form", "This daemon asks for a token.")
    enter_token(page, "open barley")
    page.wait_for_text("#token-form", "That token is wrong.")
    enter_token(page, SECRET)
    page.wait_for_text("#connection", "Connected")
    assert not page.one("#token-form").is_displayed()
    # It is kept for this tab, and in no other place.
    page.browser.refresh()
    page.wait_for_text("#connection", "Connected")
    assert page.run("return [localStorage.length, document.cookie]") == [0, ""]
    assert SECRET not in page.browser.current_url


def test_the_audio_of_an_event_is_played(visit: Open, guarded: Talker) -> None:
    page = visit(guarded.port)
    enter_token(page, SECRET)
    page.wait_for_text("#privacy", "for 60 s")
    page.wait_for_text("#connection", "Connected")
    assert all("401" in complaint for complaint in page.console())
    guarded.say("yes")
    page.wait(page.detected, "the event")
    button = page.one("#events .detection button")
    assert button.accessible_name.startswith("Hear yes of ")
    button.click()
    player = "const it = document.querySelector('#player'); return [it.ended, it.duration]"
    page.wait(lambda: page.run(player) == [True, 1], "a second of sound was played")
    assert page.console() == []


def test_without_kept_audio_nothing_can_be_played(page: Page) -> None:
    page.wait(page.detected, "an event")
    assert not page.one("#events .detection button").is_displayed()
    page.one("#events .detection").click()
    assert "keeps no audio" in page.text("#privacy")
    assert page.run("return document.querySelector('#player').currentSrc") == ""


def test_a_restarted_daemon_is_connected_to_again(visit: Open) -> None:
    with Talker() as first:
        port = first.port
        page = visit(port)
        page.wait_for_text("#connection", "Connected")
        first.say("no")
        page.wait(page.detected, "an event")
        assert first.stop() == 0
    page.wait_for_text("#connection", "Connection lost")
    with DaemonProcess("--source", "demo", "--set", f"server.port={port}"):
        page.wait_for_text("#connection", "the daemon was restarted")
        page.wait(page.receives, "scores of the new daemon")
        page.wait(
            lambda: page.detected()[-2:] == ["yes", "no"], "its first event above the old one"
        )
        assert "The daemon was restarted" in page.text("#events .remark")


def test_thresholds_that_were_read_again_are_shown(visit: Open, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("audio: {source: demo}\n")
    with DaemonProcess("--config", str(config)) as daemon:
        page = visit(daemon.port)
        page.wait_until_it_hears()
        slider_of_up = page.one("[data-keyword=up] input")
        slider_of_up.send_keys(Keys.END)
        config.write_text("audio: {source: demo}\nkeywords: {no: {threshold: 0.87}}\n")
        daemon.process.send_signal(signal.SIGHUP)
        page.wait_for_text("#events", "configuration and model were read again")
        page.wait_for_text("[data-keyword=no] .value", "0.87")
        assert page.text("[data-keyword=up] .value") == "1.00"  # what was chosen here stays
