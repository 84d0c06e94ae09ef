// The peaks of a keyword over the last minutes, and which of them would fire.

import { colour, fit, theme } from "./plot.js";
import { HEAD, drawGrid, drawThreshold } from "./posterior.js";

/** Room for half a peak at either end, in CSS pixels. */
const MARGIN = 5;
const RADIUS = 3.5;

export class PeakOverview {
  /**
   * @param canvas where it is drawn.
   * @param lane the keyword's, with its `colour` and thresholds.
   */
  constructor(canvas, lane) {
    this._canvas = canvas;
    this._context = canvas.getContext("2d", { alpha: false });
    this._lane = lane;
    this._drawn = "";
  }

  /**
   * Draw it, if it does not stand there already.
   *
   * @param history whose `end` is at the right edge and whose `span` it shows.
   * @param peaks what it shows, and `fires`, which of them would fire; other arrays if they change.
   */
  draw({ end, span }, peaks, fires) {
    const isResized = fit(this._canvas);
    const { width: columns, height: rows } = this._canvas;
    const ratio = devicePixelRatio;
    const [width, height] = [columns / ratio, rows / ratio];
    const { level, chosen, threshold } = this._lane;
    const scale = (width - 2 * MARGIN) / span;
    // Minutes are a hand's breadth: it moves by a pixel every other hop, or more rarely.
    const moved = Math.round(end * scale * ratio);
    const wanted = [moved, span, level, chosen, threshold, theme.changes].join();
    if (!isResized && wanted === this._drawn && fires === this._fires) return;
    this._drawn = wanted;
    this._fires = fires;
    const context = this._context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colour("--panel");
    context.fillRect(0, 0, width, height);
    drawGrid(context, width, height);
    drawThreshold(context, width, height, this._lane);
    context.lineWidth = 1.5;
    peaks.forEach(({ t, value }, i) => {
      context.beginPath();
      const x = width - MARGIN - moved / ratio + t * scale;
      context.arc(x, HEAD + (1 - value) * (height - HEAD), RADIUS, 0, 2 * Math.PI);
      context.fillStyle = colour(fires[i] ? this._lane.colour : "--panel");
      context.strokeStyle = colour(fires[i] ? this._lane.colour : "--faint-ink");
      context.fill();
      context.stroke();
    });
  }
}
