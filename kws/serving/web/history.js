// The last minutes of one stream, hop by hop.

import { PeakFinder } from "./peaks.js";

export const HISTORY_S = 300;

export class History {
  /**
   * @param keywords in the model's order.
   * @param hopS seconds from one hop to the next.
   */
  constructor(keywords, hopS) {
    this.keywords = keywords;
    this.hopS = hopS;
    this._begin();
  }

  /** Seconds of the stream at the last hop. */
  get end() {
    return this.hops.length ? this.hops.at(-1).t : 0;
  }

  /** Seconds that an overview of it all should show: whole minutes, to stand still for a while. */
  get span() {
    const kept = this.hops.length ? this.end - this.hops[0].t : 0;
    return Math.min(HISTORY_S, Math.max(60, 60 * Math.ceil(kept / 60)));
  }

  /** Take a `scores` message; a stream that began anew begins a new history. */
  push({ t, level_db: level, posteriors, smoothed, turned_down: turnedDown = [] }) {
    if (t <= this.end) this._begin();
    const values = (of) => this.keywords.map((keyword) => of?.[keyword] ?? NaN);
    const hop = { t, level, posteriors: values(posteriors), smoothed: values(smoothed) };
    this.hops.push(hop);
    this.turnedDown.push(...turnedDown);
    while (this.turnedDown[0]?.t < t - HISTORY_S) this.turnedDown.shift();
    this.peaks.forEach((finder, i) => {
      if (!Number.isNaN(hop.smoothed[i])) finder.push(t, hop.smoothed[i]);
      finder.forget(t - HISTORY_S);
    });
    while (this.hops[0].t < t - HISTORY_S) this.hops.shift();
  }

  /** Index of the hop with which a line has to begin to be right, joints too, from a second on. */
  indexBefore(second) {
    let index = this.hops.length - 1;
    while (index > 0 && this.hops[index].t >= second) index -= 1;
    return Math.max(0, index - 1);
  }

  _begin() {
    /** Another array when it begins anew. */
    this.hops = [];
    /** Candidates that the verifier rejected, or that were dropped because audio was lost. */
    this.turnedDown = [];
    /** The peaks of each keyword's smoothed posterior. */
    this.peaks = this.keywords.map(() => new PeakFinder());
  }
}
