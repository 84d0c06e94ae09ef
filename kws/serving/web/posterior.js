// The running posterior of a keyword, its threshold and its events.

import { StripChart } from "./chart.js";
import { colour, line, trace } from "./plot.js";

/** Room above 1 for the marks of events, in CSS pixels. */
export const HEAD = 10;
const DASHED = [6, 4];
const DOTTED = [1, 3];
const SPARSE = [2, 3];

/** Where a value lies in a lane of some height. */
function placeOf(value, height) {
  return HEAD + (1 - value) * (height - HEAD);
}

/** The lines that help to read a value. */
export function drawGrid(context, width, height) {
  context.lineWidth = 1;
  context.strokeStyle = colour("--grid");
  for (const value of [0.5, 1]) {
    line(context, 0, placeOf(value, height), width, placeOf(value, height));
  }
}

/** The threshold's line; dotted, the daemon's own where another one was chosen. */
export function drawThreshold(context, width, height, { level, chosen, threshold }) {
  context.lineWidth = 1;
  if (chosen !== null) {
    context.strokeStyle = colour("--faint-ink");
    line(context, 0, placeOf(threshold, height), width, placeOf(threshold, height), DOTTED);
  }
  context.strokeStyle = colour("--ink");
  line(context, 0, placeOf(level, height), width, placeOf(level, height), DASHED);
}

/** A triangle above a moment. */
function drawMark(context, place) {
  context.beginPath();
  context.moveTo(place - 5, 0);
  context.lineTo(place + 5, 0);
  context.lineTo(place, HEAD - 1);
  context.fill();
}

export class PosteriorChart extends StripChart {
  /**
   * @param canvas where it is drawn.
   * @param lane the keyword's, with its `index`, `keyword`, `colour` and thresholds.
   */
  constructor(canvas, lane) {
    super(canvas);
    this._lane = lane;
  }

  paint(context, { since, x, width, height }) {
    const { index } = this._lane;
    context.fillStyle = colour("--panel");
    context.fillRect(0, 0, width, height);
    drawGrid(context, width, height);
    const first = this.history.indexBefore(since);
    context.lineJoin = "round";
    context.strokeStyle = colour(this._lane.colour);
    context.globalAlpha = 0.4;
    context.lineWidth = 1;
    trace(context, this.history, first, x, (hop) => placeOf(hop.posteriors[index], height));
    context.globalAlpha = 1;
    context.lineWidth = 2;
    trace(context, this.history, first, x, (hop) => placeOf(hop.smoothed[index], height));
  }

  mark(context, { x, width, height }) {
    drawThreshold(context, width, height, this._lane);
    context.fillStyle = context.strokeStyle = colour("--marker");
    context.lineWidth = 1;
    for (const { t, keyword } of this.fired) {
      if (keyword !== this._lane.keyword) continue;
      drawMark(context, x(t));
      line(context, x(t), HEAD, x(t), height, SPARSE);
    }
    context.fillStyle = context.strokeStyle = colour("--faint-ink");
    context.font = "10px sans-serif";
    for (const { t, keyword, score } of this.history.turnedDown) {
      if (keyword !== this._lane.keyword || x(t) < 0) continue;
      drawMark(context, x(t));
      context.fillText(score === null ? "dropped" : score.toFixed(2), x(t) + 6, HEAD - 1);
    }
  }
}
