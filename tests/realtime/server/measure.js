// Clicks and flashes of the received media, in ms of performance.now(): when they are heard and seen.

const OPEN = 128;
const LOUD = 0.3;
const DEAD_MS = 300;
const CHUNKS = 100;

export async function watch() {
  const watched = { clicks: [], flashes: [] };
  const { media } = window.audio2motion;
  await (media.clock ? listenTo(media.clock, media.output, watched) : listenToTrack(watched));
  look(media, watched);
  window.watched = watched;
}

// The fallback plays on a clock that says itself when a sample leaves the speakers.
async function listenTo(context, output, { clicks }) {
  await context.audioWorklet.addModule("/measure/clicks.js");
  const worklet = new AudioWorkletNode(context, "clicks", { numberOfOutputs: 0 });
  worklet.port.onmessage = ({ data }) => {
    const stamp = context.getOutputTimestamp();
    clicks.push(stamp.performanceTime + 1000 * (data - stamp.contextTime));
  };
  output.connect(worklet);
}

// Of WebRTC the samples are taken as the jitter buffer gives them away, which is the latency of the output before they
// are heard. (An AudioContext on the stream would add a queue of its own, 15 ms and more.) When a chunk was given away
// is known from the quickest of many deliveries.
async function listenToTrack({ clicks }) {
  const track = document.getElementById("video").srcObject.getAudioTracks()[0].clone();
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
  const context = new AudioContext({ latencyHint: "interactive" });
  const delays = [];
  let deaf = 0;
  (async () => {
    for (let { value: chunk } = await reader.read(); chunk; { value: chunk } = await reader.read()) {
      const stamp = chunk.timestamp / 1000, samples = new Float32Array(chunk.numberOfFrames);
      delays.push(performance.now() - stamp);
      if (delays.length > CHUNKS) delays.shift();
      chunk.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      const first = samples.findIndex((sample) => Math.abs(sample) >= LOUD);
      const at = stamp + Math.min(...delays) + 1000 * (first / chunk.sampleRate + context.outputLatency);
      if (first >= 0 && at > deaf) { clicks.push(at); deaf = at + DEAD_MS; }
      chunk.close();
    }
  })();
}

function look(media, { flashes }) {
  const probe = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const brush = probe.getContext("2d", { willReadFrequently: true });
  let before = 0;
  const see = (picture, at) => {
    brush.drawImage(picture, 0, 0, 1, 1);
    const level = brush.getImageData(0, 0, 1, 1).data[1];
    if (before < OPEN && level >= OPEN) flashes.push(at);
    before = level;
  };
  const video = document.getElementById("video"), canvas = document.getElementById("canvas");
  let last = performance.now();
  const eachDrawn = (now) => {
    see(canvas, now + (now - last));   // what is drawn now is shown with the next frame of the screen
    last = now;
    requestAnimationFrame(eachDrawn);
  };
  const eachPresented = (now, { expectedDisplayTime }) => {
    see(video, expectedDisplayTime);
    video.requestVideoFrameCallback(eachPresented);
  };
  if (media.clock) requestAnimationFrame(eachDrawn);
  else video.requestVideoFrameCallback(eachPresented);
}
