// The list of the last events, and the sound of each, where the daemon keeps it.

import { element, say } from "./dom.js";
import { fetchWithToken } from "./token.js";

/** How many are listed, and asked for when the page opens. */
export const LISTED = 50;
/** How long a new one stands out. */
const NEW_MS = 1500;

const WHAT_HAPPENED = {
  "samples-dropped": ({ samples, reason }) => `${samples} samples are missing: ${reason}`,
  "audio-lost": ({ reason }) => `no sound any more: ${reason}`,
  "audio-back": ({ seconds }) => `sound is back${seconds ? ` after ${seconds.toFixed(0)} s` : ""}`,
  reloaded: () => "configuration and model were read again",
  "reload-refused": ({ reason }) => `a new configuration was refused: ${reason}`,
  muted: ({ seconds }) => `muted${seconds ? ` for ${seconds} s` : ""}: nothing is detected`,
  unmuted: ({ reason }) => `unmuted: ${reason}`,
  "stream-started": () => "stream began",
  "stream-ended": ({ reason }) => `stream ended${reason ? `: ${reason}` : ""}`,
};

export class EventList {
  /**
   * @param list element that the events stand in, the newest first.
   * @param announcer element that reads new events out to who does not see them.
   * @param player audio element.
   * @param colourOf gives the colour's name for a keyword.
   */
  constructor(list, announcer, player, colourOf) {
    this._list = list;
    this._announcer = announcer;
    this._player = player;
    this._colourOf = colourOf;
    this._ids = new Set();
    /** Entries that stand out, and when they came, in ms. */
    this._new = new Map();
    list.addEventListener("click", ({ target }) => {
      const entry = target.closest("li[data-id]");
      if (entry && this._audible) this._hear(entry);
    });
  }

  /** Whether the daemon keeps the sound of events. */
  set audible(audible) {
    this._audible = audible;
    this._list.classList.toggle("audible", audible);
  }

  /**
   * @param message of type detection or status; one that is listed already is left out.
   * @param isNew whether it happened just now, rather than before the page came.
   */
  add(message, isNew) {
    if (this._ids.has(message.id)) return;
    this._ids.add(message.id);
    const entry = message.type === "detection" ? this._detection(message) : this._status(message);
    entry.dataset.run = message.run;
    entry.dataset.seq = message.seq;
    // What was missed can come after what is new.
    let next = this._list.firstElementChild;
    while (next?.dataset.run === message.run && Number(next.dataset.seq) > message.seq) {
      next = next.nextElementSibling;
    }
    this._list.insertBefore(entry, next);
    this._shorten();
    if (isNew && message.type === "detection") {
      this._new.set(entry, performance.now());
      this._announcer.append(
        element("p", {}, `${message.keyword}, ${(message.score ?? message.confidence).toFixed(2)}`),
      );
      while (this._announcer.children.length > 5) this._announcer.firstElementChild.remove();
    }
  }

  /** Let new events stand out less and less; to be called from time to time, in ms. */
  fade(now) {
    for (const [entry, came] of this._new) {
      const left = Math.max(0, 1 - (now - came) / NEW_MS);
      entry.style.setProperty("--new", left.toFixed(2));
      if (left === 0) this._new.delete(entry);
    }
  }

  /** A line between events, as "The daemon was restarted". */
  remark(text) {
    this._list.prepend(element("li", { className: "remark" }, clock(new Date()), text));
    this._shorten();
  }

  _shorten() {
    while (this._list.children.length > LISTED) this._list.lastElementChild.remove();
  }

  _detection({ id, time, keyword, confidence, score, stream }) {
    const chip = element("span", { className: "chip" });
    chip.style.background = `var(${this._colourOf(keyword)})`;
    const when = clock(new Date(time));
    const entry = element(
      "li",
      { className: "detection" },
      when,
      element("span", { className: "word" }, chip, element("b", {}, keyword)),
      element(
        "span",
        { className: "confidence", title: score === undefined ? "confidence" : "verifier's score" },
        (score ?? confidence).toFixed(2),
      ),
      element("span", { className: "stream" }, stream),
      element(
        "button",
        { type: "button", "aria-label": `Hear ${keyword} of ${when.textContent}` },
        "▶ Hear",
      ),
    );
    entry.dataset.id = id;
    return entry;
  }

  _status(message) {
    const describe = WHAT_HAPPENED[message.status] ?? (() => message.status);
    const where = message.stream === undefined ? "" : `${message.stream}: `;
    return element(
      "li", { className: "status" }, clock(new Date(message.time)), where + describe(message),
    );
  }

  async _hear(entry) {
    const button = entry.querySelector("button");
    try {
      const answer = await fetchWithToken(`events/${entry.dataset.id}/audio.wav`);
      if (!answer.ok) {
        button.disabled = true;
        say(button, answer.status === 404 ? "not kept any more" : "refused");
        return;
      }
      URL.revokeObjectURL(this._player.src);
      this._player.src = URL.createObjectURL(await answer.blob());
      await this._player.play();
    } catch (error) {
      say(button, `failed: ${error.message}`);
    }
  }
}

function clock(date) {
  return element("time", { dateTime: date.toISOString() }, date.toTimeString().slice(0, 8));
}
