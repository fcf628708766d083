// The microphone: opened when it is switched on, given back when it is switched off.

const PLAIN = {
  NotAllowedError: "The browser does not allow this page to use the microphone. Allow it in the address bar and try again.",
  NotFoundError: "No microphone was found. Plug one in and try again, or type what to say.",
  NotReadableError: "The microphone is in use by another program. Close that one and try again.",
};

export class Microphone {
  constructor() { this.stream = null; }

  get on() { return this.stream !== null; }

  async open() {
    if (!navigator.mediaDevices) {
      throw new Error("Browsers give the microphone only to https pages and to localhost. Open the page there, or type what to say.");
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
    } catch (error) {
      throw new Error(PLAIN[error.name] ?? `The microphone can't be used (${error.name}). Type what to say.`);
    }
    return this.stream;
  }

  // Pieces of 20 ms of 16-bit sound, for the socket; tells the sample rate first.
  async pieces(onRate, onPiece) {
    this.context?.close();
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("/page/microphone_worklet.js");
    if (!this.stream) return;
    onRate(this.context.sampleRate);
    const worklet = new AudioWorkletNode(this.context, "microphone", { numberOfOutputs: 0 });
    worklet.port.onmessage = ({ data }) => onPiece(data);
    this.context.createMediaStreamSource(this.stream).connect(worklet);
  }

  close() {
    for (const track of this.stream ? this.stream.getTracks() : []) track.stop();
    this.stream = null;
    if (this.context) this.context.close();
    this.context = null;
  }
}
