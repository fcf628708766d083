"""Speech whose every sample is numbered, and a face that shows the number: what comes out says where it belongs.

A spoken sample is its number as a fraction, exact in float32; silence is 0. The model's motion of a frame is the number
at the frame's time, and the picture holds it in its three bytes. So each frame that comes out tells how far its picture
is from the sound that it is shown with, and all of them together which samples are missing, twice there or in disorder.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf

from scripts.entry import CONFIG_FOLDER
from src.motion import CORE7
from src.realtime.clock import VirtualClock
from src.realtime.core import Draw, SessionCore
from src.realtime.faults import Arrivals
from src.realtime.faults.fault import FaultySource
from src.realtime.frame import Chunk, Frame, Layout, Sink
from src.realtime.idle import NoIdle
from src.realtime.meter import RunFigures
from src.realtime.replay import VirtualEngine
from tests.realtime.outputs import KeptSink

RATE, FPS, STEP = 16_000, 25.0, 640
LAYOUT = Layout(width=1, height=1, fps=FPS, sample_rate_hz=RATE)
SCALE, NUM_NUMBERS = 1 << 22, 1 << 21
"""Numbers begin anew after 131 s. As a fraction they stay below 0.5, the most that a jaw opens; float32 holds them."""
LATENCY_SAMPLES = 1640
"""Of the model of the program: 102.5 ms."""
hour = pytest.mark.skipif("A2M_SOAK" not in os.environ, reason="an hour of talk, 10 s of computing: `make soak`")
"""Marks tests of `make soak`."""
PHRASES = ((1.2, 0.3), (0.9, 0.5), (1.4, 0.25), (0.7, 0.6), (2.1, 0.4))
"""Seconds of speech and of the pause after it."""


def numbers(num_samples: int, start: int = 0) -> NDArray[np.float32]:
    """(S,) numbers from `start` on; never 0."""
    return ((np.arange(start, start + num_samples) % (NUM_NUMBERS - 1) + 1) / SCALE).astype(np.float32)


def talk(seconds: float) -> NDArray[np.float32]:
    """(S,) phrases of numbered sound with pauses between them, at least so long."""
    parts, spoken, total = [], 0, 0.0
    while total < seconds:
        for speech_s, pause_s in PHRASES:
            parts += [numbers(round(speech_s * RATE), spoken), np.zeros(round(pause_s * RATE), np.float32)]
            spoken += round(speech_s * RATE)
            total += speech_s + pause_s
    return np.concatenate(parts)


class NumberShower:
    """A model whose jaw_open is the number at the frame's time, known as late as the model of the program knows it."""

    spec, fps, sample_rate_hz = CORE7, FPS, RATE
    latency_ms = 1000.0 * LATENCY_SAMPLES / RATE

    def stream(self) -> "NumberStream":
        return NumberStream()


