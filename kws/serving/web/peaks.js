// Which peaks of a posterior would have fired at another threshold. Pure.

/** Lower ones are not shown: no sensible threshold would be there. */
export const FLOOR = 0.1;

/**
 * The peaks of a smoothed posterior: the posterior doubles, to the floor or above, and halves.
 *
 * @param points [t, value] in order of time.
 * @returns {{t: number, value: number, valley: number}[]} Where, how high, and how low the
 *   posterior was between the peak before and this one.
 */
export function findPeaks(points) {
  const peaks = [];
  let top = null;
  let low = 0;
  for (const [t, value] of points) {
    if (top === null) {
      low = Math.min(low, value);
      if (value >= FLOOR && value > 2 * low) top = { t, value, valley: low };
    } else if (value > top.value) {
      top.t = t;
      top.value = value;
    } else if (value < top.value / 2) {
      peaks.push(top);
      top = null;
      low = value;
    }
  }
  if (top !== null) peaks.push(top);
  return peaks;
}

/**
 * Whether each peak would have fired, after those before it.
 *
 * @param peaks as `findPeaks` gives them.
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
