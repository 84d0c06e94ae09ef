// The last minutes of one stream, hop by hop.

export const HISTORY_S = 300;

export class History {
  /**
   * @param keywords in the model's order.
   * @param hopS seconds from one hop to the next.
   */
  constructor(keywords, hopS) {
    this.keywords = keywords;
    this.hopS = hopS;
    this.hops = [];
  }

  /** Seconds of the stream at the last hop. */
  get end() {
    return this.hops.length ? this.hops.at(-1).t : 0;
  }

  /** Seconds that an overview of it all should show: whole minutes, to stand still for a while. */
  get span() {
    const heard = this.hops.length ? this.end - this.hops[0].t : 0;
    return Math.min(HISTORY_S, Math.max(60, 60 * Math.ceil(heard / 60)));
  }

  /** Take a `scores` message; a stream that began anew begins a new history. */
  push({ t, level_db: level, posteriors, smoothed }) {
    if (t <= this.end) this.hops = [];
    const values = (of) => this.keywords.map((keyword) => of?.[keyword] ?? NaN);
    this.hops.push({ t, level, posteriors: values(posteriors), smoothed: values(smoothed) });
    while (this.hops[0].t < t - HISTORY_S) this.hops.shift();
  }

  /** The hops of the last seconds. */
  last(seconds) {
    const from = this.end - seconds;
    let first = this.hops.length;
    while (first > 0 && this.hops[first - 1].t >= from) first -= 1;
    return this.hops.slice(first);
  }

  /** Hops as points of a line, as `place` says where they lie; null where sound is missing. */
  line(hops, place) {
    const isGap = (i) => i > 0 && hops[i].t - hops[i - 1].t > 1.5 * this.hopS;
    return hops.flatMap((hop, i) => (isGap(i) ? [null, place(hop)] : [place(hop)]));
  }
}
