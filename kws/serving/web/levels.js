// The last level of every stream, for one connection's worth of traffic.

import { Connection } from "./connection.js";
import { whileVisible } from "./repeat.js";
import { tokenKey } from "./token.js";

/** How long each stream is listened to in turn: longer than any hop. */
const GLANCE_MS = 600;

export class Levels {
  constructor() {
    this._levels = new Map();
    this._streams = [];
    this._next = 0;
    this._connection = new Connection("scores", {
      onOpen: () => this._turn(),
      onMessage: (message) => {
        if (message.type === "scores") this.set(message.stream, message.level_db);
      },
      // Whoever shows the scores in full says what is wrong, and comes back by `follow`.
    });
    whileVisible(() => this._turn(), GLANCE_MS);
  }

  /** In dBFS; null: digital silence; undefined: not known yet. */
  of(stream) {
    return this._levels.get(stream);
  }

  set(stream, level) {
    this._levels.set(stream, level);
  }

  /** Keep an eye on these, beside the one that is shown in full. */
  follow(streams) {
    this._streams = streams;
    if (streams.length) this._connection.wake();
    else this._connection.close();
  }

  _turn() {
    if (!this._connection.isOpen || !this._streams.length) return;
    this._next = (this._next + 1) % this._streams.length;
    this._connection.send({ stream: this._streams[this._next], ...tokenKey() });
  }
}
