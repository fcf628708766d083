// Media over the socket: sound is laid on the audio clock, a picture is drawn when the clock reaches its time.
// The head of a message: see socket_viewer.py.

const HEAD = 32;
const BUFFER_S = 0.16;
const SPARE_S = 0.02;        // more than the buffer and this, and silence is shortened
const SLACKS = 50;           // blocks of 40 ms after which the buffer is judged
const MOST_PICTURES = 60;
const REPORT_MS = 200;

export class Fallback {
  constructor(canvas, connection, { onStart }) {
    this.kind = "WebSocket";
    this.canvas = canvas;
    this.brush = canvas.getContext("2d", { alpha: false });
    this.connection = connection;
    this.onStart = onStart;
    this.pictures = [];
    this.sources = new Set();
    this.base = null;          // time of the audio clock at second 0 of the timeline
    this.turn = 0;
    this.received = 0;
    this.restarted = false;
    this.slacks = [];
    this.drawn = this.late = this.dropped = this.underruns = this.bytes = 0;
    this.offsets = [];
    this.since = performance.now();
    this.frame = 1000 / 60;    // of the screen
    this.report = setInterval(() => this.tell(), REPORT_MS);
    this.draw = this.draw.bind(this);
    this.request = requestAnimationFrame(this.draw);
  }

  begin(rate) {
    this.clock = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    this.output = this.clock.createGain();
    this.output.gain.value = this.muted ? 0 : 1;
    this.output.connect(this.clock.destination);
    this.clock.resume();
  }

  take(buffer) {
    const head = new DataView(buffer, 0, HEAD);
    const turn = head.getUint32(0, true), count = head.getUint32(4, true);
    const soundAt = head.getFloat64(8, true), pictureAt = head.getFloat64(16, true), rate = head.getUint32(24, true);
    if (!this.clock) this.begin(rate);
    this.bytes += buffer.byteLength;
    const turned = turn > this.turn;
    if (turned) this.forget(turn);
    this.play(new Int16Array(buffer, HEAD, count), soundAt, rate);
    this.received = soundAt + count / rate;
    const jpeg = new Uint8Array(buffer, HEAD + 2 * count);
    if (jpeg.length) this.keep(jpeg, pictureAt, turned);
  }

  play(pcm, at, rate) {
    const now = this.clock.currentTime;
    if (this.base === null || this.base + at < now) {
      // Nothing was there when it was to be heard: wait for a full buffer again, and tell the server.
      if (this.base !== null) { this.underruns += 1; this.restarted = true; }
      this.base = now + BUFFER_S - at;
      this.slacks = [];
    }
    this.shorten(this.base + at - now, pcm);
    const block = this.clock.createBuffer(1, pcm.length, rate);
    block.copyToChannel(Float32Array.from(pcm, (sample) => sample / 32768), 0);
    const source = this.clock.createBufferSource();
    source.buffer = block;
    source.connect(this.output);
    source.start(this.base + at);
    source.onended = () => this.sources.delete(source);
    this.sources.add(source);
  }

  // After a slow moment more waits than is needed. In silence blocks may overlap, so nothing is lost by being earlier.
  shorten(slack, pcm) {
    const quiet = pcm.every((sample) => sample === 0);
    this.slacks.push(slack);
    if (this.slacks.length > SLACKS) this.slacks.shift();
    const excess = Math.min(...this.slacks) - BUFFER_S;
    if (quiet && this.quiet && this.slacks.length === SLACKS && excess > SPARE_S) {
      const step = Math.min(excess, pcm.length / this.clock.sampleRate / 2);
      this.base -= step;
      this.slacks = this.slacks.map((value) => value - step);
      this.restarted = true;
    }
    this.quiet = quiet;
  }

  async keep(jpeg, at, turned) {
    const turn = this.turn;
    const bitmap = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
    if (turn !== this.turn || !this.clock) return bitmap.close();
    this.pictures.push({ at: turned ? -Infinity : at, bitmap });   // the first of a turn closes the mouth: at once
    this.pictures.sort((one, other) => one.at - other.at);
    while (this.pictures.length > MOST_PICTURES) { this.pictures.shift().bitmap.close(); this.dropped += 1; }
  }

  forget(turn) {
    this.turn = turn;
    for (const source of this.sources) source.stop();
    this.sources.clear();
    for (const { bitmap } of this.pictures.splice(0)) bitmap.close();
  }

  // The second of the timeline that leaves the speakers at a time of `performance.now()`.
  heard(at = performance.now()) {
    if (!this.clock || this.base === null) return 0;
    const stamp = this.clock.getOutputTimestamp ? this.clock.getOutputTimestamp() : {};
    const time = stamp.performanceTime > 0
      ? stamp.contextTime + (at - stamp.performanceTime) / 1000
      : this.clock.currentTime - (this.clock.outputLatency || this.clock.baseLatency || 0);
    return time - this.base;
  }

  draw(now) {
    this.request = requestAnimationFrame(this.draw);
    // What is drawn now is seen a frame of the screen later, and stays until the next: half of that early, half late.
    if (this.last) this.frame += 0.1 * (Math.min(now - this.last, 50) - this.frame);
    this.last = now;
    const heard = this.heard(now + 1.5 * this.frame);
    let due = -1;
    while (due + 1 < this.pictures.length && this.pictures[due + 1].at <= heard) due += 1;
    if (due < 0) return;
    for (const { bitmap } of this.pictures.splice(0, due)) { bitmap.close(); this.dropped += 1; }
    const { at, bitmap } = this.pictures.shift();
    if (this.canvas.width !== bitmap.width) { this.canvas.width = bitmap.width; this.canvas.height = bitmap.height; }
    this.brush.drawImage(bitmap, 0, 0);
    bitmap.close();
    if (!this.drawn++) { this.canvas.hidden = false; this.onStart(); }
    if (Number.isFinite(at)) this.offsets.push(1000 * (heard - at) - 0.5 * this.frame);
  }

  tell() {
    if (!this.clock) return;
    const position = Math.max(this.heard(), 0);
    this.connection.tell({ type: "played", position_s: position, received_s: this.received, restarted: this.restarted });
    this.restarted = false;
  }

  mute(on) {
    this.muted = on;
    if (this.output) this.output.gain.value = on ? 0 : 1;
  }

  async listen() {}

  async figures() {
    const now = performance.now(), seconds = (now - this.since) / 1000;
    const offsets = this.offsets.splice(0);
    const figures = {
      fps: (this.drawn - (this.drawnBefore ?? 0)) / seconds,
      kbps: (8 * (this.bytes - (this.bytesBefore ?? 0))) / seconds / 1000,
      dropped: this.dropped,
      lost: this.underruns,
      offset_ms: offsets.length ? offsets.reduce((sum, value) => sum + value, 0) / offsets.length : undefined,
      buffer_ms: 1000 * Math.max(this.received - this.heard(), 0),
    };
    this.since = now;
    this.drawnBefore = this.drawn;
    this.bytesBefore = this.bytes;
    return figures;
  }

  close() {
    cancelAnimationFrame(this.request);
    clearInterval(this.report);
    this.forget(this.turn + 1);
    if (this.clock) this.clock.close();
    this.clock = null;
    this.canvas.hidden = true;
  }
}
