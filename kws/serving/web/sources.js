// What is listened to, and how it is.

import { element, say } from "./dom.js";
import { decibels } from "./level.js";

const KINDS = {
  microphone: "microphone",
  demo: "demo recording",
  file: "recording",
  stdin: "standard input",
  network: "network",
};

/** How a source is called. */
export function sourceTitle({ stream, kind }) {
  return `${stream} (${KINDS[kind] ?? kind})`;
}

/** Everything that /health tells of, the daemon's own source first; without the token: nothing. */
export function sourcesOf(health) {
  const { source, status, reason, seconds_since_audio: age } = health;
  if (source === undefined) return [];
  const streams = (health.streams ?? []).map((each) => ({ ...each, own: false }));
  const own = { ...source, status, reason, seconds_since_audio: age, own: true };
  // Without a source of its own the daemon only takes sound from the network.
  return source.kind === "network" ? streams : [own, ...streams];
}

/** Show them in a table, with the last `Levels`. */
export function showSources(body, sources, levels) {
  const wanted = sources.map(({ stream }) => stream).join("\n");
  if (body.dataset.streams !== wanted) {
    body.dataset.streams = wanted;
    body.replaceChildren(...sources.map(emptyRow));
  }
  sources.forEach((source, i) => fill(body.rows[i], source, levels.of(source.stream)));
}

/** A line on the daemon itself. */
export function describeDaemon({ subscribers, uptime_s: uptime, run }) {
  if (run === undefined) return `listening for ${duration(uptime)}`;
  const many = subscribers === 1 ? "1 subscriber" : `${subscribers} subscribers`;
  return `${many} · listening for ${duration(uptime)} · run ${run}`;
}

function emptyRow(source) {
  const cells = ["level", "age", "drops"].map((name) => element("td", { className: name }));
  cells[0].append(
    element("meter", { min: -80, max: 0, "aria-label": `Level of ${source.stream}` }),
    element("span"),
  );
  const name = element("th", { scope: "row" }, element("b", {}, source.stream), element("small"));
  return element("tr", {}, name, ...cells);
}

function fill(row, source, level) {
  const rate = source.sample_rate ? `, ${source.sample_rate / 1000} kHz` : "";
  const trouble = source.reason ? `: ${source.reason}` : "";
  say(
    row.querySelector("small"),
    `${KINDS[source.kind] ?? source.kind} ${source.name}${rate}${trouble}`,
  );
  row.classList.toggle("trouble", Boolean(source.reason));
  const meter = row.querySelector("meter");
  meter.value = level ?? -80;
  say(row.querySelector(".level span"), level === undefined ? "–" : decibels(level));
  const age = source.seconds_since_audio;
  say(row.querySelector(".age"), age === null ? "never" : `${age.toFixed(1)} s ago`);
  say(row.querySelector(".drops"), `${source.dropped_samples}`);
}

function duration(seconds) {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(0)} min`;
  return `${(seconds / 3600).toFixed(0)} h`;
}
