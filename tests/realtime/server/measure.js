// Clicks and flashes of the received media, in ms of performance.now(): when they are heard and seen.

const OPEN = 128;

export async function watch() {
  const media = window.audio2motion.media;
  const stream = document.getElementById("video").srcObject;
  const context = media.clock ?? new AudioContext({ latencyHint: "interactive" });
  await context.audioWorklet.addModule("/measure/clicks.js");
  const worklet = new AudioWorkletNode(context, "clicks", { numberOfOutputs: 0 });
  const source = media.clock ? media.output : context.createMediaStreamSource(stream);
  source.connect(worklet);
  const clicks = [], flashes = [], shown = [];
  worklet.port.onmessage = ({ data }) => {
    const stamp = context.getOutputTimestamp();
    clicks.push(stamp.performanceTime + 1000 * (data - stamp.contextTime));
  };
  const probe = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const brush = probe.getContext("2d", { willReadFrequently: true });
  let before = 0;
  const look = (picture, at) => {
    brush.drawImage(picture, 0, 0, 1, 1);
    const level = brush.getImageData(0, 0, 1, 1).data[1];
    if (before < OPEN && level >= OPEN) flashes.push(at);
    before = level;
  };
  if (media.clock) {
    let last = performance.now();
    const each = (now) => { look(document.getElementById("canvas"), now + (now - last)); last = now; requestAnimationFrame(each); };
    requestAnimationFrame(each);
  } else {
    const video = document.getElementById("video");
    const each = (now, facts) => { look(video, facts.expectedDisplayTime); shown.push(facts.expectedDisplayTime); video.requestVideoFrameCallback(each); };
    video.requestVideoFrameCallback(each);
  }
  window.watched = { clicks, flashes, shown };
}
