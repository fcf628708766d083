"""Loudspeakers: the sound of frames, heard at their time.

A thin shell around `SoundRing`: the sound card's thread takes blocks out of it, the sink puts frames into it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from src.errors import StreamError
from src.realtime.devices import LOST_AFTER_S, CardFormat, card_format, sound_library
from src.realtime.frame import Frame, Layout
from src.realtime.intake import AudioIntake
from src.realtime.sinks.sound_ring import CardClock, SoundRing

BLOCK_S = 0.01
CAPACITY_S, LATE_LIMIT_S = 2.0, 0.25
HEADROOM_S = 0.02
"""Sound is at the card so long before the card wants it: the engine's threads are not punctual."""
START_S = 0.2
"""Cards fill their buffers first and then stand still, PulseAudio for up to two seconds; a stream begins after that."""
HANDED_AHEAD_S = 0.04
"""Frames come to a sink so long before their time at best."""


class Speaker:
    """An open sound output of a stream.

    Args:
        card: what is opened.
        layout: of the stream; its sound is converted to the rate of the card.
        latency_s: between the card's call for a block and the sound of it.
        clock: of the deadlines.
    """

    def __init__(self, card: CardFormat, layout: Layout, latency_s: float, clock: Callable[[], float]) -> None:
        self.name = card.name
        self._latency_s, self._clock, self._num_channels = latency_s, clock, card.num_channels
        self._rate, self._fps, self._source_rate = card.sample_rate_hz, layout.fps, layout.sample_rate_hz
        self.delay_s = max(latency_s + BLOCK_S + HEADROOM_S - HANDED_AHEAD_S, 0.0)
        """Everything is presented so long after its deadline, because the card takes longer than frames come ahead."""
        self._ring = SoundRing(sample_rate_hz=self._rate, capacity_s=CAPACITY_S, late_limit_s=LATE_LIMIT_S)
        self._card_clock = CardClock(sample_rate_hz=self._rate)
        self._intake = AudioIntake(sample_rate_hz=self._rate)
        self._position: int | None = None
        self._asked_s = clock()
        self._lock = threading.Lock()

    @property
    def counts(self) -> dict[str, int]:
        """What went wrong with the sound so far, by name."""
        with self._lock:
            return {
                "times without sound": self._ring.num_underruns,
                "samples left out because they were late": self._ring.num_left_out,
                "samples left out because too many waited": self._ring.num_overflowed,
            }

    def play(self, frame: Frame) -> None:
        """Take the sound of a frame.

        Raises:
            StreamError: the card is gone.
        """
        silent_s = self._clock() - self._asked_s
        if silent_s > LOST_AFTER_S:
            raise StreamError(
                f"the sound output {self.name!r} has taken nothing for {silent_s:.0f} s: it was unplugged, or its "
                "system stopped it. Connect it and start again, or name another one with sink.device."
            )
        with self._lock:
            begin_s = frame.time_s + 1.0 / self._fps - len(frame.audio) / self._source_rate
            begin = round(begin_s * self._rate)
            # The filter holds a little sound back, so pieces are counted; a gap of the timeline starts a new count.
            if self._position is None or abs(self._position - begin) > 0.005 * self._rate:
                self._intake.reset()
                self._position = begin
            samples = self._intake.take(frame.audio, self._source_rate)
            due_s = frame.deadline_s + self.delay_s + self._position / self._rate - frame.time_s
            self._ring.write(samples, self._position, due_s)
            self._position += len(samples)

    def heard_s(self, time_s: float) -> float | None:
        """When a second of the timeline is heard; None while nothing is."""
        with self._lock:
            return self._ring.heard_s(time_s)

    def played_s(self) -> float | None:
        """Which second of the timeline is due now by the clock of the card; None before the first sound.

        What is heard, plus `delay_s`: that is constant and no drift, so nobody is to follow it.
        """
        with self._lock:
            heard_s = self._ring.played_s(self._clock())
        return None if heard_s is None else heard_s + self.delay_s

    def flush(self) -> None:
        """Forget what the card has not got yet."""
        with self._lock:
            self._ring.flush()
            self._intake.reset()
            self._position = None

    def end(self) -> float:
        """Nothing more comes; how many seconds it takes until the last is heard."""
        with self._lock:
            self._ring.end()
            return self._ring.num_waiting / self._rate + BLOCK_S + self._latency_s

    def fill(self, out: Any, num_frames: int, times: Any, status: object) -> None:
        """Give the card its next block; called by its thread."""
        self._asked_s = now_s = self._clock()
        latency_s = _told_latency_s(times) or self._latency_s
        with self._lock:
            samples = self._ring.read(num_frames, self._card_clock.block(now_s + latency_s, num_frames))
        block = np.frombuffer(out, np.float32).reshape(num_frames, self._num_channels)
        block[:] = samples[:, None]


@contextmanager
def opened_speaker(
    device: int | str | None,
    latency: float | str,
    layout: Layout,
    remedy: str,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Speaker]:
    """A sound output while the block lasts.

    Args:
        device: number or part of the name; None for the system's own.
        latency: seconds, or `low` or `high` as the device understands them.
        layout: of the stream.
        remedy: what can be done instead, for messages.
        clock: of the frames' deadlines.

    Raises:
        StreamError: there is no sound output, or it does not open.
    """
    library = sound_library()
    card = card_format(library, device, "output", (layout.sample_rate_hz,), remedy)
    opened: list[Speaker] = []
    num_asked, told_s, runs = 0, 0.0, threading.Event()

    def fill(out: Any, num_frames: int, times: Any, status: object) -> None:
        nonlocal num_asked, told_s
        if opened:
            opened[0].fill(out, num_frames, times, status)
            return
        out[:] = bytes(len(out))
        num_asked += num_frames
        told_s = max(told_s, _told_latency_s(times) or 0.0)
        if num_asked >= START_S * card.sample_rate_hz:
            runs.set()

    try:
        stream = library.RawOutputStream(
            samplerate=card.sample_rate_hz,
            blocksize=round(BLOCK_S * card.sample_rate_hz),
            device=card.index,
            channels=card.num_channels,
            dtype="float32",
            latency=latency,
            callback=fill,
        )
        stream.start()
    except library.PortAudioError as error:
        raise StreamError(
            f"the sound output {card.name!r} does not open ({error}). Close the program that holds it, name another "
            f"one with sink.device, or {remedy}."
        ) from error
    try:
        if not runs.wait(LOST_AFTER_S):
            raise StreamError(
                f"the sound output {card.name!r} is open and plays nothing. See whether the system's sound runs, name "
                f"another one with sink.device, or {remedy}."
            )
        # Cards ask for several blocks at once, so the last of them is further away than the latency that they state.
        speaker = Speaker(card, layout, max(stream.latency, told_s), clock)
        opened.append(speaker)
        yield speaker
    finally:
        stream.close()


def _told_latency_s(times: Any) -> float | None:
    """Until the block of a call is heard; None where the backend does not know."""
    # Only differences of PortAudio's times mean something: its zero is that of another clock.
    latency_s: float = times.outputBufferDacTime - times.currentTime
    return latency_s if 0.0 < latency_s < 1.0 else None
