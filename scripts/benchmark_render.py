"""Measure the renderer: how fast it draws at every size, what an avatar costs, and how faithful it is.

python -m scripts.benchmark_render out=<record.json> [portraits=<folder of photos>]

The clock includes `render` alone: no decoding, no encoding, no display. Beside the record a contact sheet
of the same name (.png) is written to be looked at. With `portraits` the closed loop runs on every photo of a folder.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
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
from scripts.make_avatar import BUILTIN_NAME, avatar_from_picture, builtin_portrait
from scripts.render_speed import drawing, in_photo, load_average, memory, sizes, timed_ms
from src.data.landmarks import FaceLandmarker
from src.errors import ConfigError, RenderError
from src.eval.provenance import provenance
from src.face import INNER_LIP_BOTTOM, INNER_LIP_TOP
from src.files import write_json
from src.motion import CORE7, FRAMES_PER_SECOND
from src.render.avatar import MINIMUM_FACE_PX, Avatar
from src.render.closed_loop import ClosedLoop, measure_swept, measure_together, random_motion, swept_motion
from src.render.contact_sheet import contact_sheet, range_of_motion, save_sheet
from src.render.portrait import load_portrait
from src.render.renderer import Renderer
from src.render.resizing import resized

BUDGET_MS = 1000 / FRAMES_PER_SECOND
PICTURES = {".jpg", ".jpeg", ".png", ".webp"}

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Measure, print, write."""
    cv2.setNumThreads(config.num_threads)
    photos = {} if config.portraits is None else photos_in(Path(config.portraits))
    renderer: Renderer = instantiate(config.render)
    picture = builtin_portrait() if config.avatar is None else None
    if picture is None:
        avatar, making = Avatar.load(config.avatar), None
    else:
        avatar = made(picture, renderer.size, BUILTIN_NAME)
        making = [timed_ms(lambda: made(picture, renderer.size, BUILTIN_NAME)) for _ in range(config.makings)]
    record = {
        "question": "How long does one picture take, what does an avatar cost, and do re-extracted landmarks follow "
        "what was asked?",
        "clock_includes": "render of one frame; no decoding, encoding or display",
        "avatar": avatar.name,
        "size": renderer.size,
        **drawing(renderer, avatar, config),
        "budget_ms": BUDGET_MS,
        "warm_up": config.warm_up,
        "repetitions": config.frames,
        "make_ms": None if making is None else round(float(np.median(making)), 1),
        "memory": memory(renderer, avatar, config.memory_avatars),
        "sizes": sizes(config, avatar),
        "in_photo": in_photo(config, avatar),
        "closed_loop": {avatar.name: closed_loops(renderer, avatar, config)},
        "machine": machine(config.num_threads),
        "config": OmegaConf.to_container(config, resolve=True),
    }
    for name, photo in photos.items():
        try:
            record["closed_loop"][name] = closed_loops(renderer, made(photo, renderer.size, name), config)
        except RenderError as error:  # one photo that can't be an avatar says nothing of the others
            logger.warning("%s", error)
            record["closed_loop"][name] = {"refused": str(error)}
    write_json(Path(config.out), record)
    labels, frames = range_of_motion()
    state = renderer.prepare(avatar)
    sheet = contact_sheet(labels, [renderer.render(state, frame) for frame in frames], columns=4, width=320)
    save_sheet(Path(config.out).with_suffix(".png"), sheet)
    show(record)


def made(picture: NDArray[np.uint8], size: int, name: str) -> Avatar:
    """An avatar of a photo."""
    return avatar_from_picture(picture, size, name, MINIMUM_FACE_PX)


