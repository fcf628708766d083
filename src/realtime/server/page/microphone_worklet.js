// Gathers blocks of 128 samples into 20 ms of 16-bit sound.

class Gatherer extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Int16Array(Math.round(sampleRate / 50));
    this.filled = 0;
  }

  process([input]) {
    const samples = input[0] ?? [];
    for (let index = 0; index < samples.length; index += 1) {
      this.piece[this.filled++] = Math.max(-1, Math.min(1, samples[index])) * 32767;
      if (this.filled === this.piece.length) {
        this.port.postMessage(this.piece.slice().buffer);
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("microphone", Gatherer);
