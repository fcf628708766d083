"""Measure the renderer: how fast it draws, and how faithfully.

python -m scripts.benchmark_render out=<record.json>

The clock includes `render` alone: no decoding, no encoding, no display. Beside the record a contact sheet
of the same name (.png) is written to be looked at.
"""

import os
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import track
from rich.table import Table

from scripts.entry import run
from scripts.make_avatar import builtin_avatar
from src.data.landmarks import FaceLandmarker
from src.eval.provenance import provenance
from src.files import write_json
from src.motion import CORE7, FRAMES_PER_SECOND
from src.render.avatar import Avatar
from src.render.closed_loop import ClosedLoop, measure_together, random_motion
from src.render.contact_sheet import contact_sheet, range_of_motion, save_sheet
from src.render.mesh import MeshRenderer, MeshState

BUDGET_MS = 1000 / FRAMES_PER_SECOND


def main(config: DictConfig) -> None:
    """Measure, print, write."""
    cv2.setNumThreads(config.num_threads)
    renderer = instantiate(config.render)
    avatar = builtin_avatar(config.render.size) if config.avatar is None else Avatar.load(config.avatar)
    started = time.perf_counter()
    state = renderer.prepare(avatar)
    prepare_ms = (time.perf_counter() - started) * 1000
    times_ms, cpu_ms = frame_times_ms(renderer, state, config.warm_up, config.frames)
    loop = closed_loop(renderer, state, config.seed, config.closed_loop_frames)
    record = {
        "question": "How long does one picture take, and do re-extracted landmarks follow what was asked?",
        "clock_includes": "MeshRenderer.render of one frame; no decoding, encoding or display",
        "avatar": avatar.name,
        "size": renderer.size,
        "prepare_ms": round(prepare_ms, 1),
        "frame_ms": dict(
            zip(
                ("p50", "p95", "p99", "max"), np.percentile(times_ms, [50, 95, 99, 100]).round(2).tolist(), strict=False
            )
        ),
        "cpu_ms_per_frame": round(cpu_ms, 2),
        "budget_ms": BUDGET_MS,
        "fps_median": round(1000 / float(np.median(times_ms)), 1),
        "warm_up": config.warm_up,
        "repetitions": config.frames,
        "closed_loop": {
            "frames": config.closed_loop_frames,
            "found": loop.found,
            "r": loop.r,
            "slope": loop.slope,
            "mean_error": loop.mean_error,
        },
        "machine": machine(config.num_threads),
        "config": OmegaConf.to_container(config, resolve=True),
    }
    write_json(Path(config.out), record)
    labels, frames = range_of_motion()
    sheet = contact_sheet(labels, [renderer.render(state, frame) for frame in frames], columns=4, width=320)
    save_sheet(Path(config.out).with_suffix(".png"), sheet)
    show(record, loop)


def speaking(num_frames: int) -> NDArray[np.float32]:
    """(N, 7) lively motion in which every channel moves, so that no part of a picture is skipped."""
    times_s = np.arange(num_frames) / FRAMES_PER_SECOND
    width = 0.1 * np.sin(5 * times_s)
    values = np.stack(
        [
            0.15 + 0.15 * np.sin(17 * times_s),
            np.maximum(width, 0),
            np.maximum(-width, 0),
            10 * np.sin(1.1 * times_s),
            6 * np.sin(0.7 * times_s + 1),
            4 * np.sin(0.5 * times_s + 2),
            np.clip(3 * np.sin(2 * times_s) - 1.5, 0, 1),
        ],
        axis=1,
    )
    return np.clip(values, CORE7.minimum, CORE7.maximum).astype(np.float32)


def frame_times_ms(
    renderer: MeshRenderer, state: MeshState, warm_up: int, num_frames: int
) -> tuple[NDArray[np.float64], float]:
    """(N,) milliseconds of each `render` after the warm-up, and milliseconds of all cores per frame."""
    frames = speaking(warm_up + num_frames)
    for frame in frames[:warm_up]:
        renderer.render(state, frame)
    times, cpu_started = [], time.process_time()
    for frame in frames[warm_up:]:
        started = time.perf_counter()
        renderer.render(state, frame)
        times.append((time.perf_counter() - started) * 1000)
    return np.array(times), (time.process_time() - cpu_started) * 1000 / num_frames


def closed_loop(renderer: MeshRenderer, state: MeshState, seed: int, num_frames: int) -> ClosedLoop:
    """Render random motion and find it again."""
    asked = random_motion(np.random.default_rng(seed), num_frames)
    with FaceLandmarker(max_faces=1, static=True) as landmarker:
        frames = track(
            [CORE7.neutral, *asked], description="finding again", console=Console(stderr=True), transient=True
        )
        faces = [landmarker.detect(renderer.render(state, frame)) for frame in frames]
    return measure_together(asked, faces)


def machine(num_threads: int) -> dict[str, Any]:
    """What the figures depend on."""
    return {
        **provenance().to_dict(),
        # Other work on the machine makes every figure of the clock worse.
        "load_average_1_min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "opencv_threads": num_threads,
    }


def show(record: dict[str, Any], loop: ClosedLoop) -> None:
    """Print the figures."""
    console, frame_ms = Console(), record["frame_ms"]
    speed = Table("prepare ms", "p50 ms", "p95 ms", "p99 ms", "max ms", "CPU ms", "FPS (median)", title="Speed")
    speed.add_row(
        str(record["prepare_ms"]),
        *(str(value) for value in frame_ms.values()),
        str(record["cpu_ms_per_frame"]),
        str(record["fps_median"]),
    )
    faith = Table("channel", "r", "slope", "mean error", title=f"Closed loop, {loop.found} pictures")
    for name, value in loop.r.items():
        faith.add_row(name, f"{value:.3f}", f"{loop.slope[name]:.2f}", f"{loop.mean_error[name]:.3f}")
    console.print(speed)
    console.print(faith)


if __name__ == "__main__":
    run(main, "benchmark_render")