def photos_in(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """The photos of a folder by their names.

    Raises:
        ConfigError: there are none.
        RenderError: one can't be read.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURES)
    if not paths:
        raise ConfigError(f"portraits={folder}: no {', '.join(sorted(PICTURES))} there. Name a folder of photos.")
    return {path.name: load_portrait(path) for path in paths}


def closed_loops(renderer: Renderer, avatar: Avatar, config: DictConfig) -> dict[str, Any]:
    """Agreement of asked and found motion, all channels together as in speech, and each swept alone."""
    state = renderer.prepare(avatar)
    together = random_motion(np.random.default_rng(config.seed), config.closed_loop_frames)
    swept = swept_motion(config.sweep_steps)
    return {
        "together": record_of(measure_together(together, found_again(renderer, state, together, avatar.name))),
        "swept": record_of(measure_swept(swept, found_again(renderer, state, swept, avatar.name))),
        "likeness": likeness(renderer, state, avatar),
    }


def likeness(renderer: Renderer, state: Any, avatar: Avatar) -> dict[str, float | None]:
    """PSNR in dB of pictures that should be the photo; None: they are.

    The neutral one shuts lips that the photo has open; the other one asks for the photo's own gap between them.
    """
    own = CORE7.neutral.copy()
    gap = avatar.landmarks[INNER_LIP_TOP] - avatar.landmarks[INNER_LIP_BOTTOM]
    own[CORE7.index("jaw_open")] = np.linalg.norm(gap) / avatar.face_size
    photo = resized(avatar, renderer.size).image
    drawn = {"neutral": CORE7.neutral, "own_opening": own}
    pictures = {name: renderer.render(state, frame)[..., :3] for name, frame in drawn.items()}
    return {
        name: None if np.array_equal(picture, photo) else round(cv2.PSNR(picture, photo), 1)
        for name, picture in pictures.items()
    }


def found_again(
    renderer: Renderer, state: Any, asked: NDArray[np.float32], name: str
) -> list[list[NDArray[np.float32]]]:
    """Faces of the pictures of the neutral frame and of each asked one."""
    with FaceLandmarker(max_faces=1, static=True) as landmarker:
        frames = track([CORE7.neutral, *asked], description=name, console=Console(stderr=True), transient=True)
        return [landmarker.detect(renderer.render(state, frame)[..., :3]) for frame in frames]


def record_of(loop: ClosedLoop) -> dict[str, Any]:
    """As JSON can hold it."""
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in asdict(loop).items()}


def machine(num_threads: int) -> dict[str, Any]:
    """What the figures depend on."""
    return {**provenance().to_dict(), "load_average_1_min": load_average(), "opencv_threads": num_threads}


def show(record: Mapping[str, Any]) -> None:
    """Print the figures."""
    console, kept = Console(), record["memory"]
    speed = table("Speed, ms", "picture", ["prepare", "p50", "p95", "p99", "max", "CPU", "FPS", "load"])
    for name, figures in {**record["sizes"], "in photo": record["in_photo"]}.items():
        speed.add_row(
            name,
            str(figures["prepare_ms"]),
            *(str(value) for value in figures["frame_ms"].values()),
            str(figures["cpu_ms_per_frame"]),
            str(figures["fps_median"]),
            str(figures["load_average_1_min"]),
        )
    console.print(speed)
    console.print(
        f"making an avatar {record['make_ms']} ms; prepared, its arrays hold {kept['arrays_mb']} MB, the process grew "
        f"by {kept['grown_mb']} MB for each"
    )
    likenesses = table("PSNR against the photo, dB", "portrait", ["neutral", "own_opening"])
    for name, loop in record["closed_loop"].items():
        if "likeness" in loop:
            likenesses.add_row(
                name, *("same" if value is None else f"{value:.1f}" for value in loop["likeness"].values())
            )
    console.print(likenesses)
    for kind in ("swept", "together"):
        for figure in ("r", "slope", "mean_error"):
            console.print(faithfulness(record["closed_loop"], kind, figure))


def faithfulness(loops: Mapping[str, Any], kind: str, figure: str) -> Table:
    """One figure of the closed loop per portrait and channel."""
    measured = {name: loop[kind] for name, loop in loops.items() if kind in loop}
    channels = list(next(iter(measured.values()))[figure])
    shown = table(f"Closed loop, {kind}: {figure}", "portrait", ["faces", *channels])
    for portrait, loop in measured.items():
        shown.add_row(portrait, str(loop["found"]), *(f"{loop[figure][channel]:.3f}" for channel in channels))
    return shown


def table(title: str, first: str, columns: Sequence[str]) -> Table:
    """A table of numbers that fits a narrow terminal: names fold between their words."""
    made_table = Table(title=title, title_justify="left", padding=(0, 0))
    made_table.add_column(first, no_wrap=True)
    for column in columns:
        made_table.add_column(column.replace("_", " "), justify="right", overflow="fold")
    return made_table


if __name__ == "__main__":
    run(main, "benchmark_render")
