// The figures of a session, in plain words. Limits of what is noticed: +45 / -125 ms (ITU-R BT.1359).

const ROWS = {
  connection: "Connection",
  rate: "Pictures a second: drawn, seen",
  latency: "Sound in to frame out, 50 / 95 / 99 %",
  buffer: "Buffer of this page",
  offset: "Picture after sound",
  drift: "Drift since the start",
  dropped: "Pictures left out: drawing, sending, here",
  held: "Held, waited, stretched, skipped",
  lost: "Gaps in the sound, lost packets",
};
const LEARN = 5;

const number = (value, digits = 0) => (value === null || value === undefined ? "–" : value.toFixed(digits));

export class Figures {
  constructor(list) {
    this.cells = {};
    for (const [key, label] of Object.entries(ROWS)) {
      const term = document.createElement("dt"), value = document.createElement("dd");
      term.textContent = label;
      value.textContent = "–";
      value.id = `figure-${key}`;
      list.append(term, value);
      this.cells[key] = value;
    }
    this.clear();
  }

  clear() {
    this.offsets = [];
    this.shown = null;
    for (const cell of Object.values(this.cells)) { cell.textContent = "–"; cell.className = ""; }
  }

  set(key, text, good) {
    this.cells[key].textContent = text;
    this.cells[key].className = good === undefined ? "" : good ? "good" : "bad";
  }

  // server: the message `figures`; page: what the media connection counts itself.
  show(server, page, kind) {
    const { latency_ms: latency, sent } = server;
    this.set("connection", page.kbps === undefined ? kind : `${kind}, ${number(page.kbps)} kbit/s`);
    this.set("rate", `${number(server.fps, 1)}, ${number(page.fps, 1)}`,
      page.fps === undefined || page.fps === null ? undefined : page.fps >= 23.5);
    this.set("latency", latency ? `${number(latency.p50)} / ${number(latency.p95)} / ${number(latency.p99)} ms` : "–");
    this.set("buffer", page.buffer_ms === undefined || page.buffer_ms === null ? "–" : `${number(page.buffer_ms)} ms`);
    if (page.offset_ms !== undefined) {
      this.offsets.push(page.offset_ms);
      if (this.offsets.length > LEARN + 5) this.offsets.splice(LEARN, 1);
      const recent = median(this.offsets.slice(-5)), first = median(this.offsets.slice(0, LEARN));
      const drift = server.drift?.drift_ms ?? (this.offsets.length < 2 * LEARN ? null : recent - first);
      this.set("offset", `${number(recent)} ms`, recent > -125 && recent < 45);
      this.set("drift", drift === null ? "…" : `${number(drift)} ms`, drift === null ? undefined : Math.abs(drift) < 40);
    }
    this.set("dropped", `${server.dropped}, ${sent ? sent.dropped : 0}, ${page.dropped ?? 0}`);
    this.set("held", `${server.held}, ${server.starved}, ${server.stretched}, ${server.skipped}`);
    this.set("lost", `${server.underruns + server.refused}, ${page.lost ?? 0}`);
    this.shown = { server, page, kind };
  }
}

function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}
