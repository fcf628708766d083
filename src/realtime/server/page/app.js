// The page: chooses, starts, and says in words what is going on.

import { Connection } from "./connection.js";
import { Fallback } from "./fallback.js";
import { Figures } from "./figures.js";
import { Microphone } from "./microphone.js";
import { WebRtc } from "./webrtc.js";

const $ = (id) => document.getElementById(id);
const figures = new Figures($("figures"));
const microphone = new Microphone();
const wantsFallback = new URLSearchParams(location.search).has("fallback");

let about = null, avatar = null;
let connection = null, media = null, key = null;
let muted = false, speaking = false;
let waiting = [];              // what to do as soon as the session stands

// What is going on: a badge for the eye, an announcement for the ear where it matters.
function say(state, text, announce = true) {
  $("badge").dataset.state = state;
  $("badge").textContent = text;
  if (announce) $("announcement").textContent = text;
}

function problem(text) {
  $("problem").textContent = text ?? "";
  $("problem").hidden = !text;
}

function showSpeaking() {
  if (!key || !media?.started) return;
  if (speaking) say("speaking", "Speaking", false);
  else if (microphone.on) say("listening", "Listening", false);
  else say("ready", "Ready", false);
}

function enable() {
  const stands = connection !== null;
  $("start").textContent = stands ? "End" : "Start";
  $("start").classList.toggle("main", !stands);
  for (const id of ["microphone", "stop", "mute"]) $(id).disabled = !stands;
  $("speak").disabled = !about?.voice;
  $("microphone").setAttribute("aria-pressed", microphone.on);
  $("mute").setAttribute("aria-pressed", muted);
}

function start() {
  if (connection) return;
  problem();
  figures.clear();
  say("busy", "Connecting…");
  connection = new Connection(avatar, { message, media: (buffer) => media?.take?.(buffer), lost, over });
  enable();
}

function end(text = "Ended") {
  waiting = [];
  closeMedia();
  microphone.close();
  connection?.close();
  connection = null;
  speaking = false;
  say("off", text);
  enable();
}

function closeMedia() {
  media?.close();
  media = null;
  key = null;
}

function lost(seconds) {
  closeMedia();
  say("busy", "Reconnecting…", false);
  problem(`The connection to the server was lost. Trying again in ${seconds} s.`);
}

function over(words) {
  end(words.reason === "busy" ? "Server busy" : "Ended");
  problem(words.message);
}

async function message(words) {
  if (words.type === "preparing") say("busy", "Preparing the avatar…");
  else if (words.type === "welcome") await welcome(words);
  else if (words.type === "answer") await media?.answer?.(words.sdp);
  else if (words.type === "media_failed") fallBack();
  else if (words.type === "refused") problem(words.message);
  else if (words.type === "figures") {
    speaking = words.speaking;
    showSpeaking();
    const now = media;
    const own = now ? await now.figures() : {};
    if (now && now === media) figures.show(words, own, now.kind);
  }
}

async function welcome(words) {
  problem();
  say("busy", "Connecting…", false);
  key = words.session;
  if (wantsFallback || !window.RTCPeerConnection) fallBack();
  else {
    const peer = new WebRtc($("video"), { onFail: () => media === peer && fallBack(), onStart: () => started(peer) });
    media = peer;
    const sdp = await peer.offer();
    if (media === peer) connection.tell({ type: "offer", sdp });
  }
  media?.mute(muted);
  if (microphone.on && media?.kind === "WebRTC") await useMicrophone();
}

function fallBack() {
  media?.close();
  const player = new Fallback($("canvas"), connection, { onStart: () => started(player) });
  media = player;
  player.mute(muted);
  connection.tell({ type: "stream" });
  if (microphone.on) useMicrophone();
}

function started(which) {
  if (which !== media) return;
  media.started = true;
  $("announcement").textContent = "Ready. Talk, type, or send a recording.";
  showSpeaking();
  for (const work of waiting.splice(0)) work();
}

// Do something with the session; begin it first where there is none.
function withSession(work) {
  if (media?.started) return work();
  waiting.push(work);
  start();
}

