// The button that closes the daemon's microphone, and opens it again.

import { say } from "./dom.js";
import { fetchWithToken } from "./token.js";

/** How long a refusal is shown, ms. */
const REFUSAL_MS = 10_000;

export class MuteButton {
  /**
   * @param button element.
   * @param place where it says how it stands.
   */
  constructor(button, place) {
    this._button = button;
    this._place = place;
    this._isMuted = false;
    this._refusedAt = -Infinity;
    button.addEventListener("click", () => this._press());
  }

  /** Show what /health or an answer says. */
  show({ status, muted = status === "muted", muted_seconds_left: left = null }) {
    this._isMuted = muted;
    this._button.classList.toggle("on", muted);
    this._button.setAttribute("aria-pressed", muted);
    say(this._button, muted ? "Unmute" : "Mute");
    if (performance.now() - this._refusedAt < REFUSAL_MS) return;
    const until = left === null ? "until somebody unmutes it" : `for ${Math.ceil(left)} s`;
    say(this._place, muted ? `Muted ${until}: the microphone is closed, nothing is detected.` : "");
  }

  async _press() {
    const path = this._isMuted ? "unmute" : "mute";
    this._button.disabled = true;
    try {
      const answer = await fetchWithToken(path, { method: "POST" });
      const text = await answer.text();
      if (answer.ok) {
        const { muted, seconds_left: left } = JSON.parse(text);
        this._refusedAt = -Infinity;
        this.show({ muted, muted_seconds_left: left });
      } else {
        this._refuse(reasonOf(text));
      }
    } catch (error) {
      this._refuse(error.message);
    }
    this._button.disabled = false;
  }

  _refuse(reason) {
    this._refusedAt = performance.now();
    say(this._place, `Not done: ${reason}`);
  }
}

/** Why not: a key of JSON, or a line of text. */
function reasonOf(text) {
  try {
    return JSON.parse(text).reason ?? text;
  } catch {
    return text.trim();
  }
}
