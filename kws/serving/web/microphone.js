// This browser's microphone, as a stream of its own to the daemon.

import { Connection } from "./connection.js";
import { tokenKey } from "./token.js";

/** Seconds of sound that may wait in the browser before new sound is dropped. */
const MOST_WAITING_S = 1;
const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Whether this page may have a microphone at all: only on https and on this machine. */
export function isMicrophoneAllowed() {
  return navigator.mediaDevices?.getUserMedia !== undefined;
}

export class Microphone {
  /**
   * @param handlers `onStarted(stream)`: the daemon receives it; `onState(text)`: what to say;
   *   `onStopped()`.
   */
  constructor(handlers) {
    this._handlers = handlers;
    const [number] = crypto.getRandomValues(new Uint16Array(1));
    this._stream = `browser-${number.toString(16).padStart(4, "0")}`;
    this._context = null;
    this._isStarting = false;
  }

  get isOn() {
    return this._context !== null;
  }

  /** Ask for the microphone and stream it until `stop`. */
  async start() {
    if (this._isStarting) return;
    this._isStarting = true;
    try {
      await this._capture();
      this._connect();
    } catch (error) {
      this._release();
      this._handlers.onState(`There is no microphone: ${error.message}`);
    } finally {
      this._isStarting = false;
    }
  }

  /** Let the microphone go; the daemon decides what it has. */
  stop(reason = "") {
    if (!this.isOn) return;
    this._release();
    this._accepted = false;
    // The daemon closes once all is decided.
    if (this._connection.isOpen) this._connection.send({ type: "end" });
    else this._connection.close();
    this._handlers.onState(reason);
    this._handlers.onStopped();
  }

  async _capture() {
    this._handlers.onState("Waiting for your permission …");
    // What makes speech pleasant for people distorts it for a model.
    this._sound = await navigator.mediaDevices.getUserMedia({
      audio: {
        channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false,
      },
    });
    this._context = new AudioContext();
    await this._context.audioWorklet.addModule(new URL("capture-worklet.js", document.baseURI).href);
    const capture = new AudioWorkletNode(this._context, "capture", { numberOfOutputs: 0 });
    this._context.createMediaStreamSource(this._sound).connect(capture);
    capture.port.onmessage = ({ data }) => this._send(data);
    this._sound.getAudioTracks()[0].onended = () => this.stop("The microphone was disconnected.");
    await this._context.resume();
  }

  _release() {
    for (const track of this._sound?.getTracks() ?? []) track.stop();
    this._context?.close();
    this._context = null;
  }

  _connect() {
    const { sampleRate } = this._context;
    this._accepted = false;
    this._dropped = 0;
    this._connection = new Connection("audio", {
      onOpen: () =>
        this._connection.send({
          type: "start",
          stream: this._stream,
          sample_rate: sampleRate,
          format: "f32le",
          channels: 1,
          ...tokenKey(),
        }),
      onMessage: (message) => this._take(message),
      onLost: (seconds, code) => {
        this._accepted = false;
        if (this.isOn) this._handlers.onState(`${lost(code)}; trying again in ${seconds} s.`);
        else this._connection.close(); // It has ended, as it ought to.
      },
      onEnd: (code, reason) => this.stop(`The daemon refused the audio (${code}): ${reason}`),
    });
    this._connection.open();
  }

  _take(message) {
    if (message.type === "started") {
      this._accepted = true;
      this._handlers.onState(`Streaming to ${location.host} as ${this._stream}.`);
      this._handlers.onStarted(this._stream);
    }
  }

  _send(piece) {
    if (!this.isOn || !this._accepted || !this._connection.isOpen) return;
    const { sampleRate } = this._context;
    if (this._connection.waiting > MOST_WAITING_S * sampleRate * BYTES) {
      this._dropped += piece.length;
      const seconds = (this._dropped / sampleRate).toFixed(1);
      this._handlers.onState(`The connection to the daemon is too slow: ${seconds} s of audio are lost.`);
      return;
    }
    this._connection.send(piece);
  }
}

function lost(code) {
  return code === 4409 ? "The daemon still has the old stream" : "No connection for the audio";
}
