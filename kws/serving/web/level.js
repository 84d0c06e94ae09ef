// The running level of the sound.

import { StripChart } from "./chart.js";
import { say } from "./dom.js";
import { colour, line, trace } from "./plot.js";

const LOWEST_DB = -80;

/** A level for people. */
export function decibels(level) {
  return level === null || level === undefined ? "silence" : `${level.toFixed(0)} dB`;
}

export class LevelChart extends StripChart {
  paint(context, { since, x, width, height }) {
    const y = (level) => 1 + (height - 2) * Math.min(1, (level ?? LOWEST_DB) / LOWEST_DB);
    context.fillStyle = colour("--panel");
    context.fillRect(0, 0, width, height);
    context.lineWidth = 1;
    context.strokeStyle = colour("--grid");
    for (const level of [-60, -40, -20]) line(context, 0, y(level), width, y(level));
    context.strokeStyle = colour("--faint-ink");
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    trace(context, this.history, this.history.indexBefore(since), x, (hop) => y(hop.level));
  }
}

/** Put the level of now into an element. */
export function tellLevel(place, { hops }) {
  say(place, hops.length ? decibels(hops.at(-1).level) : "–");
}
