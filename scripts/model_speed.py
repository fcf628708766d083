"""How soon an exported model answers a block of sound, on one core, and whether a long stream grows."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from scripts.speech_like import speech_like
from src.models.checkpoint import load_checkpoint
from src.models.export import FP32, export_step, export_with_front_end
from src.models.motion_model import TorchModel
from src.models.onnx_model import OnnxGraph, OnnxModel
from src.models.parity import measure_parity, steps_of
from src.realtime.predictor import SpeechToMotion


def measure_live(path: Path, settings: DictConfig, seed: int) -> dict[str, Any]:
    """The record of one network.

    Args:
        path: of its checkpoint; the exported files are written beside it.
        settings: `live` of the script's config.
        seed: of the sound.
    """
    checkpoint = load_checkpoint(path)
    files = {"step": path.with_suffix(".onnx"), "pcm": path.with_suffix(".pcm.onnx")}
    export_step(checkpoint, files["step"], FP32)
    export_with_front_end(checkpoint, files["pcm"], FP32)
    step, pcm = OnnxGraph.load(files["step"]), OnnxGraph.load(files["pcm"])

    waveform = speech_like(settings.sound_s, checkpoint.contract.sample_rate_hz, seed)
    rows = checkpoint.contract.build_features().frame_stream().push(waveform)
    blocks = steps_of(pcm, waveform, rows)
    on_torch = TorchModel(checkpoint)

    def timed(make: Callable[[], Callable[[NDArray[np.float32]], Any]], inputs: NDArray[np.float32]) -> dict[str, Any]:
        return percentiles(step_times_us(make(), inputs, settings.warm_up, settings.blocks))

    live = SpeechToMotion(OnnxModel(step))
    return {
        "parameters": sum(parameter.numel() for parameter in checkpoint.net.parameters()),
        "file_mb": {name: round(file.stat().st_size / 1e6, 2) for name, file in files.items()},
        "algorithmic_latency_ms": checkpoint.contract.latency_record,
        "parity": {
            "step": measure_parity(checkpoint, step, waveform).worst,
            "pcm": measure_parity(checkpoint, pcm, waveform).worst,
        },
        "block_us": {
            "NumPy features and step": timed(lambda: live.stream().push, blocks[:, 0]),
            "graph with front end": timed(lambda: stepper(pcm.step, pcm.init_state()), blocks),
        },
        "step_us": {
            "ONNX Runtime": timed(lambda: stepper(step.step, step.init_state()), rows[:, None, None]),
            "PyTorch": timed(lambda: stepper(on_torch.step, on_torch.init_state(0)), rows[:, None]),
        },
        "hour": hour(pcm, blocks, settings),
    }


def stepper(step: Callable[..., Any], state: Any) -> Callable[[NDArray[np.float32]], None]:
    """A stream of a model: each call goes one step on."""

    def call(values: NDArray[np.float32]) -> None:
        nonlocal state
        _, state = step(values, state)

    return call


def step_times_us(
    call: Callable[[NDArray[np.float32]], Any], inputs: NDArray[np.float32], warm_up: int, count: int
) -> NDArray[np.float64]:
    """(count, 2) microseconds of one call after the other, with `inputs` again and again, after the warm-up.

    The second column is the time that this thread had the processor: on a busy machine the one that says something.
    """
    took_us = np.empty((warm_up + count, 2))
    for index in range(warm_up + count):
        values = inputs[index % len(inputs)]
        started, cpu_started = time.perf_counter(), time.thread_time()
        call(values)
        took_us[index] = time.perf_counter() - started, time.thread_time() - cpu_started
    return 1e6 * took_us[warm_up:]


def percentiles(took_us: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """p50, p95, p99 and max of both clocks."""
    values = np.percentile(took_us, [50, 95, 99, 100], axis=0).round(1)
    names = ("p50", "p95", "p99", "max")
    wall, cpu = (dict(zip(names, column.tolist(), strict=True)) for column in values.T)
    return {"wall": wall, "cpu": cpu}


def hour(graph: OnnxGraph, blocks: NDArray[np.float32], settings: DictConfig) -> dict[str, Any]:
    """Memory of this process over a long stream, in MB; None where the system does not tell."""
    call = stepper(graph.step, graph.init_state())
    step_times_us(call, blocks, settings.warm_up, settings.warm_up)
    before = resident_mb()
    took_us = np.empty((0, 2))
    seen = []
    for part in np.array_split(np.arange(settings.hour_blocks), 10):
        took_us = np.concatenate([took_us, step_times_us(call, blocks, 0, len(part))])
        seen.append(resident_mb())
    return {"blocks": settings.hour_blocks, "rss_mb_at_start": before, "rss_mb": seen, "block_us": percentiles(took_us)}


def resident_mb() -> float | None:
    """Memory of this process that is in use, all its libraries included."""
    status = Path(f"/proc/{os.getpid()}/status")
    if not status.is_file():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return round(int(lines["VmRSS"].split()[0]) / 1024, 1)
