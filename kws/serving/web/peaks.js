// Which peaks of a posterior would have fired at another threshold. Pure.

/** Lower ones are not shown: no sensible threshold would be there. */
export const FLOOR = 0.1;

/** Finds peaks of a smoothed posterior: it doubles, to the floor or above, and halves. */
export class PeakFinder {
  constructor() {
    /**
     * {t, value, valley}: where, how high, and how low the posterior was between the peak before
     * and this one. The last one may still rise. Another array when something of it changes.
     */
    this.peaks = [];
    this._isRising = false;
    this._low = 0;
  }

  /** Take the value at `t`, later than those before. */
  push(t, value) {
    const top = this.peaks.at(-1);
    if (!this._isRising) {
      this._low = Math.min(this._low, value);
      if (value >= FLOOR && value > 2 * this._low) {
        this.peaks = [...this.peaks, { t, value, valley: this._low }];
        this._isRising = true;
      }
    } else if (value > top.value) {
      this.peaks = [...this.peaks.slice(0, -1), { ...top, t, value }];
    } else if (value < top.value / 2) {
      this._isRising = false;
      this._low = value;
    }
  }

  /** Leave out what lies before `t`, except for a peak that may still rise. */
  forget(t) {
    const first = this.peaks[0];
    if (first === undefined || first.t >= t || (this._isRising && this.peaks.length === 1)) return;
    this.peaks = this.peaks.slice(1);
  }
}

/**
 * Whether each peak would have fired, after those before it.
 *
 * @param peaks as a `PeakFinder` gives them.
 * @param threshold what the smoothed posterior has to reach.
 * @param settings {{release: number, refractoryS: number}} how low it has to fall, and how long
 *   it takes, before the word can fire again.
 * @returns {boolean[]}
 */
export function firing(peaks, threshold, settings) {
  const release = Math.min(settings.release, threshold);
  let last = -Infinity;
  let low = 0;
  return peaks.map(({ t, value, valley }) => {
    low = Math.min(low, valley);
    const fires = value >= threshold && low < release && t - last >= settings.refractoryS;
    if (fires) {
      last = t;
      low = Infinity;
    }
    return fires;
  });
}
