// A lane per keyword: its posterior, its threshold to be moved, and the peaks of the last minutes.

import { element, say } from "./dom.js";
import { findPeaks, firing } from "./peaks.js";
import { WINDOW_S, cleared, colour, keywordColour, line, trace } from "./plot.js";

/** Pixels around a threshold's line in which a mouse takes hold of it. */
const GRIP = 8;
/** Room above 1 for the marks of events. */
const HEAD = 10;
const LEAST = 0.01;
const MOST = 1;

/** One keyword. */
class Lane {
  constructor(keyword, index, onMove) {
    this.keyword = keyword;
    this.index = index;
    /** What the daemon goes by, and what was chosen here; null: the same. */
    this.threshold = 0.5;
    this.chosen = null;
    this._onMove = onMove;
    this._colour = keywordColour(index);
    this._build();
  }

  get level() {
    return this.chosen ?? this.threshold;
  }

  /** The daemon's settings, as it said. */
  set({ threshold, release, refractoryS }) {
    this.threshold = threshold;
    this._again = { release, refractoryS };
    if (this.chosen === threshold) this.chosen = null;
    this._slider.value = this.level;
  }

  /** Back to the daemon's threshold. */
  reset() {
    this.chosen = null;
    this._slider.value = this.level;
  }

  draw(history, recent, fired) {
    const points = history.hops
      .map((hop) => [hop.t, hop.smoothed[this.index]])
      .filter(([, value]) => !Number.isNaN(value));
    const peaks = findPeaks(points);
    const fires = firing(peaks, this.level, this._again);
    this._drawLive(history, recent, fired);
    this._drawPeaks(history, peaks, fires);
    const now = points.at(-1)?.[1];
    say(this._now, now === undefined ? "–" : now.toFixed(2));
    const count = fires.filter(Boolean).length;
    say(this._value, this.level.toFixed(2));
    say(this._count, peaks.length ? `${count} of ${peaks.length} would fire` : "no peaks yet");
    this._slider.setAttribute(
      "aria-valuetext",
      `${this.level.toFixed(2)}; ${count} of ${peaks.length} peaks would fire`,
    );
    this.row.classList.toggle("moved", this.chosen !== null);
  }

  _build() {
    const { keyword } = this;
    this._now = element("span", { className: "now" });
    this._live = element("canvas", {
      className: "live", role: "img", "aria-label": `Posterior of ${keyword}, running`,
    });
    this._recent = element("canvas", {
      className: "recent", role: "img", "aria-label": `Peaks of ${keyword}, last minutes`,
    });
    this._slider = element("input", {
      type: "range", min: LEAST, max: MOST, step: 0.01, "aria-label": `Threshold of ${keyword}`,
    });
    this._value = element("output", { className: "value" });
    this._count = element("span", { className: "count" });
    const chip = element("span", { className: "chip" });
    chip.style.background = `var(${this._colour})`;
    this._slider.style.accentColor = `var(${this._colour})`;
    this.row = element(
      "li",
      { className: "row lane" },
      element("span", { className: "name" }, chip, element("b", {}, keyword), this._now),
      this._live,
      this._recent,
      element("span", { className: "control" }, this._slider, this._value, this._count),
    );
    this.row.dataset.keyword = keyword;
    this._slider.addEventListener("input", () => this._move(Number(this._slider.value)));
    for (const canvas of [this._live, this._recent]) this._letDrag(canvas);
  }

  _move(level) {
    const rounded = Math.round(Math.min(MOST, Math.max(LEAST, level)) * 100) / 100;
    // Where the slider shows the daemon's threshold, that one is meant, with all its digits.
    this.chosen = rounded.toFixed(2) === this.threshold.toFixed(2) ? null : rounded;
    this._slider.value = this.level;
    this._onMove();
  }

