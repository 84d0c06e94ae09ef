"""What the page costs in a browser: CPU time and frames, in front and behind another tab.

`python -m bench.page [--seconds N] [--warm-up N] [--json]`; `bench/README.md` says what each figure
is.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass

import psutil
from selenium.webdriver import Chrome

from bench.command import add_json, number, run_program
from bench.cost import Figure, table
from bench.process import Process
from kws.errors import ConfigError
from kws.printing import parse, print_line
from tests.browser.chromium import MissingBrowserError, chromium
from tests.browser.counters import COUNTERS, counts
from tests.browser.page import Page

WIDTH, HEIGHT = 1280, 800
SETTLE_S = 5.0
"""Until a browser that was just started, or a tab that was just changed, is at rest."""


@dataclass(frozen=True)
class Span:
    """What a browser did within some seconds.

    Attributes:
        seconds: wall time.
        cpu_s: CPU time of all its processes.
    """

    seconds: float
    cpu_s: float

    @property
    def load(self) -> float:
        """CPU time in percent of a core."""
        return 100 * self.cpu_s / self.seconds


def resize(browser: Chrome) -> None:
    """Make pages `WIDTH` × `HEIGHT` CSS pixels large, the browser's own bars apart."""
    rect = browser.get_window_rect()
    inner = browser.execute_script("return innerHeight")
    browser.set_window_size(WIDTH, HEIGHT + rect["height"] - inner)


def cpu_seconds(browser: Chrome) -> float:
    """CPU time of all processes of a browser, without its driver."""
    driver = psutil.Process(browser.service.process.pid)
    times = [process.cpu_times() for process in driver.children(recursive=True)]
    return float(sum(each.user + each.system for each in times))


def measure(browser: Chrome, seconds: float) -> Span:
    """Wait so many seconds, and measure meanwhile."""
    start, before = time.perf_counter(), cpu_seconds(browser)
    time.sleep(seconds)
    return Span(time.perf_counter() - start, cpu_seconds(browser) - before)


def figures(seconds: float, warm_up: float) -> list[Figure]:
    """All figures.

    Args:
        seconds: of each measurement.
        warm_up: seconds that the page has been open before the first one.

    Raises:
        MissingBrowserError: there is no browser.
        TimeoutError: the daemon does not start.
    """
    with Process() as daemon, chromium() as browser:
        resize(browser)
        browser.get("about:blank")
        time.sleep(SETTLE_S)
        blank = measure(browser, seconds)
        with Page(browser, daemon.port, script=COUNTERS) as page:
            page.wait_until_it_hears()
            size = page.run("return [innerWidth, innerHeight]")
            if size != [WIDTH, HEIGHT]:
                raise RuntimeError(f"the page is {size}, not {WIDTH} × {HEIGHT}")
            time.sleep(warm_up)
            before = counts(page, "visible")
            visible = measure(browser, seconds)
            drawn = counts(page, "visible") - before
            browser.switch_to.window(browser.window_handles[0])
            time.sleep(SETTLE_S)
            hidden = measure(browser, seconds)
            page.show()
            behind = counts(page, "hidden")
    return [
        Figure("CPU, about:blank", blank.load, "% of a core"),
        Figure("CPU, page, beyond that", visible.load - blank.load, "% of a core", 8),
        Figure("frames drawn", drawn.frames / visible.seconds, "1/s", 10, at_least=True),
        Figure("messages received", drawn.messages / visible.seconds, "1/s"),
        Figure("drawing calls", drawn.calls / visible.seconds, "1/s"),
        Figure("hidden: CPU, beyond about:blank", hidden.load - blank.load, "% of a core"),
        Figure("hidden: frames drawn", behind.frames, "", 0),
        Figure("hidden: messages received", behind.messages / (SETTLE_S + hidden.seconds), "1/s"),
    ]


def main() -> None:
    """Measure and print; the exit code is 0 whether or not the aims are met."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument(
        "--seconds", type=number(1, 3600), default=30.0, metavar="N", help="default: 30"
    )
    parser.add_argument(
        "--warm-up", type=number(0, 3600), default=30.0, metavar="N", help="default: 30"
    )
    add_json(parser)
    options = parse(parser)
    try:
        measured = figures(options.seconds, options.warm_up)
    except MissingBrowserError as error:
        raise ConfigError(str(error)) from error
    if options.json:
        rows = [{**asdict(each), "met": each.met} for each in measured]
        print_line(json.dumps({"figures": rows}, ensure_ascii=False))
    else:
        print_line(table(measured))


if __name__ == "__main__":
    run_program(main)
