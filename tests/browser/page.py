"""The page in a tab of its own, as a person uses it."""

from collections.abc import Callable
from typing import Any, Self, TypeVar

import pytest
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.client import HOST
from tests.support.limits import TIMEOUT, limit

Value = TypeVar("Value")


class Page:
    """Opens the page in a new tab, which is closed in the end.

    Args:
        browser: where.
        port: of the daemon.
        host: name to call it by.
        script: runs in the page before its own.
        path: of the page, behind a proxy.
    """

    def __init__(
        self, browser: Chrome, port: int, host: str = HOST, script: str = "", path: str = "/"
    ) -> None:
        self.browser = browser
        self.origin = f"http://{host}:{port}"
        browser.switch_to.new_window("tab")
        self._tab = browser.current_window_handle
        if script:
            browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        self.console()  # what it said until now is not this page's
        browser.get(f"{self.origin}{path}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.show()
        self.browser.close()
        self.browser.switch_to.window(self.browser.window_handles[0])

    def show(self) -> None:
        """Bring its tab to the front."""
        self.browser.switch_to.window(self._tab)

    def all(self, selector: str) -> list[WebElement]:
        """The elements that a selector of CSS finds."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """The element that a selector of CSS finds."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """What an element shows."""
        return self.one(selector).text

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a script."""
        return self.browser.execute_script(script, *arguments)

    def module(self, name: str, script: str, *arguments: Any) -> Any:
        """The value of an expression: a module of the page is `it`, arguments are `given`."""
        return self.browser.execute_async_script(
            "const [name, given, done] = arguments;"
            f"import(name).then((it) => done({script}), (error) => done(String(error)));",
            f"/{name}",
            list(arguments),
        )

    def wait(self, condition: Callable[[], Value], what: str, timeout: float = TIMEOUT) -> Value:
        """What a condition gives, once it is true."""
        waiting = WebDriverWait(
            self.browser, limit(timeout), 0.1, ignored_exceptions=[StaleElementReferenceException]
        )
        try:
            return waiting.until(lambda _: condition())
        except TimeoutException:
            pytest.fail(f"waited for {what}; the page says: {self.text('body')}")

    def wait_for_text(self, selector: str, wanted: str) -> None:
        """Wait until an element says something."""
        self.wait(lambda: wanted in self.text(selector), f"{selector} says {wanted!r}")

    def wait_until_it_hears(self) -> None:
        """Wait until scores have come."""
        self.wait_for_text("#connection", "Connected")
        self.wait(self.receives, "a level")

    def receives(self) -> bool:
        """Whether scores have come of the stream that is shown."""
        return "dB" in self.text("#level-now")

    def detected(self) -> list[str]:
        """The keywords of the listed events, the newest first."""
        return [word.text for word in self.all("#events .detection .word")]

    def console(self) -> list[str]:
        """What the console of the browser has said since the last time."""
        entries = self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        return [str(entry["message"]) for entry in entries]
