"""What each stage of a live session takes, timed alone on one thread."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig

from src.realtime.animator import Animator
from src.realtime.core import SessionCore
from src.realtime.intake import AudioIntake
from src.realtime.voice import VoiceGate, close_mouth

LEVEL_DB = np.array([-25.0])
"""What the idle layer hears here: the time that it takes does not depend on it."""


def parts(config: DictConfig, animator: Animator, sentences: Sequence[NDArray[np.float32]]) -> dict[str, Any]:
    """Microseconds per frame of 40 ms of each stage, and of a whole session in virtual time.

    p50 and p95 are of the clock, `cpu` is the mean of the processor's time, which other work disturbs less. What the
    whole takes beyond its stages is the engine itself: queues of samples, slots, timeline.

    Args:
        config: of `scripts.benchmark_realtime`.
        animator: whose stages they are.
        sentences: (S,) samples at `config.talk.sample_rate_hz`.
    """
    rate, predictor, warm_up = config.talk.sample_rate_hz, animator.predictor, config.parts.warm_up
    step = round(predictor.sample_rate_hz / predictor.fps)
    sound = np.resize(np.concatenate(sentences), round(config.parts.seconds * rate))
    samples = AudioIntake(sample_rate_hz=predictor.sample_rate_hz).take(sound, rate)
    blocks = pieces(samples, step)
    chunks = pieces(sound, round(rate * config.talk.chunk_ms / 1000))
    stream = predictor.stream()
    motion = np.concatenate([stream.push(block) for block in blocks])

    intake, voice = AudioIntake(sample_rate_hz=predictor.sample_rate_hz), instantiate(config.voice)
    stream, idle, core = predictor.stream(), instantiate(config.idle), animator.core(config.seed)
    taking = percentiles([partial(intake.take, chunk, rate) for chunk in chunks], warm_up)
    return {
        "intake": {name: round(value * len(chunks) / len(blocks), 1) for name, value in taking.items()},
        "features_model": percentiles([partial(stream.push, block) for block in blocks], warm_up),
        "voice": percentiles(
            [partial(gated, voice, *one) for one in enumerate(zip(blocks, motion, strict=False))], warm_up
        ),
        "idle": percentiles([partial(idle.apply, values, LEVEL_DB) for values in motion], warm_up),
        "render": percentiles([partial(animator.draw, values) for values in motion], warm_up),
        "whole_session": percentiles(
            [partial(step_of, core, block, (number + 1) / predictor.fps) for number, block in enumerate(blocks)],
            warm_up,
        ),
    }


def pieces(samples: NDArray[np.float32], size: int) -> list[NDArray[np.float32]]:
    """Whole pieces of a sound."""
    return list(samples[: len(samples) // size * size].reshape(-1, size))


def gated(voice: VoiceGate, index: int, frame: tuple[NDArray[np.float32], NDArray[np.float32]]) -> None:
    """The voice gate's work for one frame of sound and motion."""
    block, values = frame
    voice.push(block)
    close_mouth(values, voice.gain(index))


def step_of(core: SessionCore, block: NDArray[np.float32], now_s: float) -> None:
    """A frame of sound arrives, and what is due comes out."""
    core.push_audio(block, now_s)
    while core.pull_frame(now_s) is not None:
        continue


def percentiles(calls: Sequence[Callable[[], object]], warm_up: int) -> dict[str, float]:
    """Microseconds of calls, those of `warm_up` left out."""
    for call in calls[:warm_up]:
        call()
    took, cpu_begin_s = [], time.process_time()
    for call in calls[warm_up:]:
        begin_s = time.perf_counter()
        call()
        took.append(time.perf_counter() - begin_s)
    cpu_s = time.process_time() - cpu_begin_s
    p50, p95 = np.percentile(took, [50, 95]).tolist()
    return {"p50": round(1e6 * p50, 1), "p95": round(1e6 * p95, 1), "cpu": round(1e6 * cpu_s / len(took), 1)}
