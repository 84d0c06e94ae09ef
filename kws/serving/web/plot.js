// What all drawings share: colours of the style sheet, lines, one axis of time.

/** Seconds that the running pictures show. */
export const WINDOW_S = 24;
/** Seconds between two marks of their axis. */
export const TICK_S = 4;

/** Light or dark; `changes` counts how often it has changed. */
export const theme = { changes: 0 };
const colours = new Map();

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  theme.changes += 1;
  colours.clear();
});

/** A colour that the style sheet names, as "--ink". */
export function colour(name) {
  let value = colours.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(name);
    colours.set(name, value);
  }
  return value;
}

/** The name of the nth keyword's colour; after eight they begin again, and labels tell. */
export function keywordColour(index) {
  return `--keyword-${index % 8}`;
}

/**
 * Give a canvas the resolution of the screen; if it has another one, that clears it.
 *
 * @returns {boolean} whether it was changed.
 */
export function fit(canvas) {
  const columns = Math.round(canvas.clientWidth * devicePixelRatio);
  const rows = Math.round(canvas.clientHeight * devicePixelRatio);
  if (canvas.width === columns && canvas.height === rows) return false;
  canvas.width = columns;
  canvas.height = rows;
  return true;
}

/**
 * A line through the hops of a history, broken where sound or a value is missing.
 *
 * @param first index of the first hop.
 * @param x where a hop's time lies.
 * @param y where a hop's value lies, NaN where there is none.
 */
export function trace(context, { hops, hopS }, first, x, y) {
  context.beginPath();
  let before = NaN;
  for (let i = first; i < hops.length; i += 1) {
    const height = y(hops[i]);
    if (Number.isNaN(height)) {
      before = NaN;
      continue;
    }
    if (hops[i].t - before <= 1.5 * hopS) context.lineTo(x(hops[i].t), height);
    else context.moveTo(x(hops[i].t), height);
    before = hops[i].t;
  }
  context.stroke();
}

const SOLID = [];

/** A horizontal or vertical line. */
export function line(context, x0, y0, x1, y1, dash = SOLID) {
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
  context.setLineDash(SOLID);
}
