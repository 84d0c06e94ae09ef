// The running level of the sound.

import { say } from "./dom.js";
import { WINDOW_S, cleared, colour, line, trace } from "./plot.js";

const LOWEST_DB = -80;

/** A level for people. */
export function decibels(level) {
  return level === null || level === undefined ? "silence" : `${level.toFixed(0)} dB`;
}

/** Draw it. @param place element that gets the level of now. */
export function drawLevel(canvas, place, history) {
  const { context, width, height } = cleared(canvas);
  const recent = history.last(WINDOW_S);
  const x = (t) => width * (1 - (history.end - t) / WINDOW_S);
  const y = (level) => 1 + (height - 2) * Math.min(1, (level ?? LOWEST_DB) / LOWEST_DB);
  context.strokeStyle = colour("--grid");
  for (const level of [-60, -40, -20]) line(context, 0, y(level), width, y(level));
  context.strokeStyle = colour("--faint-ink");
  context.lineWidth = 1.5;
  trace(context, history.line(recent, (hop) => [x(hop.t), y(hop.level)]));
  say(place, recent.length ? decibels(recent.at(-1).level) : "–");
}
