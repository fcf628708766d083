// Tells the context's time of the first loud sample of each click.

class Clicks extends AudioWorkletProcessor {
  constructor() {
    super();
    this.quietUntil = 0;
  }

  process([input]) {
    const samples = input[0] ?? [];
    for (let index = 0; index < samples.length; index += 1) {
      const time = currentTime + index / sampleRate;
      if (Math.abs(samples[index]) >= 0.3 && time >= this.quietUntil) {
        this.port.postMessage(time);
        this.quietUntil = time + 0.3;
      }
    }
    return true;
  }
}

registerProcessor("clicks", Clicks);
