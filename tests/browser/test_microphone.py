"""This browser's microphone, with the demo recording in it, is processed by the daemon."""

from collections.abc import Callable

from selenium.webdriver.support.select import Select

from tests.support.client import get_json
from tests.support.process import DaemonProcess
from tests.support.speech import words

from .chromium import FOREIGN_NAME
from .page import Page

Open = Callable[..., Page]

SOME = 3


def test_words_from_the_browser_are_detected(visit: Open) -> None:
    with DaemonProcess("--source", "network") as daemon:
        page = visit(daemon.port)
        page.wait_for_text("#connection", "Connected")
        page.wait_for_text("#stream", "no stream yet")
        page.one("#microphone").click()
        page.wait(lambda: len(page.detected()) >= SOME, "words in the list")
        detected = page.detected()[::-1]
        expected = [word.word for word in words()]
        assert detected == expected[: len(detected)]
        stream = page.text("#events .detection .stream")
        assert stream.startswith("browser-")
        page.wait_for_text("#microphone-state", f"as {stream}")
        assert Select(page.one("#stream")).first_selected_option.text == f"{stream} (this browser)"
        [state] = get_json(daemon.port, "/health")["streams"]
        assert (state["stream"], state["channels"], state["dropped_samples"]) == (stream, 1, 0)
        page.one("#microphone").click()
        page.wait_for_text("#events", "stream ended: its sender ended it")
        assert page.text("#microphone") == "Use this browser's microphone"
        assert page.console() == []
        events = [line for line in daemon.events(len(detected) + 1) if line["type"] == "detection"]
        assert {event["stream"] for event in events} == {stream}


def test_another_stream_can_be_looked_at(visit: Open, demo: DaemonProcess) -> None:
    page = visit(demo.port)
    page.wait_until_it_hears()
    page.one("#microphone").click()
    page.wait_for_text("#microphone-state", "Streaming")
    page.wait(lambda: "(this browser)" in page.text("#stream"), "it can be chosen")
    page.wait(lambda: page.text("#sources").count("dB") == 2, "the level of both sources")
    picture = page.one("#spectrogram")
    assert "browser-" in picture.accessible_name
    Select(page.one("#stream")).select_by_visible_text("demo (demo recording)")
    page.wait(lambda: " of demo," in picture.accessible_name, "the picture of another stream")
    page.wait(page.receives, "the demo's level")


def test_without_a_microphone_the_page_shows_why(visit: Open, demo: DaemonProcess) -> None:
    page = visit(demo.port, host=FOREIGN_NAME)
    page.wait_until_it_hears()
    assert not page.one("#microphone").is_enabled()
    told = page.text("#microphone-state")
    assert "https" in told
    assert f"http://localhost:{demo.port}" in told