class NumberStream:
    def __init__(self) -> None:
        self._heard = np.zeros(0, np.float32)  # from sample STEP * given on
        self._given = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        self._heard = np.concatenate([self._heard, samples])
        return self._give(max((len(self._heard) - LATENCY_SAMPLES - 1) // STEP + 1, 0))

    def finish(self) -> NDArray[np.float32]:
        return self._give(-(-len(self._heard) // STEP))

    def _give(self, count: int) -> NDArray[np.float32]:
        frames = np.zeros((count, CORE7.size), np.float32)
        frames[:, 0] = self._heard[: count * STEP : STEP]
        self._heard, self._given = self._heard[count * STEP :], self._given + count
        return frames


class Hearing:
    """A voice gate that is never wrong: open in frames with any sound, and closes nothing."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._open: dict[int, bool] = {}
        self._rest, self._num = np.zeros(0, np.float32), 0

    def push(self, samples: NDArray[np.float32]) -> None:
        self._rest = np.concatenate([self._rest, samples])
        while len(self._rest) >= STEP:
            self._open[self._num] = bool(self._rest[:STEP].any())
            self._open.pop(self._num - 200, None)
            self._rest, self._num = self._rest[STEP:], self._num + 1

    def gain(self, index: int) -> float:
        return float(self._open.get(index, True))


def number_picture(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(1, 1, 3): the number in three bytes."""
    number = round(float(values[0]) * SCALE)
    return np.array([[[number >> 16 & 255, number >> 8 & 255, number & 255]]], np.uint8)


def number_of(frame: Frame) -> int:
    """What a picture shows; 0 for silence or rest."""
    high, middle, low = (int(value) for value in frame.image[0, 0])
    return high << 16 | middle << 8 | low


def make_core(draw: Draw = number_picture, policy: str = "slew") -> SessionCore:
    """With the numbers of the program, but a face that shows numbers as they are: it is not led into speech.

    Args:
        draw: the renderer.
        policy: of drift, a file of `conf/realtime/drift`.
    """
    live = OmegaConf.load(CONFIG_FOLDER / "live" / "default.yaml")
    return SessionCore(
        predictor=NumberShower(),
        draw=draw,
        idle=NoIdle(),
        voice=Hearing(),
        drift=instantiate(OmegaConf.load(CONFIG_FOLDER / "realtime" / "drift" / f"{policy}.yaml")),
        timing=instantiate(live.session.timing, begin_ms=0.0, head_ms=0.0),
    )


@dataclass(eq=False)
class Recorded:
    """A waveform as a microphone gives it."""

    waveform: NDArray[np.float32]
    chunk_samples: int = 160
    sample_rate_hz: int = RATE

    def chunks(self) -> Iterator[Chunk]:
        for start in range(0, len(self.waveform), self.chunk_samples):
            samples = self.waveform[start : start + self.chunk_samples]
            yield Chunk(samples, (start + len(samples)) / self.sample_rate_hz)


@dataclass(eq=False)
class Listed:
    """Chunks as they are written down; small ones, whatever they are."""

    written: Sequence[Chunk]
    chunk_samples: int = 160
    sample_rate_hz: int = RATE

    def chunks(self) -> Iterator[Chunk]:
        yield from self.written


@dataclass(eq=False)
class Outcome:
    """What a run was given and what came out of it."""

    core: SessionCore
    figures: RunFigures
    frames: list[Frame]
    sent: NDArray[np.float32]
    flushed: list[int] = field(default_factory=list)

    @property
    def audio(self) -> NDArray[np.float32]:
        """(S,) all sound that came out."""
        return np.concatenate([frame.audio for frame in self.frames])

    def offsets_ms(self, from_s: float = 0.0) -> NDArray[np.float64]:
        """How far the picture is behind its sound, of each frame with speech, of the timeline from a time on."""
        speech = [frame for frame in self.frames if frame.time_s >= from_s and frame.audio[-STEP] != 0]
        sound = [round(float(frame.audio[-STEP]) * SCALE) for frame in speech]
        return np.array(
            [1000.0 * (heard - number_of(frame)) / RATE for heard, frame in zip(sound, speech, strict=True)]
        )

    def latencies_ms(self, from_s: float = 0.0) -> NDArray[np.float64]:
        """From the arrival of sound to its presentation, of each frame of speech, from a time on."""
        return np.array(
            [
                1000.0 * (frame.deadline_s - frame.arrival_s)
                for frame in self.frames
                if frame.arrival_s is not None and frame.time_s >= from_s
            ]
        )


def run_numbered(
    source: Recorded | Listed,
    patterns: Sequence[Arrivals] = (),
    core: SessionCore | None = None,
    clock: VirtualClock | None = None,
    sink: Sink | None = None,
    kept: KeptSink | None = None,
) -> Outcome:
    """Play a source in virtual time.

    Args:
        source: numbered sound.
        patterns: of its way.
        core: `make_core()` if None.
        clock: of the run.
        sink: around `kept`; `kept` itself if None.
        kept: gets the frames.
    """
    core, kept = core or make_core(), kept or KeptSink()
    arriving = list(FaultySource(source, patterns).chunks())
    sent = np.concatenate([chunk.samples for chunk in arriving])
    figures = VirtualEngine(clock=clock or VirtualClock()).run(
        core=core,
        source=Listed(arriving, sample_rate_hz=source.sample_rate_hz),
        sink=sink or kept,
        layout=LAYOUT,
    )
    return Outcome(core, figures, kept.output.frames, sent, kept.output.flushed)


def assert_promises(outcome: Outcome) -> None:
    """Nothing is lost, doubled or out of order; the timeline has no hole that is not counted."""
    frames, counts = outcome.frames, outcome.core.counts
    audio = outcome.audio
    np.testing.assert_array_equal(audio[audio != 0], outcome.sent[outcome.sent != 0], "spoken samples, each once")
    assert len(audio) == STEP * (frames[-1].index + 1), "sound for every slot"
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices)), "slots in order, none twice"
    assert frames[-1].index + 1 - len(frames) == counts.dropped, "every slot without a picture is counted"
    padding = len(audio) - len(outcome.sent) - STEP * (counts.fillers - counts.skipped)
    assert 0 <= padding < STEP, "silence is what was said, or a filler that is counted, or was skipped and counted"
