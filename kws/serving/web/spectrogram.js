// The running log-mel spectrogram.

import { StripChart } from "./chart.js";
import { element } from "./dom.js";
import { WINDOW_S, colour, line } from "./plot.js";

/** A byte is (ln power + 14) * 12; below is what a quiet room has, above a voice at its loudest. */
const DARKEST = 64;
const BRIGHTEST = 225;

/** Colours of loudness, quiet to loud: as on paper by day, as fire by night. */
const PAPER = [[255, 255, 255], [232, 237, 243], [168, 184, 205], [72, 96, 132], [10, 18, 40]];
const FIRE = [[10, 14, 22], [30, 18, 56], [112, 32, 98], [222, 88, 54], [253, 222, 130]];

const dark = matchMedia("(prefers-color-scheme: dark)");
/** Columns of the screen that are painted at a time. */
const AT_ONCE = 16;
/** Frames that are kept beyond what is shown, for columns that the left edge cuts. */
const SPARE = 64;

/** Where a frequency lies on the axis of mel bands, 0 at its low end, 1 at its high one. */
function melPlace(hertz, low, high) {
  const mel = (f) => Math.log10(1 + f / 700);
  return (mel(hertz) - mel(low)) / (mel(high) - mel(low));
}

/** A colour for each byte, as RGBA in a 32 bit number. */
function palette(stops) {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    const share = Math.min(1, Math.max(0, (byte - DARKEST) / (BRIGHTEST - DARKEST)));
    const place = share * (stops.length - 1);
    const below = Math.min(stops.length - 2, Math.floor(place));
    const [r, g, b] = [0, 1, 2].map((i) =>
      Math.round(stops[below][i] + (place - below) * (stops[below + 1][i] - stops[below][i])),
    );
    table[byte] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return table;
}

export class Spectrogram extends StripChart {
  /**
   * @param canvas where it is drawn.
   * @param axis element that gets the frequencies.
   */
  constructor(canvas, axis) {
    super(canvas);
    this._axis = axis;
    /** How wide a keyword is when it is written. */
    this._widths = new Map();
    dark.addEventListener("change", () => this._choosePalette());
    this._choosePalette();
  }

  /** What comes is shaped like this, as `watching` says. */
  configure({ bands, frames_per_hop: framesPerHop, hop_s: hopS, low_hz: low, high_hz: high }) {
    this._bands = bands;
    this._frameS = hopS / framesPerHop;
    this._length = Math.round(WINDOW_S / this._frameS) + SPARE;
    // A ring: frame n of the stream lies at n modulo their number.
    this._bytes = new Uint8Array(this._length * bands);
    this._column = new Float32Array(bands);
    this._last = 0;
    this._image = null;
    this.invalidate();
    this._axis.replaceChildren(
      ...[500, 1000, 2000, 4000, 8000].filter((hertz) => low < hertz && hertz <= high).map((hertz) => {
        const khz = hertz < 1000 ? `0.${hertz / 100}` : `${hertz / 1000}`;
        const label = element("span", {}, hertz === 1000 ? `${khz} kHz` : khz);
        label.style.bottom = `${100 * melPlace(hertz, low, high)}%`;
        return label;
      }),
    );
  }

  /** Take the frames that end at `t`. */
  push({ t, frames }) {
    const bytes = atob(frames);
    const bands = this._bands;
    const last = Math.round(t / this._frameS);
    const first = last - bytes.length / bands;
    if (last <= this._last || first > this._last + this._length) {
      // Another beginning, or nothing of what is shown is left.
      this._bytes.fill(0);
      this._last = first;
      this.invalidate();
    }
    // What was lost on the way stays empty.
    for (let frame = this._last; frame < first; frame += 1) {
      this._bytes.fill(0, this._place(frame), this._place(frame) + bands);
    }
    for (let frame = first; frame < last; frame += 1) {
      const [from, to] = [(frame - first) * bands, this._place(frame)];
      for (let i = 0; i < bands; i += 1) this._bytes[to + i] = bytes.charCodeAt(from + i);
    }
    this._last = last;
  }

  draw(history, fired) {
    if (this._length) super.draw(history, fired);
  }

  paint(context, { from, place, count, columns }) {
    const rows = context.canvas.height;
    if (this._image?.height !== rows) this._fitTo(rows);
    const pixels = new Uint32Array(this._image.data.buffer);
    const framesPerColumn = WINDOW_S / this._frameS / columns;
    for (let begin = 0; begin < count; begin += AT_ONCE) {
      const some = Math.min(AT_ONCE, count - begin);
      for (let i = 0; i < some; i += 1) {
        this._average((from + begin + i) * framesPerColumn, framesPerColumn);
        for (let row = 0; row < rows; row += 1) {
          const below = this._column[this._below[row]];
          const above = this._column[this._above[row]];
          pixels[row * AT_ONCE + i] = this._table[below + this._share[row] * (above - below) | 0];
        }
      }
      // Pays no heed to the context's limits and scale.
      context.putImageData(this._image, place + begin, 0, 0, 0, some, rows);
    }
  }

  mark(context, { x, width, height }) {
    context.font = "600 12px system-ui, sans-serif";
    /** Where the labels of the two rows end so far. */
    const ends = [0, 0];
    for (const { keyword, t } of this.fired) {
      const place = x(t);
      context.strokeStyle = colour("--marker");
      line(context, place, 0, place, height, [2, 3]);
      const wide = this._widthOf(keyword, context);
      const left = Math.min(Math.max(0, place - wide / 2), width - wide);
      const row = ends.findIndex((taken) => taken <= left);
      if (row < 0) continue;
      ends[row] = left + wide;
      context.fillStyle = colour("--panel");
      context.fillRect(left, 3 + 19 * row, wide, 17);
      context.fillStyle = colour("--ink");
      context.fillText(keyword, left + 4, 16 + 19 * row);
    }
  }

  _widthOf(keyword, context) {
    if (!this._widths.has(keyword)) {
      this._widths.set(keyword, context.measureText(keyword).width + 8);
    }
    return this._widths.get(keyword);
  }

  /** The mean of so many frames from a place between frames on, those that have come. */
  _average(begin, count) {
    const column = this._column.fill(0);
    const end = Math.min(begin + count, this._last);
    begin = Math.max(begin, this._last - this._length);
    for (let frame = Math.floor(begin); frame < end; frame += 1) {
      const share = (Math.min(frame + 1, end) - Math.max(frame, begin)) / (end - begin);
      const place = this._place(frame);
      for (let band = 0; band < this._bands; band += 1) {
        column[band] += share * this._bytes[place + band];
      }
    }
  }

  /** Between which bands each row of pixels lies, the highest band at the top. */
  _fitTo(rows) {
    this._image = new ImageData(AT_ONCE, rows);
    this._below = new Uint8Array(rows);
    this._above = new Uint8Array(rows);
    this._share = new Float32Array(rows);
    for (let row = 0; row < rows; row += 1) {
      const place = (1 - (row + 0.5) / rows) * this._bands - 0.5;
      const below = Math.max(0, Math.floor(place));
      this._below[row] = below;
      this._above[row] = Math.min(this._bands - 1, below + 1);
      this._share[row] = Math.max(0, place - below);
    }
  }

  _place(frame) {
    return (((frame % this._length) + this._length) % this._length) * this._bands;
  }

  _choosePalette() {
    this._table = palette(dark.matches ? FIRE : PAPER);
  }
}