async function useMicrophone() {
  if (media.kind === "WebRTC") {
    connection.tell({ type: "microphone", on: true });
    await media.listen(microphone.stream);
  } else {
    await microphone.pieces(
      (rate) => connection?.tell({ type: "microphone", on: true, sample_rate_hz: rate }),
      (piece) => connection?.give(piece),
    );
  }
}

async function toggleMicrophone() {
  problem();
  if (microphone.on) {
    microphone.close();
    connection?.tell({ type: "microphone", on: false });
    await media?.listen(null);
  } else {
    try {
      await microphone.open();
    } catch (error) {
      return problem(error.message);
    }
    if (!connection) return microphone.close();
    if (media) await useMicrophone();
  }
  enable();
  showSpeaking();
  $("announcement").textContent = microphone.on ? "The microphone is on" : "The microphone is off";
}

function stopSpeaking() {
  connection?.tell({ type: "stop" });
}

function toggleMute() {
  muted = !muted;
  media?.mute(muted);
  enable();
}

async function send(file) {
  const limit = about.limits.upload_mb;
  if (file.size > 1e6 * limit) return problem(`The recording is larger than ${limit} MB. Send a shorter one, or compress it.`);
  problem();
  $("sending").textContent = `Sending ${file.name}…`;
  try {
    const response = await fetch(`/api/sessions/${encodeURIComponent(key)}/recording`, {
      method: "POST", body: file, headers: { "content-type": "application/octet-stream" },
    });
    const words = await response.json();
    if (response.ok) $("sending").textContent = `${file.name}, ${words.seconds.toFixed(1)} s`;
    else { $("sending").textContent = ""; problem(capital(words.message)); }
  } catch {
    $("sending").textContent = "";
    problem("The recording could not be sent: the server can't be reached. Try again.");
  }
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function choose(entry) {
  avatar = entry.key;
  $("poster").src = `/api/avatars/${encodeURIComponent(entry.key)}/picture`;
  if (connection) { end(); start(); }
}

function offerAvatars() {
  about.avatars.forEach((entry, index) => {
    const label = document.createElement("label"), input = document.createElement("input");
    const box = document.createElement("span"), image = document.createElement("img"), name = document.createElement("em");
    Object.assign(input, { type: "radio", name: "avatar", value: entry.key, checked: index === 0 });
    Object.assign(image, { src: `/api/avatars/${encodeURIComponent(entry.key)}/picture`, alt: "" });
    name.textContent = entry.name;
    label.title = entry.name;
    input.onchange = () => choose(entry);
    box.append(image, name);
    label.append(input, box);
    $("avatars").append(label);
  });
  choose(about.avatars[0]);
}

function countText() {
  const left = about.limits.text_chars - $("text").value.length;
  $("room").textContent = left < 100 ? `${left} characters left` : "";
}

$("start").onclick = () => (connection ? end() : start());
$("microphone").onclick = toggleMicrophone;
$("stop").onclick = stopSpeaking;
$("mute").onclick = toggleMute;
$("choose").onclick = () => $("file").click();
$("file").onchange = () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (file) withSession(() => send(file));
};
$("text").oninput = countText;
$("text").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("say").requestSubmit();
  }
};
$("say").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || !about.voice) return;
  problem();
  withSession(() => connection.tell({ type: "say", text }));
  $("text").select();
};
document.onkeydown = (event) => {
  if (event.key === "Escape") stopSpeaking();
  if (event.key === " " && event.target === document.body && connection) {
    event.preventDefault();
    toggleMicrophone();
  }
};
window.addEventListener("pagehide", () => connection?.close());

try {
  const response = await fetch("/api/about");
  if (!response.ok) throw new Error((await response.json()).message);
  about = await response.json();
  $("text").maxLength = about.limits.text_chars;
  $("say").hidden = !about.voice;
  offerAvatars();
  enable();
} catch (error) {
  problem(`The server does not answer as it should: ${error.message} Reload the page.`);
  $("start").disabled = true;
}

// For looking from outside: tests, and the browser's console.
window.audio2motion = { figures, get media() { return media; }, get speaking() { return speaking; } };
