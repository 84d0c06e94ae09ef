// Other systems that get events, and how they are.

import { element, say } from "./dom.js";

/** Show what /health tells of them; without any, nothing. */
export function showIntegrations(section, { integrations = [] }) {
  section.hidden = !integrations.length;
  const body = section.querySelector("tbody");
  const wanted = integrations.map(({ name }) => name).join("\n");
  if (body.dataset.names !== wanted) {
    body.dataset.names = wanted;
    body.replaceChildren(...integrations.map(emptyRow));
  }
  integrations.forEach((each, i) => fill(body.rows[i], each));
}

function emptyRow({ name }) {
  const title = element("th", { scope: "row" }, element("b", {}, name), element("small"));
  return element("tr", {}, title, element("td"), element("td"));
}

function fill(row, { peer, connected, reason, events, waiting }) {
  say(row.querySelector("small"), peer);
  row.classList.toggle("trouble", !connected);
  say(row.cells[1], connected ? "connected" : (reason ?? "not yet connected"));
  const counts = Object.entries({ waiting, ...events }).filter(([, count]) => count);
  say(row.cells[2], counts.map(([outcome, count]) => `${count} ${outcome}`).join(", ") || "none");
}
