"""Runs of the engine for whoever judges them: recordings, clicks and interruptions, each written to a file.

Part of `scripts.realtime_eval`. All runs of an evaluation go through here, with the same model, avatar, renderer and
kind of clock, so that what the clicks prove holds for the speech.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig
from scipy.io import wavfile

from src.eval.lip_sync import MOUTH
from src.motion import Motion
from src.realtime.animator import Animator
from src.realtime.calibration import ClickPredictor, click_times_s, click_waveform
from src.realtime.clock import Clock, WallClock
from src.realtime.faults import Fault
from src.realtime.frame import Source
from src.realtime.interrupted import Interrupted
from src.realtime.meter import RunFigures
from src.realtime.spoken import Predictor
from src.realtime.statistics import LatencyHistogram
from src.realtime.witness import Witness

logger = logging.getLogger(__name__)

RECORDINGS = "recordings"
NO_FAULT = Fault(arrivals=(), drawing=(), viewing=())


@dataclass(frozen=True, eq=False)
class Played:
    """A run that has ended.

    Attributes:
        name: what was played.
        video: the file that the sink wrote.
        figures: of the engine.
        witness: what passed.
    """

    name: str
    video: Path
    figures: RunFigures
    witness: Witness


@dataclass(frozen=True, eq=False)
class Stage:
    """Where runs take place.

    Attributes:
        config: of the script.
        animator: of the model under test.
        out: folder of the files; recordings lie in a folder of their own.
        latency: of the frames of all recordings together.
        scratch: for pictures that are looked at afterwards; removed with the stage.
    """

    config: DictConfig
    animator: Animator
    out: Path
    latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    scratch: TemporaryDirectory[str] = field(default_factory=TemporaryDirectory)

    def recording(self, name: str, path: Path) -> Played:
        """Play a recording, once and whole, under the fault of the configuration."""
        fault = instantiate(self.config.fault)
        return self._play(f"{RECORDINGS}/{name}", self._source(path), self.animator.predictor, self.latency, fault)

    def clicks(self, name: str, seconds: float) -> tuple[Played, ClickPredictor]:
        """Play clicks, and let the mouth open at each instead of speaking."""
        rate = self.animator.predictor.sample_rate_hz
        self.out.mkdir(parents=True, exist_ok=True)
        sound = self.out / f"{name}.wav"
        wavfile.write(sound, rate, click_waveform(click_times_s(seconds), seconds, rate))
        predictor = ClickPredictor(latency_ms=self.animator.predictor.latency_ms, sample_rate_hz=rate)
        return self._play(name, self._source(sound), predictor, LatencyHistogram()), predictor

    def interrupted(self, name: str, path: Path, at_s: Sequence[float], pause_s: float) -> Played:
        """Play a recording with barge-ins, see `Interrupted`."""
        source = Interrupted(self._source(path), at_s=at_s, pause_s=pause_s)
        return self._play(name, source, self.animator.predictor, LatencyHistogram())

    def _source(self, path: Path) -> Source:
        source: Source = instantiate(self.config.speech, path=str(path))
        return source

    def _play(
        self, name: str, source: Source, predictor: Predictor, latency: LatencyHistogram, fault: Fault = NO_FAULT
    ) -> Played:
        video = self.out / f"{name}{Path(self.config.sink.path).suffix}"
        video.parent.mkdir(parents=True, exist_ok=True)
        engine, clock = engine_and_clock(self.config.clock)
        folder = Path(self.scratch.name) / name
        folder.mkdir(parents=True)
        witness = Witness(instantiate(self.config.sink, path=str(video)), clock.now_s, latency, folder)
        started_s = time.perf_counter()
        core = self.animator.make_core(predictor, fault.draw(self.animator.draw, clock), self.config.seed)
        figures = engine.run(
            core=core, source=fault.source(source), sink=fault.sink(witness, clock), layout=self.animator.layout
        )
        logger.info("%s: %.1f s in %.1f s", name, figures.seconds, time.perf_counter() - started_s)
        return Played(video.stem, video, figures, witness)


def engine_and_clock(clock: DictConfig) -> tuple[Any, Clock]:
    """A fresh engine, and the clock that it runs by."""
    if "clock" in clock:
        virtual = instantiate(clock.clock)
        return instantiate(clock, clock=virtual), virtual
    return instantiate(clock), WallClock()


def barge_ins(offline: Motion, delay_s: float, pause_s: float, every_s: float, most: int) -> list[float]:
    """When to interrupt so that an open mouth is on screen: the widest of each stretch of a recording.

    Args:
        offline: the model's motion of the recording.
        delay_s: from the sound of a frame to its presentation.
        pause_s: that every interruption adds to the run.
        every_s: length of the stretches; a last shorter one is left out.
        most: interruptions.

    Returns:
        Seconds after the start of the run, ascending.
    """
    size = round(every_s * offline.fps)
    jaw: NDArray[np.float32] = offline.channel(MOUTH)
    starts = range(0, len(jaw) - size + 1, size)[:most]
    widest = [start + int(np.argmax(jaw[start : start + size])) for start in starts]
    # Half a frame later that frame is on screen for certain.
    return [(frame + 0.5) / offline.fps + delay_s + number * pause_s for number, frame in enumerate(widest)]
