"""How fast videos are prepared, beside the plain loop that people write first: OpenCV reads, MediaPipe looks.

Part of `scripts.benchmark_data`. Both look at the same file in this one process, by turns, so that whatever else the
machine does slows both.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.progress import track

from scripts.entry import composed
from scripts.make_avatar import builtin_avatar
from scripts.make_corpus import Camera, write_clip
from src.data.audio import load_recording
from src.data.clips import ClipMaker
from src.data.landmarks import FaceLandmarker
from src.data.layouts import Source
from src.errors import DataError


def measure_preparation(config: DictConfig, folder: Path) -> dict[str, Any]:
    """The record's part about preparation.

    Args:
        config: of `scripts.benchmark_data`.
        folder: for the film and for stores; nobody cleans it.

    Raises:
        DataError: the given film can't be prepared.
    """
    settings = config.preparation
    film = Path(settings.film) if settings.film else make_film(folder / "film.mp4", settings.width, settings.height)
    clip_settings = instantiate(composed("prepare_data", ["out=unused"]).prepare.settings)
    models: dict[str, Path | None] = {"core7": None}
    if config.models.face_landmarker:
        models["core7_arkit55"] = Path(config.models.face_landmarker)
    makers = {
        name: ClipMaker(folder / name, clip_settings, float("inf"), face_landmarker=model)
        for name, model in models.items()
    }
    seconds: dict[str, list[float]] = defaultdict(list)
    stages: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in makers}
    plain = PlainLoop()
    for repetition in track(range(settings.repetitions + 1), "preparation", transient=True):
        # The first time is the warm-up: networks and caches. The name changes, so that nothing is reused.
        source = Source(film, f"{repetition}.mp4", "speaker", "en", "")
        spent = {"plain_loop": plain.seconds(film)}
        for name, maker in makers.items():
            result = maker(source)
            if not result.clips:
                raise DataError(f"{film}: {result.record.reason}. Give another film as preparation.film.")
            spent[name] = sum(result.stages_s.values())
            film_s = result.record.seconds
            for stage, stage_s in result.stages_s.items():
                if repetition:
                    stages[name][stage].append(1000 * stage_s / film_s)
        if repetition:
            for name, each in spent.items():
                seconds[name].append(each / film_s)
    return {
        "clock_includes": "everything from the file on the disk to the clip on the disk; for the plain loop, from the "
        "file to landmarks in memory and on the disk",
        "film": {"name": "given" if settings.film else "made", "seconds": round(film_s, 2), **picture_size(film)},
        "realtime_factor": {name: spread([1 / each for each in values]) for name, values in seconds.items()},
        "times_as_fast_as_plain_loop": {
            name: round(float(np.median(np.divide(seconds["plain_loop"], seconds[name]))), 2) for name in makers
        },
        "ms_per_second_of_film": {
            name: {stage: round(float(np.median(values)), 2) for stage, values in sorted(parts.items())}
            for name, parts in stages.items()
        },
        "features_ms_per_second_of_film": features_ms(config, film, settings.repetitions),
    }


def features_ms(config: DictConfig, film: Path, repetitions: int) -> float:
    """What the features of a second of sound cost when training starts; the store has none."""
    features, waveform = instantiate(config.features), load_recording(film).waveform
    spent = []
    for _ in range(repetitions + 1):
        started = time.perf_counter()
        features.extract(waveform)
        spent.append(time.perf_counter() - started)
    return round(1000 * float(np.median(spent[1:])) / (len(waveform) / features.sample_rate_hz), 3)


class PlainLoop:
    """Every picture by OpenCV, every face by MediaPipe FaceMesh, one after another, kept with `numpy.save`."""

    def __init__(self) -> None:
        self._landmarker = FaceLandmarker(max_faces=1, static=False)

    def seconds(self, film: Path) -> float:
        """How long it takes for a film."""
        started = time.perf_counter()
        reader, faces = cv2.VideoCapture(str(film)), []
        while True:
            more, image = reader.read()
            if not more:
                break
            faces += self._landmarker.detect(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8))
        reader.release()
        with tempfile.TemporaryFile() as file:
            np.save(file, np.stack(faces))
        return time.perf_counter() - started


def make_film(path: Path, width: int, height: int) -> Path:
    """The utterance that the demo speaks, on the built-in portrait, at a size that cameras have."""
    corpus = composed("make_corpus", ["out=unused"])
    camera = Camera(instantiate(corpus.render), builtin_avatar(corpus.render.size), corpus.image_size)
    utterance = instantiate(corpus.data).held_out()
    speech = utterance.speech

    def on_screen() -> Iterator[NDArray[np.uint8]]:
        side = min(width, height)
        for image in camera(utterance.motion):
            screen = cv2.GaussianBlur(cv2.resize(image, (width, height)), (0, 0), 20)
            left, top = (width - side) // 2, (height - side) // 2
            screen[top : top + side, left : left + side] = cv2.resize(image, (side, side))
            yield np.asarray(screen, np.uint8)

    path.parent.mkdir(parents=True, exist_ok=True)
    write_clip(path, on_screen(), utterance.motion.fps, speech.waveform, speech.sample_rate_hz)
    return path


def picture_size(film: Path) -> dict[str, int]:
    """Width and height in pixels."""
    reader = cv2.VideoCapture(str(film))
    size = {
        "width": int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)),
        "height": int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)),
    }
    reader.release()
    return size


def spread(values: list[float]) -> dict[str, float]:
    """Median and range."""
    return {
        "median": round(float(np.median(values)), 2), "min": round(min(values), 2), "max": round(max(values), 2)
    }  # fmt: skip
