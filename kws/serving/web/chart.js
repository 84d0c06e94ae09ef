// A strip chart: the last seconds of a stream, the newest at the right edge.

import { WINDOW_S, fit, theme } from "./plot.js";

/** CSS pixels before what is new that are painted again: where lines were cut off. */
const SEAM = 4;

/**
 * What depends on time only is painted once, into a ring of columns that is not seen; each picture
 * is a copy of it with the marks on top. What it shows is up to `paint` and `mark`.
 */
export class StripChart {
  /** @param canvas where it is drawn. */
  constructor(canvas) {
    this.canvas = canvas;
    this._context = canvas.getContext("2d", { alpha: false });
    this._ring = document.createElement("canvas");
    this._paper = this._ring.getContext("2d", { alpha: false });
    /** Columns of the screen since the stream began, up to which the ring is painted. */
    this._end = NaN;
    this._hops = null;
    this._themeChanges = theme.changes;
  }

  /** Paint all of it anew, the next time. */
  invalidate() {
    this._end = NaN;
  }

  /**
   * Draw it, its last hop at the right edge.
   *
   * @param history of the stream that is shown.
   * @param fired the stream's events in the window.
   */
  draw(history, fired = []) {
    if (history.hops !== this._hops) this.invalidate();
    this.history = history;
    this.fired = fired;
    this._hops = history.hops;
    const isResized = fit(this.canvas);
    const { width: columns, height: rows } = this.canvas;
    if (columns === 0 || rows === 0) return;
    if (isResized) {
      this._ring.width = columns;
      this._ring.height = rows;
    }
    if (isResized || this._themeChanges !== theme.changes) this.invalidate();
    this._themeChanges = theme.changes;

    const ratio = devicePixelRatio;
    // Whole columns, so that what is painted moves without being painted again.
    const end = Math.round((history.end * columns) / WINDOW_S);
    let from = end - columns;
    if (end >= this._end) from = Math.max(from, this._end - Math.ceil(SEAM * ratio));
    while (from < end) {
      const place = modulo(from, columns);
      const count = Math.min(end - from, columns - place);
      this._paintPart(from, place, count, ratio);
      from += count;
    }
    this._end = end;

    const split = modulo(end, columns);
    const context = this._context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(
      this._ring, split, 0, columns - split, rows, 0, 0, columns - split, rows,
    );
    if (split) {
      context.drawImage(this._ring, 0, 0, split, rows, columns - split, 0, split, rows);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const scale = columns / WINDOW_S;
    this.mark(context, {
      width: columns / ratio,
      height: rows / ratio,
      x: (t) => (columns - end + t * scale) / ratio,
    });
  }

  /**
   * Paint some columns of the ring; the context lets nothing out of them.
   *
   * @param view `from`, the first one, counted from the stream's beginning, `place`, where it lies
   *   in the ring, and `count`, in columns of the screen; `columns`, of the whole chart; `since`,
   *   the seconds of the stream at the first one; `width` and `height` of the ring, and `x(t)`, the
   *   place of a second, in CSS pixels.
   */
  paint(context, view) {}

  /**
   * Draw what does not move with time or can change later.
   *
   * @param view `width`, `height` and `x(t)`, in CSS pixels.
   */
  mark(context, view) {}

  _paintPart(from, place, count, ratio) {
    const { width: columns, height: rows } = this._ring;
    const paper = this._paper;
    const scale = columns / WINDOW_S;
    paper.save();
    paper.setTransform(1, 0, 0, 1, 0, 0);
    paper.beginPath();
    paper.rect(place, 0, count, rows);
    paper.clip();
    paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paint(paper, {
      from, place, count, columns,
      since: from / scale,
      width: columns / ratio,
      height: rows / ratio,
      x: (t) => (t * scale - from + place) / ratio,
    });
    paper.restore();
  }
}

function modulo(value, by) {
  return ((value % by) + by) % by;
}
