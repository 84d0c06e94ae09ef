// In the audio thread: pieces of sound, mono, long enough to be worth a message.

const PIECE_S = 0.032;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this._piece = new Float32Array(Math.round(PIECE_S * sampleRate));
    this._filled = 0;
  }

  process([channels]) {
    const length = channels[0]?.length ?? 0;
    for (let i = 0; i < length; i += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      this._piece[this._filled] = sum / channels.length;
      this._filled += 1;
      if (this._filled === this._piece.length) {
        this.port.postMessage(this._piece.slice());
        this._filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
