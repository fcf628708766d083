"""How fast avatars are made, prepared and drawn, and how much memory they hold."""

import gc
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from src.motion import CORE7, FRAMES_PER_SECOND
from src.render.avatar import Avatar
from src.render.photo import PhotoRenderer
from src.render.renderer import Renderer
from src.render.resizing import scaled


def drawing(renderer: Renderer, avatar: Avatar, config: DictConfig) -> dict[str, Any]:
    """Milliseconds of preparing an avatar and of each picture of it."""
    prepare_ms = [timed_ms(lambda: renderer.prepare(avatar)) for _ in range(config.preparations)]
    times_ms, cpu_ms = frame_times_ms(renderer, renderer.prepare(avatar), config.warm_up, config.frames)
    quantiles = np.percentile(times_ms, [50, 95, 99, 100]).round(2).tolist()
    return {
        "width": renderer.width,
        "height": renderer.height,
        "prepare_ms": round(float(np.median(prepare_ms)), 1),
        "frame_ms": dict(zip(("p50", "p95", "p99", "max"), quantiles, strict=True)),
        "cpu_ms_per_frame": round(cpu_ms, 2),
        "fps_median": round(1000 / float(np.median(times_ms)), 1),
        "load_average_1_min": load_average(),
    }


def sizes(config: DictConfig, avatar: Avatar) -> dict[str, Any]:
    """Figures of the renderer at each size of `config.sizes`, of one avatar."""
    figures = {}
    for one in config.sizes:
        renderer = instantiate(OmegaConf.merge(config.render, one))
        figures[str(one.size)] = drawing(renderer, avatar, config)
    return figures


def in_photo(config: DictConfig, avatar: Avatar) -> dict[str, Any]:
    """Figures of the avatar pasted back into a photo of `config.photo`, in whose middle its head is."""
    settings = config.photo
    head = scaled(avatar.image, settings.head)
    left, top = (settings.width - settings.head) // 2, (settings.height - settings.head) // 2
    photo = cv2.copyMakeBorder(
        head,
        top,
        settings.height - settings.head - top,
        left,
        settings.width - settings.head - left,
        cv2.BORDER_REFLECT_101,
    )
    sha256 = hashlib.sha256(photo.tobytes()).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.png"
        Image.fromarray(photo).save(path)
        inner = instantiate(OmegaConf.merge(config.render, settings.inner))
        renderer = PhotoRenderer(inner=inner, photo=path)
        whole = replace(avatar, crop=(left, top, settings.head), source_sha256=sha256)
        return {"head_px": settings.head, "drawn_px": renderer.size, **drawing(renderer, whole, config)}


def memory(renderer: Renderer, avatar: Avatar, count: int) -> dict[str, Any]:
    """Megabytes of a prepared avatar: of its arrays, and by which the process grew for each of `count` more.

    Sessions of an avatar share its state, so this is all that they hold together.
    """
    states = [renderer.prepare(avatar)]
    gc.collect()
    before = resident_bytes()
    states += [renderer.prepare(replace(avatar, image=avatar.image.copy())) for _ in range(count)]
    gc.collect()
    after = resident_bytes()
    grown = None if before is None or after is None else round((after - before) / count / 1e6, 1)
    return {"arrays_mb": round(array_bytes(states[0]) / 1e6, 1), "grown_mb": grown, "avatars": count}


def array_bytes(state: Any) -> int:
    """Bytes of all arrays that dataclasses, sequences and mappings hold; shared ones counted once."""
    found: dict[int, int] = {}

    def visit(value: Any) -> None:
        if isinstance(value, np.ndarray):
            owner = value
            while isinstance(owner.base, np.ndarray):
                owner = owner.base
            found[id(owner)] = owner.nbytes
        elif is_dataclass(value):
            for field in fields(value):
                visit(getattr(value, field.name))
        elif isinstance(value, Mapping):
            for one in value.values():
                visit(one)
        elif isinstance(value, list | tuple):
            for one in value:
                visit(one)

    visit(state)
    return sum(found.values())


def resident_bytes() -> int | None:
    """Memory of this process that is in use now; None where the system does not say."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if status.is_file() else None


def load_average() -> float | None:
    """Of the last minute: other work on the machine makes every figure of the clock worse."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def timed_ms(work: Callable[[], Any]) -> float:
    """Milliseconds that a call takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


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


def frame_times_ms(renderer: Renderer, state: Any, warm_up: int, num_frames: int) -> tuple[NDArray[np.float64], float]:
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
