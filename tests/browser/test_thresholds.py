"""Thresholds are moved, and what that would mean is seen and copied."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.remote.webelement import WebElement

from kws.config.load import load_config
from kws.spotting.load import load_model
from kws.spotting.spotter import Spotter

from .page import Page


@pytest.fixture
def keyword(page: Page) -> str:
    """A keyword that was detected since the page was opened."""
    return page.wait(lambda: fires(page), "peak that would fire")


def fires(page: Page) -> str:
    """A keyword with a peak that would fire; empty where there is none."""
    for lane in page.all(".lane"):
        if count(lane)[0] > 0:
            return str(lane.get_attribute("data-keyword"))
    return ""


def count(lane: WebElement) -> tuple[int, int]:
    """How many peaks of a lane would fire, and of how many."""
    found = re.match(
        r"(\d+) of (\d+) would (?:fire|be verified)", lane.find_element("class name", "count").text
    )
    return (int(found[1]), int(found[2])) if found else (0, 0)


def slider_of(page: Page, keyword: str) -> WebElement:
    return page.one(f"[data-keyword={keyword}] input[type=range]")


def threshold_of(keyword: str) -> float:
    """The default model's own."""
    return Spotter(load_model()).thresholds[keyword]


def copied(page: Page) -> str:
    """The lines for config.yaml."""
    return str(page.one("#yaml").get_property("value"))


def test_a_slider_shows_which_peaks_would_fire(page: Page, keyword: str) -> None:
    lane, slider = page.one(f"[data-keyword={keyword}]"), slider_of(page, keyword)
    peaks = "return document.querySelector(`[data-keyword=${arguments[0]}] .recent`).toDataURL()"
    page.one("#pause").click()  # so that only the slider can change something
    before, (fired, of) = page.run(peaks, keyword), count(lane)
    assert fired > 0
    slider.send_keys(Keys.END)
    assert count(lane) == (0, of)
    assert page.run(peaks, keyword) != before
    assert slider.get_attribute("aria-valuetext") in (
        f"1.00; 0 of {of} peaks would fire",
        f"1.00; 0 of {of} peaks would be verified",
    )
    page.one("#reset").click()
    assert count(lane) == (fired, of)
    assert page.run(peaks, keyword) == before


def test_what_is_copied_is_configuration(page: Page, tmp_path: Path) -> None:
    page.browser.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"origin": page.origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    assert not page.one("#copy").is_enabled()
    slider_of(page, "no").send_keys(Keys.END, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    slider_of(page, "up").send_keys(Keys.HOME)
    page.one("#copy").click()
    page.wait_for_text("#copied", "Copied")
    text = page.run("return navigator.clipboard.readText()")
    assert text == copied(page)
    wanted = {"no": {"threshold": 0.98}, "up": {"threshold": 0.01}}
    assert YAML(typ="safe").load(text) == {"keywords": wanted}
    file = tmp_path / "config.yaml"
    file.write_text(text)
    config = load_config(file)
    assert {name: each.threshold for name, each in config.keywords.items()} == {
        "no": 0.98,
        "up": 0.01,
    }


def test_at_the_old_value_there_is_nothing_to_copy(page: Page) -> None:
    slider = slider_of(page, "yes")
    slider.send_keys(Keys.ARROW_RIGHT)
    moved = round(threshold_of("yes"), 2) + 0.01
    assert f"yes: {{threshold: {moved:.2g}}}" in copied(page)
    slider.send_keys(Keys.ARROW_LEFT)
    assert copied(page) == ""


@pytest.mark.parametrize("canvas", ["live", "recent"])
def test_the_line_itself_can_be_dragged(page: Page, canvas: str) -> None:
    drawn = page.one(f"[data-keyword=yes] canvas.{canvas}")
    head, height = 10, drawn.size["height"]
    middle = height / 2
    threshold = threshold_of("yes")
    line = round(head + (1 - threshold) * (height - head) - middle)
    drag = ActionChains(page.browser, duration=50).move_to_element_with_offset(drawn, 0, line)
    drag.click_and_hold().move_by_offset(0, -12).release().perform()
    (moved,) = re.findall(r"yes: {threshold: (.*)}", copied(page))
    assert float(moved) == pytest.approx(threshold + 12 / (height - head), abs=0.03)
    # Away from the line there is nothing to take hold of.
    text = copied(page)
    drag = ActionChains(page.browser, duration=50).move_to_element_with_offset(
        drawn, 0, round(middle) - 3
    )
    drag.click_and_hold().move_by_offset(0, -12).release().perform()
    assert copied(page) == text
