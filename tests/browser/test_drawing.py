"""What is drawn, when, and that drawing only what is new gives the same picture."""

from collections.abc import Callable

import pytest

from tests.support.process import DaemonProcess

from .counters import COUNTERS, counts
from .page import Page

Open = Callable[..., Page]

SOME = 30
"""Messages of three seconds."""
ROUNDING = 32
"""Places in single precision make the edge of a line lighter or darker, of 255."""
CHART = """
const [name, file, hops, options] = arguments;
return Promise.all([import("/history.js"), import(`/${file}`)]).then(([{ History }, charts]) => {
  const make = () => {
    const canvas = document.createElement("canvas");
    canvas.style.cssText = "width: 401px; height: 64px";
    document.body.append(canvas);
    return new charts[name](canvas, options);
  };
  const history = new History(["yes"], 0.1);
  const fired = [{ keyword: "yes", t: 20.3 }];
  const chart = make();
  for (const hop of hops) {
    history.push(hop);
    chart.draw(history, fired.filter(({ t }) => t <= history.end));
  }
  const atOnce = make();
  atOnce.draw(history, fired);
  const [bytes, others] = [chart, atOnce].map(({ canvas }) =>
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
  for (const { canvas } of [chart, atOnce]) canvas.remove();
  const differences = bytes.map((byte, i) => Math.abs(byte - others[i]));
  return [new Set(new Uint32Array(bytes.buffer)).size, Math.max(...differences)];
});
"""
"""Draws hop by hop, and all at once: number of colours, and the greatest difference of a byte."""


@pytest.fixture
def counted(visit: Open, demo: DaemonProcess) -> Page:
    """A fresh page of the demo whose drawing is counted."""
    page = visit(demo.port, script=COUNTERS)
    page.wait_until_it_hears()
    return page


def test_every_picture_is_due_to_a_message(counted: Page) -> None:
    before = counts(counted, "visible")
    counted.wait(lambda: (counts(counted, "visible") - before).messages >= SOME, f"{SOME} messages")
    since = counts(counted, "visible") - before
    # What was counted first can have been received and not yet been drawn.
    assert 0 < since.frames <= since.messages + 1
    assert since.requests <= since.messages


def test_a_hidden_page_draws_and_requests_nothing(
    counted: Page, visit: Open, demo: DaemonProcess
) -> None:
    with Page(counted.browser, demo.port, script=COUNTERS) as front:
        front.wait(lambda: counts(front, "visible").messages >= SOME, f"{SOME} messages")
    counted.show()
    behind = counts(counted, "hidden")
    assert behind.messages > 0
    assert (behind.frames, behind.calls, behind.requests, behind.fetches) == (0, 0, 0, 0)
    seen = counts(counted, "visible")
    counted.wait(
        lambda: (counts(counted, "visible") - seen).frames > 0, "a picture, now that it is seen"
    )


@pytest.mark.parametrize(
    ("name", "file"), [("LevelChart", "level.js"), ("PosteriorChart", "posterior.js")]
)
def test_what_is_drawn_bit_by_bit_is_the_same_picture(exhibit: Page, name: str, file: str) -> None:
    hops = [
        {
            "t": round(0.1 * i, 1),
            "level_db": -80 + i * 37 % 71,
            "posteriors": {"yes": i * 29 % 101 / 100},
            "smoothed": {"yes": i * 13 % 89 / 100},
        }
        for i in range(1, 421)
        if not 250 < i < 260  # sound is missing
    ]
    lane = {"index": 0, "keyword": "yes", "colour": "--keyword-0"}
    thresholds = {"threshold": 0.5, "level": 0.4, "chosen": 0.4}
    colours, difference = exhibit.run(CHART, name, file, hops, lane | thresholds)
    assert colours > 10
    assert difference < ROUNDING
