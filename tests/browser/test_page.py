"""What the page shows of a running daemon, and how it can be used."""

from collections.abc import Mapping

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.support.client import get
from tests.support.limits import limit
from tests.support.mosquitto import HOST, free_port
from tests.support.process import DaemonProcess

from .conftest import Open
from .page import Page

THEMES = ("light", "dark")
TEXT_CONTRAST, LINE_CONTRAST = 4.5, 3.0  # WCAG 2.2, level AA
INTERACTIVE = ".bar button:enabled, select, input[type=range], textarea, #events"


def is_drawn(page: Page, canvas: str) -> bool:
    """Whether a canvas shows more than one colour."""
    drawn: bool = page.run(
        "const it = document.querySelector(arguments[0]);"
        "const all = it.getContext('2d').getImageData(0, 0, it.width, it.height).data;"
        "return new Set(new Uint32Array(all.buffer)).size > 1",
        canvas,
    )
    return drawn


def choose_theme(page: Page, theme: str) -> None:
    """As the system would."""
    features = [{"name": "prefers-color-scheme", "value": theme}]
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def test_it_shows_detections(page: Page, demo: DaemonProcess) -> None:
    assert page.text("#model") == "yes-no-up-down"
    names = [each.text for each in page.all(".lane .name b")]
    assert names == ["yes", "no", "up", "down"]
    canvases = ["#spectrogram", "#level"]
    for name in names:
        canvases += [f"[data-keyword={name}] canvas.{which}" for which in ("live", "recent")]
    page.wait(lambda: all(is_drawn(page, each) for each in canvases), "picture in all of them")
    page.wait(page.detected, "an event")
    listed = page.run(
        "const entries = [...document.querySelectorAll('#events li')];"
        "return entries.map((entry) => [Number(entry.dataset.seq),"
        " entry.querySelector('b')?.textContent])"
    )
    newest = listed[0][0]
    told = [[event["seq"], event.get("keyword")] for event in demo.events(newest)]
    # The list is not as long as the daemon may have been running.
    assert listed == told[::-1][: len(listed)]
    announced = "return document.querySelector('#announcer').textContent"
    page.wait(lambda: page.run(announced), "new event, for who does not see it")


def test_it_shows_how_the_source_is(page: Page) -> None:
    page.wait(lambda: page.all("#sources tr"), "a source")
    page.wait(lambda: "dB" in page.text("#sources .level"), "its level")
    row = page.one("#sources tr")
    assert row.find_element("css selector", "th").text.startswith("demo\n")
    assert "demo.wav, 16 kHz" in row.text
    assert float(page.text("#sources .age").removesuffix(" s ago")) < limit(3.0)
    assert page.text("#sources .drops") == "0"
    assert "subscriber" in page.text("#daemon")


def test_a_pause_keeps_the_picture_and_loses_nothing(page: Page) -> None:
    picture = "return document.querySelector('#level').toDataURL()"
    page.one("#pause").click()
    still = page.run(picture)
    newest = "return Number(document.querySelector('#events li').dataset.seq)"
    before = page.run(newest)
    page.wait(lambda: page.run(newest) > before, "an event meanwhile")
    assert page.run(picture) == still
    page.one("#pause").click()
    assert page.run(picture) != still


def test_there_are_no_errors_and_no_requests_to_other_hosts(page: Page) -> None:
    page.wait(lambda: page.all("#sources tr"), "a source")
    loaded = page.run("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert any(name.endswith("/page.js") for name in loaded)
    assert [name for name in loaded if not name.startswith(f"{page.origin}/")] == []
    assert page.console() == []


def test_foreign_scripts_and_styles_have_no_chance(page: Page, demo: DaemonProcess) -> None:
    policy = get(demo.port, "/")[1]["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page.run(
        "const script = document.createElement('script'); script.textContent = 'window.evil = 1';"
        "document.body.append(script); document.body.setAttribute('style', 'color: red');"
        "fetch('http://127.0.0.2/').catch(() => {})"
    )
    assert page.run("return window.evil") is None
    console = page.wait(page.console, "the browser complains")
    for directive in ("script-src", "style-src", "connect-src"):
        assert any(directive in complaint for complaint in console), directive


def test_every_control_is_reached_by_keyboard_and_has_a_name(page: Page) -> None:
    page.wait(lambda: page.all("#sources tr"), "a source")
    controls = page.all(INTERACTIVE)
    assert len(controls) >= 9
    reached = []
    for _ in controls:
        ActionChains(page.browser).send_keys(Keys.TAB).perform()
        reached.append(page.browser.switch_to.active_element)
    assert reached == controls
    named = [*controls, *page.all("canvas")]
    assert [each.tag_name for each in named if not each.accessible_name] == []


@pytest.mark.parametrize("theme", THEMES)
def test_colours_contrast_with_their_background(exhibit: Page, theme: str) -> None:
    choose_theme(exhibit, theme)
    names = [f"--keyword-{i}" for i in range(8)]
    texts = ("--ink", "--faint-ink", "--good", "--bad")
    found: Mapping[str, str] = exhibit.run(
        "const style = getComputedStyle(document.documentElement);"
        "const entry = (name) => [name, style.getPropertyValue(name)];"
        "return Object.fromEntries(arguments[0].map(entry))",
        ["--panel", "--page", *texts, *names],
    )
    for behind in ("--panel", "--page"):
        for name in texts:
            assert contrast(found[name], found[behind]) >= TEXT_CONTRAST, name
        for name in names:
            assert contrast(found[name], found[behind]) >= LINE_CONTRAST, name


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours, as WCAG defines it."""
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """How bright a colour is, as WCAG defines it."""
    red, green, blue = (linear(int(colour.strip()[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def test_another_theme_is_another_picture(page: Page) -> None:
    # At its left edge, where nothing has been processed yet.
    corner = (
        "const picture = document.querySelector('#spectrogram').getContext('2d');"
        "return picture.getImageData(9, 99, 1, 1).data[0]"
    )
    choose_theme(page, "light")
    page.wait(lambda: page.run(corner) > 200, "paper")
    choose_theme(page, "dark")
    page.wait(lambda: page.run(corner) < 60, "night")


def test_it_is_small(demo: DaemonProcess, page: Page) -> None:
    sizes = page.run(
        "return performance.getEntriesByType('resource')"
        ".filter(({ name }) => /[.](js|css)$/.test(name)).map((each) => each.decodedBodySize)"
    )
    assert sum(sizes) + len(get(demo.port, "/")[2]) < 90_000


def test_it_shows_other_systems_only_where_there_are_any(page: Page, visit: Open) -> None:
    assert not page.one("#integrations").is_displayed()
    url = f"integrations.mqtt.url=mqtt://{HOST}:{free_port()}"
    with DaemonProcess("--source", "demo", "--set", url) as daemon:
        other = visit(daemon.port)
        other.wait_for_text("#integrations tbody", "nothing listens there")
        other.wait_for_text("#integrations tbody", "waiting")
        assert url.partition("=")[2] in other.text("#integrations tbody th")
