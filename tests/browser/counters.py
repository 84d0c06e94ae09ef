"""Counts what the page draws and receives, without a frame of its own."""

from dataclasses import dataclass

from .page import Page

COUNTERS = """
const zeros = () => ({ frames: 0, calls: 0, requests: 0, fetches: 0, messages: 0 });
const counted = window.counted = { visible: zeros(), hidden: zeros() };
const now = () => counted[document.visibilityState];
const methods = CanvasRenderingContext2D.prototype;
let lastFrame = null;
for (const name of ["clearRect", "drawImage", "fill", "fillRect", "fillText", "putImageData",
  "stroke", "strokeRect"]) {
  const method = methods[name];
  methods[name] = function (...values) {
    if (this.canvas.isConnected) {
      now().calls += 1;
      // The same from one frame of the browser to the next.
      if (document.timeline.currentTime !== lastFrame) now().frames += 1;
      lastFrame = document.timeline.currentTime;
    }
    return method.apply(this, values);
  };
}
for (const [name, count] of [["requestAnimationFrame", "requests"], ["fetch", "fetches"]]) {
  const method = window[name];
  window[name] = (...values) => {
    now()[count] += 1;
    return method.apply(window, values);
  };
}
const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
Object.defineProperty(WebSocket.prototype, "onmessage", {
  set(handler) {
    set.call(this, handler && ((event) => {
      now().messages += 1;
      return handler.call(this, event);
    }));
  },
});
"""
"""Runs in the page before its own scripts."""


@dataclass(frozen=True)
class Counts:
    """What a page has done in front, or behind another tab.

    Attributes:
        frames: frames of the browser in which a canvas of the page was drawn on.
        calls: calls that draw on a canvas of the page.
        requests: of `requestAnimationFrame`.
        fetches: requests over HTTP.
        messages: received over websockets.
    """

    frames: int
    calls: int
    requests: int
    fetches: int
    messages: int

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(
            self.frames - other.frames,
            self.calls - other.calls,
            self.requests - other.requests,
            self.fetches - other.fetches,
            self.messages - other.messages,
        )


def counts(page: Page, visibility: str) -> Counts:
    """What a page, opened with `COUNTERS` and in front, has done while "visible" or "hidden"."""
    return Counts(**page.run("return window.counted[arguments[0]]", visibility))
