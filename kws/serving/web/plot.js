// What all drawings share: a sharp canvas, colours of the style sheet, one axis of time.

/** Seconds that the running pictures show. */
export const WINDOW_S = 24;
/** Seconds between two marks of their axis. */
export const TICK_S = 4;

/**
 * Clear a canvas, in the resolution of the screen.
 *
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number}} in CSS pixels.
 */
export function cleared(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== columns) canvas.width = columns;
  if (canvas.height !== rows) canvas.height = rows;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** A colour that the style sheet names, as "--ink". */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}

/** The name of the nth keyword's colour; after eight they begin again, and labels tell. */
export function keywordColour(index) {
  return `--keyword-${index % 8}`;
}

/** A line through the points; null breaks it. */
export function trace(context, points) {
  context.beginPath();
  let drawing = false;
  for (const point of points) {
    if (point === null) drawing = false;
    else if (drawing) context.lineTo(...point);
    else {
      context.moveTo(...point);
      drawing = true;
    }
  }
  context.stroke();
}

/** A horizontal or vertical line. */
export function line(context, x0, y0, x1, y1, dash = []) {
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
  context.setLineDash([]);
}
