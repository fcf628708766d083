// Media over WebRTC. Picture and sound are one stream, so the browser keeps them together by the server's one clock.

const GATHERING_MS = 1500;
const CONNECTING_MS = 8000;
const BUFFER_MS = 80;            // of the sound: less, and the browser changes it with every late packet
const MOST_BUFFER_MS = 500;
const AGREED_MS = 8;             // browsers leave picture and sound up to 30 ms apart by themselves
const JOIN_MS = 500;

export class WebRtc {
  constructor(video, { onFail, onStart }) {
    this.kind = "WebRTC";
    this.video = video;
    this.onFail = onFail;
    this.before = null;
    this.targets = { audio: BUFFER_MS, video: BUFFER_MS };
    this.peer = new RTCPeerConnection({ iceServers: [] });
    this.voice = this.peer.addTransceiver("audio", { direction: "sendrecv" });
    this.peer.addTransceiver("video", { direction: "recvonly" });
    this.setTargets();
    this.peer.ontrack = ({ streams }) => {
      if (video.srcObject !== streams[0]) video.srcObject = streams[0];
      video.play().catch(() => {});
    };
    video.onplaying = () => { video.hidden = false; onStart(); };
    this.peer.onconnectionstatechange = () => {
      if (this.peer.connectionState === "connected") clearTimeout(this.patience);
      if (this.peer.connectionState === "failed") onFail();
    };
    this.patience = setTimeout(onFail, CONNECTING_MS);
    this.joining = setInterval(() => this.join(), JOIN_MS);
  }

  async offer() {
    await this.peer.setLocalDescription();
    await new Promise((done) => {
      if (this.peer.iceGatheringState === "complete") return done();
      setTimeout(done, GATHERING_MS);
      this.peer.onicegatheringstatechange = () => this.peer.iceGatheringState === "complete" && done();
    });
    return this.peer.localDescription.sdp;
  }

  answer(sdp) {
    return this.peer.setRemoteDescription({ type: "answer", sdp });
  }

  async listen(stream) {
    await this.voice.sender.replaceTrack(stream ? stream.getAudioTracks()[0] : null);
  }

  mute(on) { this.video.muted = on; }

  async figures() {
    const { audio, video } = await this.inbound();
    if (!audio || !video) return {};
    const before = this.before;
    this.before = { audio, video };
    const figures = {
      fps: video.framesPerSecond ?? null,
      dropped: video.framesDropped ?? 0,
      lost: (video.packetsLost ?? 0) + (audio.packetsLost ?? 0),
    };
    if (before) {
      const seconds = (video.timestamp - before.video.timestamp) / 1000;
      const emitted = audio.jitterBufferEmittedCount - before.audio.jitterBufferEmittedCount;
      figures.kbps = (8 * (video.bytesReceived - before.video.bytesReceived +
        audio.bytesReceived - before.audio.bytesReceived)) / seconds / 1000;
      figures.buffer_ms = emitted > 0
        ? 1000 * (audio.jitterBufferDelay - before.audio.jitterBufferDelay) / emitted : null;
    }
    figures.offset_ms = apart(audio, video);
    return figures;
  }

  async inbound() {
    const inbound = {};
    for (const report of (await this.peer.getStats()).values()) {
      if (report.type === "inbound-rtp") inbound[report.kind] = report;
    }
    return inbound;
  }

  // Move the one that is early until both are heard and seen together.
  async join() {
    const { audio, video } = await this.inbound();
    const offset = audio && video ? apart(audio, video) : undefined;
    if (offset === undefined || Math.abs(offset) < AGREED_MS) return;
    const early = offset < 0 ? "video" : "audio", late = offset < 0 ? "audio" : "video";
    let rest = 0.7 * Math.abs(offset);
    const spare = Math.min(rest, Math.max(this.targets[late] - BUFFER_MS, 0));
    this.targets[late] -= spare;
    rest -= spare;
    this.targets[early] = Math.min(this.targets[early] + rest, MOST_BUFFER_MS);
    this.setTargets();
  }

  setTargets() {
    for (const { receiver } of this.peer.getTransceivers()) {
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = this.targets[receiver.track.kind];
    }
  }

  close() {
    clearTimeout(this.patience);
    clearInterval(this.joining);
    this.peer.onconnectionstatechange = null;
    this.peer.close();
    this.video.onplaying = null;
    this.video.srcObject = null;
    this.video.hidden = true;
  }
}

// Both say, on the server's clock, which instant is played now. Above 0 the picture is late.
function apart(audio, video) {
  const heard = audio.estimatedPlayoutTimestamp, seen = video.estimatedPlayoutTimestamp;
  return heard && seen ? heard - seen : undefined;
}
