// The running log-mel spectrogram.

import { WINDOW_S, cleared, colour, line } from "./plot.js";

/** A byte is (ln power + 14) * 12; below is what a quiet room has, above a voice at its loudest. */
const DARKEST = 64;
const BRIGHTEST = 225;

/** Colours of loudness, quiet to loud: as on paper by day, as fire by night. */
const PAPER = [[255, 255, 255], [232, 237, 243], [168, 184, 205], [72, 96, 132], [10, 18, 40]];
const FIRE = [[10, 14, 22], [30, 18, 56], [112, 32, 98], [222, 88, 54], [253, 222, 130]];

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

export class Spectrogram {
  /**
   * @param canvas where it is drawn.
   * @param axis element that gets the frequencies.
   */
  constructor(canvas, axis) {
    this._canvas = canvas;
    this._axis = axis;
    this._dark = matchMedia("(prefers-color-scheme: dark)");
    this._picture = document.createElement("canvas");
    this._dark.addEventListener("change", () => this._paintAll());
  }

  /** What comes is shaped like this, as `watching` says. */
  configure({ bands, frames_per_hop: framesPerHop, hop_s: hopS, low_hz: low, high_hz: high }) {
    this._bands = bands;
    this._frameS = hopS / framesPerHop;
    this._columns = Math.round(WINDOW_S / this._frameS);
    // A ring: frame n of the stream lies in column n modulo their number.
    this._bytes = new Uint8Array(this._columns * bands);
    this._picture.width = this._columns;
    this._picture.height = bands;
    this._end = 0;
    this._paintAll();
    this._axis.replaceChildren(
      ...[500, 1000, 2000, 4000, 8000].filter((hertz) => low < hertz && hertz <= high).map((hertz) => {
        const label = document.createElement("span");
        label.textContent = hertz < 1000 ? `0.${hertz / 100}` : `${hertz / 1000}${hertz === 1000 ? " kHz" : ""}`;
        label.style.bottom = `${100 * melPlace(hertz, low, high)}%`;
        return label;
      }),
    );
  }

  /** Take the frames that end at `t`. */
  push({ t, frames }) {
    const bytes = Uint8Array.from(atob(frames), (character) => character.charCodeAt(0));
    const end = Math.round(t / this._frameS);
    const begin = end - bytes.length / this._bands;
    if (end <= this._end || begin > this._end + this._columns) {
      // Another beginning, or nothing of what is shown is left.
      this._bytes.fill(0);
      this._paintAll();
      this._end = begin;
    }
    // What was lost on the way stays empty.
    for (let frame = this._end; frame < begin; frame += 1) {
      this._bytes.fill(0, this._place(frame), this._place(frame) + this._bands);
      this._paint(frame);
    }
    for (let frame = begin; frame < end; frame += 1) {
      const from = (frame - begin) * this._bands;
      this._bytes.set(bytes.subarray(from, from + this._bands), this._place(frame));
      this._paint(frame);
    }
    this._end = end;
  }

  /**
   * @param fired events of this stream, to be named in the picture.
   * @param end seconds of the stream at the right edge.
   */
  draw(fired, end) {
    const { context, width, height } = cleared(this._canvas);
    if (!this._columns) return;
    const scale = width / this._columns;
    // The ring's oldest column is the one after the newest.
    const split = this._end % this._columns;
    context.imageSmoothingQuality = "high";
    const part = (from, count, at) => {
      if (count === 0) return;
      context.drawImage(
        this._picture, from, 0, count, this._bands, at * scale, 0, count * scale, height,
      );
    };
    part(split, this._columns - split, 0);
    part(0, split, this._columns - split);
    context.font = "600 12px system-ui, sans-serif";
    /** Where the labels of the two rows end so far. */
    const ends = [0, 0];
    for (const { keyword, t } of fired) {
      const x = width * (1 - (end - t) / WINDOW_S);
      if (x < 0) continue;
      context.strokeStyle = colour("--marker");
      line(context, x, 0, x, height, [2, 3]);
      const wide = context.measureText(keyword).width + 8;
      const left = Math.min(Math.max(0, x - wide / 2), width - wide);
      const row = ends.findIndex((taken) => taken <= left);
      if (row < 0) continue;
      ends[row] = left + wide;
      context.fillStyle = colour("--panel");
      context.fillRect(left, 3 + 19 * row, wide, 17);
      context.fillStyle = colour("--ink");
      context.fillText(keyword, left + 4, 16 + 19 * row);
    }
  }

  _place(frame) {
    return (((frame % this._columns) + this._columns) % this._columns) * this._bands;
  }

  _paint(frame) {
    const place = this._place(frame);
    const column = new Uint32Array(this._bands);
    for (let band = 0; band < this._bands; band += 1) {
      column[this._bands - 1 - band] = this._table[this._bytes[place + band]];
    }
    const image = new ImageData(new Uint8ClampedArray(column.buffer), 1, this._bands);
    this._picture.getContext("2d").putImageData(image, place / this._bands, 0);
  }

  _paintAll() {
    this._table = palette(this._dark.matches ? FIRE : PAPER);
    for (let frame = 0; frame < (this._columns ?? 0); frame += 1) this._paint(frame);
  }
}
