"""A live load whose every event is known: somebody who speaks, pauses and is interrupted, and a look at what is shown.

Used by `scripts.benchmark_realtime`. The speech is of espeak-ng, so that it needs no recording.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from scipy.signal import resample_poly

from src.data.speech import EspeakSynthesizer
from src.errors import ConfigError
from src.motion import CORE7, MotionSpec
from src.realtime.animator import Animator
from src.realtime.core import SessionCore
from src.realtime.frame import Chunk, Frame, Layout, Output, Sink
from src.realtime.sinks.none import NoSink
from src.realtime.sinks.through import seen_by
from src.realtime.statistics import LatencyHistogram
from src.realtime.witness import rss_mb

CLOSED = 0.01
"""Of `jaw_open` (of `jawOpen` twice that): a mouth below it is shut."""


def spoken(texts: Sequence[str], *, voice: str, rate_wpm: int, sample_rate_hz: int) -> list[NDArray[np.float32]]:
    """Each text as (S,) samples.

    Raises:
        DataError: espeak-ng is not installed.
    """
    synthesizer = EspeakSynthesizer()
    speeches = [synthesizer.speak(text, voice=voice, variant="", rate_wpm=rate_wpm, pitch=50) for text in texts]
    divisor = np.gcd(sample_rate_hz, speeches[0].sample_rate_hz)
    up, down = sample_rate_hz // divisor, speeches[0].sample_rate_hz // divisor
    return [resample_poly(speech.waveform, up, down).astype(np.float32).clip(-1, 1) for speech in speeches]


@dataclass(frozen=True, eq=False)
class Talk:
    """Sentences at the pace of speech, over and over, with a pause after each.

    Attributes:
        sentences: (S,) samples each.
        sample_rate_hz: of them.
        chunk_ms: size of the chunks.
        pause_s: after each sentence.
        takes_turns: a text-to-speech voice, which ends the segment after each sentence and says nothing until the next
            one; False: a microphone, which hears the pauses.
        interrupt_every: of whoever takes turns each so many-th sentence is cut off in its middle; 0 for none.
        seconds: the whole.
        clock: of the engine.
        cleared_s: when each interruption arrived; filled while it runs.
    """

    sentences: Sequence[NDArray[np.float32]]
    sample_rate_hz: int
    chunk_ms: float
    pause_s: float
    takes_turns: bool
    interrupt_every: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    cleared_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.chunk_samples < 1 or not self.sentences or self.pause_s <= 0 or self.seconds <= 0:
            raise ConfigError(
                f"a talk of {len(self.sentences)} sentences, {self.seconds:g} s, pauses of {self.pause_s:g} s and "
                f"chunks of {self.chunk_ms:g} ms is none. Give texts, and times above 0."
            )

    @property
    def chunk_samples(self) -> int:
        """Of the largest chunk."""
        return round(self.sample_rate_hz * self.chunk_ms / 1000)

    def chunks(self) -> Iterator[Chunk]:
        """From the start to the end."""
        begin_s, at, end = self.clock(), 0, round(self.seconds * self.sample_rate_hz)  # in samples
        pause = np.zeros(round(self.pause_s * self.sample_rate_hz), np.float32)
        for number in count(1):
            sentence = self.sentences[(number - 1) % len(self.sentences)]
            is_cut = self.takes_turns and self.interrupt_every > 0 and number % self.interrupt_every == 0
            if is_cut:
                sentence = sentence[: len(sentence) // 2]
            sound = sentence if self.takes_turns else np.concatenate([sentence, pause])
            for start in range(0, len(sound), self.chunk_samples):
                if at >= end:
                    return
                samples = sound[start : start + self.chunk_samples]
                at += len(samples)
                yield Chunk(samples, at / self.sample_rate_hz)
            if is_cut:
                self.cleared_s.append(begin_s + at / self.sample_rate_hz)
            if self.takes_turns:
                yield Chunk(pause[:0], at / self.sample_rate_hz, ends_segment=not is_cut, clears=is_cut)
                at += len(pause)


class Witness:
    """Sees what one session draws and when it comes out; a sink before another one, or before none.

    Args:
        sink: that takes the frames; None for nobody.
        spec: vocabulary of the motion that is drawn.
        talk: that the session hears.
    """

    def __init__(self, sink: Sink | None, spec: MotionSpec, talk: Talk) -> None:
        self._sink, self._cleared_s, self._clock = sink or NoSink(), talk.cleared_s, talk.clock
        self._jaw, self._closed = (
            (spec.index("jaw_open"), CLOSED) if spec is CORE7 else (spec.index("jawOpen"), 2 * CLOSED)
        )
        self._drawn: list[tuple[NDArray[np.uint8], float]] = []  # the newest pictures and their jaws
        self._open_turns: dict[int, float] = {}  # interruptions after which the mouth was not yet seen shut
        self._turn, self._filler = 0, True
        self.interrupt_ms, self.onset_ms = LatencyHistogram(), LatencyHistogram()

    def core(self, animator: Animator, seed: int) -> SessionCore:
        """A session of which every picture is noticed."""

        def draw(values: NDArray[np.float32]) -> NDArray[np.uint8]:
            image = animator.draw(values)
            self._drawn = [*self._drawn[-15:], (image, float(values[self._jaw]))]
            return image

        return animator.make_core(animator.predictor, draw, seed)

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Output]:
        """Open the sink behind it."""
        with seen_by(self.see, self._sink).open(layout) as output:
            yield output

    def see(self, frame: Frame) -> None:
        """Notice a frame that comes out. It is presented at its deadline, or now if that has passed."""
        presented_s = max(self._clock(), frame.deadline_s)
        if frame.turn > self._turn:
            self._open_turns |= {turn: self._cleared_s[turn - 1] for turn in range(self._turn + 1, frame.turn + 1)}
            self._turn = frame.turn
        jaw = next((jaw for image, jaw in self._drawn if image is frame.image), None)
        if jaw is not None and jaw <= self._closed:
            for cleared_s in self._open_turns.values():
                self.interrupt_ms.add(1000 * (presented_s - cleared_s))
            self._open_turns = {}
        if self._filler and not frame.filler and frame.arrival_s is not None:
            self.onset_ms.add(1000 * (presented_s - frame.arrival_s))
        self._filler = frame.filler


class ProcessWatch:
    """Processor time and memory of this process while a block runs."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._process = psutil.Process(os.getpid())
        self._done = threading.Event()
        self.rss_mb: list[float] = []
        self.cpu_s = self.wall_s = 0.0

    def __enter__(self) -> "ProcessWatch":
        self._begin = (time.perf_counter(), self._cpu_now_s())
        self._thread = threading.Thread(target=self._look, name="process watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s = time.perf_counter() - self._begin[0]
        self.cpu_s = self._cpu_now_s() - self._begin[1]
        self._done.set()
        self._thread.join()
        self._note()

    def record(self) -> dict[str, Any]:
        """Percent of one core and of all that this process may use; megabytes over time."""
        share = 100 * self.cpu_s / self.wall_s
        return {
            "cpu_percent_of_one_core": round(share, 1),
            "cpu_percent_of_all_cores": round(share / len(os.sched_getaffinity(0)), 1),
            "rss_mb": {
                "start": self.rss_mb[0],
                "end": self.rss_mb[-1],
                "max": max(self.rss_mb),
                "over_time": self.rss_mb[:: max(len(self.rss_mb) // 20, 1)],
            },
        }

    def _look(self) -> None:
        while True:
            self._note()
            if self._done.wait(self._every_s):
                return

    def _note(self) -> None:
        self.rss_mb.append(round(rss_mb(), 1))

    def _cpu_now_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
