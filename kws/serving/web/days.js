// The last days: when of the day what was detected, and what of it nobody had said.

import { say } from "./dom.js";
import { fetchWithToken } from "./token.js";

const DAYS = 7;
/** Pages of a thousand that are asked for; the newest of more are shown by `kws history`. */
const PAGES = 10;
const [WIDTH, ROW, LEFT, TOP] = [960, 22, 90, 16];
const HOUR = (WIDTH - LEFT) / 24;
const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function midnight(now, daysAgo) {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo);
}

/** Where a moment lies: the day's row, 0 for today, and the hour of the day. */
export function placeOf(time, now) {
  const day = Math.round((midnight(now, 0) - midnight(time, 0)) / 86_400_000);
  return { day, hour: time.getHours() + time.getMinutes() / 60 };
}

export class Days {
  /**
   * @param section element, hidden where there is no history.
   * @param colourOf gives the colour's name for a keyword.
   */
  constructor(section, colourOf) {
    this._section = section;
    this._picture = section.querySelector("svg");
    this._told = section.querySelector("#day-event");
    this._button = section.querySelector("#not-a-word");
    this._colourOf = colourOf;
    this._events = [];
    this._chosen = -1;
    this._isKept = false;
    this._picture.addEventListener("click", ({ target }) => {
      if (target.dataset.index !== undefined) this._choose(Number(target.dataset.index));
    });
    this._picture.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined || !this._events.length) return;
      event.preventDefault();
      const from = this._chosen < 0 ? this._events.length : this._chosen;
      this._choose(Math.min(this._events.length - 1, Math.max(0, from + step)));
    });
    this._button.addEventListener("click", () => this._mark());
  }

  /** Whether the daemon keeps a history. */
  set kept(kept) {
    this._isKept = kept;
    this._section.hidden = !kept;
  }

  /** Ask the daemon; to be called from time to time. */
  async load() {
    if (!this._isKept) return;
    const now = new Date();
    const since = midnight(now, DAYS - 1).toISOString();
    const events = [];
    let after = 0;
    for (let page = 0; page < PAGES && after !== null; page += 1) {
      const answer = await fetchWithToken(`history?type=detection&since=${since}&after=${after}`);
      if (!answer.ok) {
        say(this._told, `The history cannot be read: ${(await answer.text()).trim()}`);
        return;
      }
      const { events: more, next } = await answer.json();
      events.push(...more);
      after = next;
    }
    const chosen = this._events[this._chosen]?.id;
    this._events = events;
    this._chosen = events.findIndex(({ id }) => id === chosen);
    this.draw(now);
  }

  /** Draw them; also where a keyword has another colour now. */
  draw(now = new Date()) {
    const height = TOP + DAYS * ROW;
    this._picture.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
    const parts = [];
    for (let hour = 0; hour <= 24; hour += 3) {
      const x = LEFT + hour * HOUR;
      parts.push(svg("line", { x1: x, x2: x, y1: TOP, y2: height, class: "hour" }));
      if (hour < 24) parts.push(svg("text", { x: x + 2, y: TOP - 4 }, `${hour}:00`));
    }
    for (let day = 0; day < DAYS; day += 1) {
      const name = midnight(now, day).toLocaleDateString(undefined, {
        weekday: "short", day: "numeric", month: "short",
      });
      parts.push(svg("text", { x: 0, y: TOP + day * ROW + ROW * 0.7 }, day ? name : "today"));
    }
    this._events.forEach(({ time, keyword, not_a_word: isNone }, index) => {
      const { day, hour } = placeOf(new Date(time), now);
      const dot = svg("circle", {
        cx: LEFT + hour * HOUR, cy: TOP + day * ROW + ROW / 2, r: index === this._chosen ? 7 : 4,
        class: isNone ? "none" : "", "data-index": index,
      });
      dot.style.color = `var(${this._colourOf(keyword)})`;
      parts.push(dot);
    });
    this._picture.replaceChildren(...parts);
    this._tell();
  }

  _choose(index) {
    this._chosen = index;
    this.draw();
  }

  _tell() {
    const event = this._events[this._chosen];
    this._button.hidden = this._button.disabled = event === undefined;
    if (event === undefined) {
      const count = this._events.length;
      say(this._told, count ? `${count} detections. Choose one by a click, or with ← and →.` : "No detections yet.");
      return;
    }
    const { time, keyword, stream, score, confidence, not_a_word: isNone } = event;
    const sure = (score ?? confidence).toFixed(2);
    const marked = isNone ? ", marked as not a word" : "";
    say(this._told, `${new Date(time).toLocaleString()}: ${keyword}, ${sure}, ${stream}${marked}`);
    say(this._button, isNone ? "It was a word" : "Not a word");
  }

  async _mark() {
    const event = this._events[this._chosen];
    const wanted = !event.not_a_word;
    this._button.disabled = true;
    try {
      const body = JSON.stringify({ not_a_word: wanted });
      const answer = await fetchWithToken(`events/${event.id}/mark`, { method: "POST", body });
      if (answer.ok) {
        event.not_a_word = wanted;
        this.draw();
      } else {
        say(this._told, `Not done: ${(await answer.text()).trim()}`);
      }
    } catch (error) {
      say(this._told, `Not done: ${error.message}`);
    }
    this._button.disabled = false;
  }
}
