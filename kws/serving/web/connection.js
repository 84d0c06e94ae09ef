// Websockets that come back.

const FIRST_DELAY_S = 0.5;
const LONGEST_DELAY_S = 5;

/** Codes after which another attempt would end in the same way. */
const FINAL = new Set([1008, 1009, 4401, 4429]);
export const WRONG_TOKEN = 4401;

/** Seconds until the next attempt, after so many that failed. */
export function retryDelay(failures) {
  return Math.min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** failures);
}

/** A websocket to the daemon that is opened again when it breaks, each time a little later. */
export class Connection {
  /**
   * @param path as "events", relative to the page: a proxy may put a prefix before it.
   * @param handlers `onOpen()`, to say the first message; `onMessage(message)`; `onLost(seconds,
   *   code)`: broken, the next attempt is in so many seconds; `onEnd(code, reason)`: for good.
   */
  constructor(path, handlers) {
    this._address = Object.assign(new URL(path, document.baseURI), {
      protocol: location.protocol === "https:" ? "wss:" : "ws:",
    });
    this._handlers = handlers;
    this._failures = 0;
    this._socket = null;
    this._timer = 0;
  }

  open() {
    this.close();
    const socket = new WebSocket(this._address);
    this._socket = socket;
    socket.onopen = () => this._handlers.onOpen?.();
    socket.onmessage = ({ data }) => {
      // Only now: a daemon that takes a connection and drops it at once is not there yet.
      this._failures = 0;
      this._handlers.onMessage(JSON.parse(data));
    };
    socket.onclose = ({ code, reason }) => this._closed(code, reason);
  }

  /** Do not wait any longer for the next attempt. */
  wake() {
    if (this._socket === null) this.open();
  }

  /** End it, without another attempt. */
  close() {
    clearTimeout(this._timer);
    if (this._socket === null) return;
    this._socket.onclose = this._socket.onmessage = this._socket.onopen = null;
    this._socket.close();
    this._socket = null;
  }

  get isOpen() {
    return this._socket?.readyState === WebSocket.OPEN;
  }

  /** Bytes that have not left yet. */
  get waiting() {
    return this._socket?.bufferedAmount ?? 0;
  }

  /** Send an object as JSON, or bytes as they are. */
  send(message) {
    this._socket.send(ArrayBuffer.isView(message) ? message : JSON.stringify(message));
  }

  _closed(code, reason) {
    this._socket = null;
    if (FINAL.has(code)) {
      this._handlers.onEnd?.(code, reason);
      return;
    }
    const delay = retryDelay(this._failures);
    this._failures += 1;
    this._timer = setTimeout(() => this.open(), delay * 1000);
    this._handlers.onLost?.(delay, code);
  }
}
