// The socket of a session: words both ways, and media where WebRTC is not to be had.

const TRIES = 6;

export class Connection {
  // on: {open, message(words), media(buffer), lost(seconds, again), over(words)}
  constructor(avatar, on) {
    this.avatar = avatar;
    this.on = on;
    this.tries = 0;
    this.wanted = true;
    this.bye = null;
    this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(`${scheme}//${location.host}/api/session?avatar=${encodeURIComponent(this.avatar)}`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (event) => {
      if (typeof event.data !== "string") return this.on.media(event.data);
      const words = JSON.parse(event.data);
      if (words.type === "bye") this.bye = words;
      if (words.type === "welcome") this.tries = 0;
      this.on.message(words);
    };
    this.socket.onclose = () => this.closed();
  }

  closed() {
    if (!this.wanted) return;
    if (this.bye) return this.end(this.bye);
    if (++this.tries > TRIES) {
      return this.end({ reason: "lost", message: "The server can't be reached. Check that it runs, then press Start." });
    }
    const seconds = Math.min(2 ** (this.tries - 1), 10);
    this.on.lost(seconds);
    this.timer = setTimeout(() => this.open(), 1000 * seconds);
  }

  end(words) {
    this.wanted = false;
    this.on.over(words);
  }

  tell(words) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(words));
  }

  give(buffer) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(buffer);
  }

  close() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.socket.close(1000);
  }
}