  /** The line can be moved with a mouse; fingers scroll the page and have the slider. */
  _letDrag(canvas) {
    const level = (event) => 1 - (event.offsetY - HEAD) / (canvas.clientHeight - HEAD);
    const isNear = (event) =>
      Math.abs(level(event) - this.level) * (canvas.clientHeight - HEAD) <= GRIP;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" || !isNear(event)) return;
      canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this._move(level(event));
      else canvas.classList.toggle("grip", event.pointerType !== "touch" && isNear(event));
    });
  }

  _drawLive(history, recent, fired) {
    const { context, width, height } = cleared(this._live);
    const x = (t) => width * (1 - (history.end - t) / WINDOW_S);
    const y = (value) => HEAD + (1 - value) * (height - HEAD);
    this._drawThresholds(context, width, y);
    const drawValues = (which) =>
      trace(context, history.line(recent, (hop) => {
        const value = hop[which][this.index];
        return Number.isNaN(value) ? null : [x(hop.t), y(value)];
      }));
    context.lineJoin = "round";
    context.strokeStyle = colour(this._colour);
    context.globalAlpha = 0.4;
    context.lineWidth = 1;
    drawValues("posteriors");
    context.globalAlpha = 1;
    context.lineWidth = 2;
    drawValues("smoothed");
    context.fillStyle = colour("--marker");
    context.strokeStyle = colour("--marker");
    context.lineWidth = 1;
    for (const { t, keyword } of fired) {
      if (keyword !== this.keyword || x(t) < 0) continue;
      context.beginPath();
      context.moveTo(x(t) - 5, 0);
      context.lineTo(x(t) + 5, 0);
      context.lineTo(x(t), HEAD - 1);
      context.fill();
      line(context, x(t), HEAD, x(t), height, [2, 3]);
    }
  }

  _drawPeaks({ end, span }, peaks, fires) {
    const { context, width, height } = cleared(this._recent);
    const x = (t) => 5 + (width - 10) * (1 - (end - t) / span);
    const y = (value) => HEAD + (1 - value) * (height - HEAD);
    this._drawThresholds(context, width, y);
    context.lineWidth = 1.5;
    peaks.forEach(({ t, value }, i) => {
      context.beginPath();
      context.arc(x(t), y(value), 3.5, 0, 2 * Math.PI);
      context.fillStyle = colour(fires[i] ? this._colour : "--panel");
      context.strokeStyle = colour(fires[i] ? this._colour : "--faint-ink");
      context.fill();
      context.stroke();
    });
  }

  /** The threshold's line; dotted, the daemon's own where another one was chosen. */
  _drawThresholds(context, width, y) {
    context.lineWidth = 1;
    context.strokeStyle = colour("--grid");
    for (const value of [0.5, 1]) line(context, 0, y(value), width, y(value));
    if (this.chosen !== null) {
      context.strokeStyle = colour("--faint-ink");
      line(context, 0, y(this.threshold), width, y(this.threshold), [1, 3]);
    }
    context.strokeStyle = colour("--ink");
    line(context, 0, y(this.level), width, y(this.level), [6, 4]);
  }
}

/** All keywords of a model. */
export class Lanes {
  /**
   * @param list element that the lanes stand in.
   * @param onMove called when a threshold was moved.
   */
  constructor(list, onMove) {
    this._list = list;
    this._onMove = onMove;
    this._lanes = [];
  }

  /** Keywords and when they fire, as the daemon says; what was chosen here stays. */
  configure({ keywords, thresholds, release, refractory_s: refractoryS }) {
    if (keywords.join() !== this._lanes.map((lane) => lane.keyword).join()) {
      this._lanes = keywords.map((keyword, i) => new Lane(keyword, i, this._onMove));
      this._list.replaceChildren(...this._lanes.map((lane) => lane.row));
      this._list.classList.toggle("many", keywords.length > 6);
    }
    for (const lane of this._lanes) {
      const { keyword } = lane;
      lane.set({
        threshold: thresholds[keyword],
        release: release[keyword],
        refractoryS: refractoryS[keyword],
      });
    }
  }

  /** The thresholds that were chosen here, by keyword. */
  get chosen() {
    const moved = this._lanes.filter((lane) => lane.chosen !== null);
    return new Map(moved.map((lane) => [lane.keyword, lane.chosen]));
  }

  reset() {
    for (const lane of this._lanes) lane.reset();
    this._onMove();
  }

  /**
   * @param history of the stream that is shown.
   * @param fired its events.
   */
  draw(history, fired) {
    const recent = history.last(WINDOW_S);
    for (const lane of this._lanes) lane.draw(history, recent, fired);
  }
}
