"""Plays clicks with pictures through real devices, listens to them, and prints what was seen and heard when.

A program of its own, because PortAudio looks for devices once in the life of a process.
"""

import json
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import sounddevice

from src.realtime.frame import Frame, Layout
from src.realtime.sinks.player import Player
from src.realtime.sinks.speaker import opened_speaker
from src.realtime.sources.microphone import MicrophoneSource

LAYOUT = Layout(width=2, height=2, fps=25.0, sample_rate_hz=16_000)
SLOTS, EVERY, STEP = 75, 10, 640
LOUD = 0.3


def main() -> None:
    seen: dict[int, float] = {}
    blocks: list[tuple[float, np.ndarray]] = []
    heard: list[np.ndarray] = []
    over = threading.Event()

    def witness(block: object, num_frames: int, times: object, status: object) -> None:
        begin_s = time.monotonic() + times.inputBufferAdcTime - times.currentTime  # type: ignore[attr-defined]
        blocks.append((begin_s, np.frombuffer(bytes(block), np.float32)))  # type: ignore[call-overload]

    def listen() -> None:
        for chunk in microphone.chunks():
            heard.append(chunk.samples)
            if over.is_set():
                return

    def show(image: np.ndarray) -> bool:
        seen[int(image[0, 0, 0])] = time.monotonic()
        return True

    microphone = MicrophoneSource(device=None, sample_rate_hz=48_000, chunk_ms=10.0, buffer_ms=500.0, latency="low")
    listener = threading.Thread(target=listen)
    listener.start()
    with (
        sounddevice.RawInputStream(samplerate=48_000, blocksize=480, channels=1, dtype="float32", callback=witness),
        opened_speaker(None, 0.1, LAYOUT, "do without") as speaker,
    ):
        player = Player(show, speaker, LAYOUT.fps)
        origin_s = time.monotonic() + 0.5
        offsets_s = []
        for slot in range(SLOTS):
            deadline_s = origin_s + slot / 25
            time.sleep(max(deadline_s - 0.04 - time.monotonic(), 0.0))
            audio = np.zeros(STEP, np.float32)
            if slot % EVERY == 0:
                audio[:32] = 0.8
            image = np.full((2, 2, 3), slot, np.uint8)
            player.show(Frame(slot, slot / 25, image, audio, False, False, deadline_s, deadline_s, 0, 0))
            offsets_s.append(time.monotonic() - origin_s - (player.played_s() or 0.0))
        player.finish()
        time.sleep(0.3)  # until the last click is through the microphone
        counts, delay_ms = speaker.counts, 1000 * speaker.delay_s
    over.set()
    listener.join()
    samples = np.concatenate(heard)
    json.dump(
        {
            "clicks_s": [at_s - origin_s for at_s in clicks(blocks)],
            "seen_s": [seen[slot] - origin_s for slot in range(0, SLOTS, EVERY)],
            "apart_in_microphone": [later - before for before, later in pairwise(starts(samples))],
            "counts": counts,
            "delay_ms": delay_ms,
            "clock_offset_ms": [1000 * min(offsets_s[25:]), 1000 * max(offsets_s[25:])],
            "dropped": microphone.num_dropped,
        },
        sys.stdout,
    )


def starts(samples: np.ndarray) -> list[int]:
    """Where sound gets loud after 0.1 s of silence."""
    found: list[int] = []
    for at in np.flatnonzero(np.abs(samples) > LOUD):
        if not found or at - found[-1] > 4800:
            found.append(int(at))
    return found


def clicks(blocks: list[tuple[float, np.ndarray]]) -> list[float]:
    ends = np.cumsum([len(block) for _, block in blocks])
    found = []
    for at in starts(np.concatenate([block for _, block in blocks])):
        number = int(np.searchsorted(ends, at, side="right"))
        begin_s, block = blocks[number]
        found.append(begin_s + (at - (ends[number] - len(block))) / 48_000)
    return found


if __name__ == "__main__":
    main()
