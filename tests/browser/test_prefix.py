"""The page behind nginx, under a path of its own, as the documentation sets it up."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.support.client import get, get_json
from tests.support.nginx import nginx
from tests.support.process import DaemonProcess
from tests.support.speech import words

from .page import Page

Open = Callable[..., Page]

INGRESS = "/api/hassio_ingress/Pt8yLxqWzO4K-rT_lC1GhN3eXw7Jm0sV/"
"""As Home Assistant's ingress does."""


@pytest.mark.parametrize("prefix", ["/kws/", INGRESS], ids=["kws", "ingress"])
def test_page_sockets_and_worklet_work_under_a_prefix(
    visit: Open, stack: ExitStack, prefix: str
) -> None:
    daemon = stack.enter_context(DaemonProcess("--source", "network"))
    port = stack.enter_context(nginx(daemon.port, prefix))
    page = visit(port, path=prefix)
    page.wait_for_text("#connection", "Connected")
    page.one("#microphone").click()
    page.wait(page.detected, "a word in the list")
    assert page.detected()[-1] == words()[0].word
    assert get_json(daemon.port, "/health")["streams"]
    assert page.console() == []
    assert get(port, f"{prefix}health")[0] == 200
    # Without its slash a path would make all addresses of the page wrong.
    status, headers, _ = get(port, prefix.rstrip("/"))
    assert status == 301
    assert headers["Location"].endswith(prefix)
    assert get(port, "/health")[0] == 404


def test_another_page_behind_the_same_nginx_is_refused(
    stack: ExitStack, demo: DaemonProcess
) -> None:
    port = stack.enter_context(nginx(demo.port, "/kws/"))
    headers = {"Origin": "http://elsewhere.test"}
    assert get(port, "/kws/health", headers)[0] == 403
    assert get(port, "/kws/health", {"Host": "elsewhere.test"})[0] == 403
