// A lane per keyword: its posterior, its threshold to be moved, and the peaks of the last minutes.

import { element, say } from "./dom.js";
import { PeakOverview } from "./overview.js";
import { firing } from "./peaks.js";
import { keywordColour } from "./plot.js";
import { HEAD, PosteriorChart } from "./posterior.js";

/** Pixels around a threshold's line in which a mouse takes hold of it. */
const GRIP = 8;
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
    this.colour = keywordColour(index);
    this._build();
  }

  get level() {
    return this.chosen ?? this.threshold;
  }

  /** The daemon's settings, as it said. */
  set({ threshold, release, refractoryS, verifierThreshold }) {
    this.threshold = threshold;
    this._verifierThreshold = verifierThreshold;
    this._again = { release, refractoryS };
    this._decided = NaN;
    if (this.chosen === threshold) this.chosen = null;
    this._slider.value = this.level;
  }

  /** Back to the daemon's threshold. */
  reset() {
    this.chosen = null;
    this._slider.value = this.level;
  }

  /** Draw what runs. */
  draw(history, fired) {
    this._chart.draw(history, fired);
  }

  /** Show its peaks, and say what they would mean. */
  tell(history) {
    this._decide(history.peaks[this.index].peaks);
    this._overview.draw(history, this._peaks, this._fires);
    this._live.title = this._reason(history.turnedDown);
    const now = history.hops.at(-1)?.smoothed[this.index];
    say(this._now, now === undefined || Number.isNaN(now) ? "–" : now.toFixed(2));
    if (this._told === this._fires) return;
    this._told = this._fires;
    const of = this._peaks.length;
    const count = this._fires.filter(Boolean).length;
    say(this._value, this.level.toFixed(2));
    const what = this._verifierThreshold === undefined ? "fire" : "be verified";
    say(this._count, of ? `${count} of ${of} would ${what}` : "no peaks yet");
    this._slider.setAttribute(
      "aria-valuetext",
      `${this.level.toFixed(2)}; ${count} of ${of} peaks would ${what}`,
    );
    this.row.classList.toggle("moved", this.chosen !== null);
  }

  /** Why the last candidate of this keyword became no event; empty where there is none. */
  _reason(turnedDown) {
    const last = turnedDown.findLast(({ keyword }) => keyword === this.keyword);
    if (last === undefined) return "";
    const what = `Not detected at ${last.t.toFixed(1)} s: `;
    if (last.score === null) return `${what}audio after it was lost`;
    const needed = this._verifierThreshold?.toFixed(2);
    return `${what}the verifier's score is ${last.score.toFixed(2)}, its threshold ${needed}`;
  }

  /** Which peaks would fire; an array of its own only if something of it has changed. */
  _decide(peaks) {
    if (peaks === this._peaks && this.level === this._decided) return;
    this._peaks = peaks;
    this._decided = this.level;
    this._fires = firing(peaks, this.level, this._again);
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
    chip.style.background = `var(${this.colour})`;
    this._slider.style.accentColor = `var(${this.colour})`;
    this.row = element(
      "li",
      { className: "row lane" },
      element("span", { className: "name" }, chip, element("b", {}, keyword), this._now),
      this._live,
      this._recent,
      element("span", { className: "control" }, this._slider, this._value, this._count),
    );
    this.row.dataset.keyword = keyword;
    this._chart = new PosteriorChart(this._live, this);
    this._overview = new PeakOverview(this._recent, this);
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
  configure({
    keywords, thresholds, release, refractory_s: refractoryS, verifier_thresholds: verifier,
  }) {
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
        verifierThreshold: verifier[keyword],
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
   * Draw what runs.
   *
   * @param history of the stream that is shown.
   * @param fired its events in the window.
   */
  draw(history, fired) {
    for (const lane of this._lanes) lane.draw(history, fired);
  }

  /** Show what changes slowly: peaks and texts. */
  tell(history) {
    for (const lane of this._lanes) lane.tell(history);
  }
}
