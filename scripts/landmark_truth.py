"""True points of the faces of a store, and the map from motion to points that is fitted on its training part.

Joins the landmarks that a store keeps (`src/data`) with what measures on them (`src/eval/lip_decoder.py`).
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.interpolate import CubicSpline

from src.data.alignment import align
from src.data.split import TRAIN
from src.data.store import Store
from src.eval.face_points import face_points
from src.eval.lip_decoder import DECODER_VERSION, LipDecoder
from src.eval.metrics import MINIMUM_FRAMES
from src.files import replacing
from src.motion import FRAMES_PER_SECOND, MotionSpec

logger = logging.getLogger(__name__)

FIT_FRAMES = 100_000
"""Larger training parts are fitted on about this many frames, of clips evenly spread over their ids: a map of some
thousand numbers needs no more, and a frame takes a third of a millisecond."""

_MANY_CLIPS = 100
"""From here on the progress is worth a bar."""


@dataclass(frozen=True, eq=False)
class TruePoints:
    """The measured points of a clip.

    Attributes:
        points: (T, P, 3) float32 in the frame of `src.eval.face_points`; interpolated where the face was not seen.
        seen: (T,) where it was.
    """

    points: NDArray[np.float32]
    seen: NDArray[np.bool_]


def why_no_landmarks(store: Store) -> str:
    """Why there can be no landmark figures of a store; empty where there can be."""
    steps, parts = (store.clips.column(name) for name in ("landmark_step_px", "split"))
    if not any(steps):
        return "the store keeps no landmarks (prepare it with prepare.settings.keep_landmarks=true)"
    if not any(step and part == TRAIN for step, part in zip(steps, parts, strict=True)):
        return "the store has no training part with landmarks to fit the map from motion to points on"
    return ""


def true_points(store: Store, clip_id: str, delay_ms: float = 0.0) -> TruePoints | None:
    """The measured points of a clip on the frames of its motion.

    Args:
        store: whose clip it is.
        clip_id: which.
        delay_ms: by how much its motion was delayed to meet the sound (`src.data.speaker_offset`); the points are
            delayed likewise.

    Returns:
        None for a clip without landmarks, or in which the face is seen in fewer than `MINIMUM_FRAMES` frames.

    Raises:
        DataError: the store has no such clip, or its file is damaged.
    """
    if store.info(clip_id).landmark_step_px == 0:
        return None
    landmarks = store.load_landmarks(clip_id)
    seen = store.load(clip_id).motion.valid & landmarks.any(axis=(1, 2))
    if seen.sum() < MINIMUM_FRAMES:
        return None
    found = face_points(align(landmarks[seen].astype(np.float64)).points)
    frames, known = np.arange(len(seen)), np.flatnonzero(seen)
    nearest = np.clip(np.searchsorted(known, frames), 1, len(known) - 1)
    before, after = known[nearest - 1], known[nearest]
    share = np.clip((frames - before) / (after - before), 0, 1)[:, None, None]
    points = found[nearest - 1] * (1 - share) + found[nearest] * share
    if delay_ms:
        source = frames - delay_ms * FRAMES_PER_SECOND / 1000
        inside = np.clip(source, 0, len(frames) - 1)
        points = CubicSpline(frames, points)(inside)
        seen = seen[np.floor(inside).astype(int)] & seen[np.ceil(inside).astype(int)] & (inside == source)
    return TruePoints(points.astype(np.float32), seen)


def landmark_pairs(
    store: Store, spec: MotionSpec, clip_ids: list[str]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """True motion (T, F) and true points (T, P, 3) of the seen frames of each clip that has them."""
    progress = track(
        clip_ids, "landmarks", console=Console(stderr=True), transient=True, disable=len(clip_ids) < _MANY_CLIPS
    )
    for clip_id in progress:
        truth = true_points(store, clip_id)
        if truth is not None:
            yield store.load(clip_id, spec.name).motion.values[truth.seen], truth.points[truth.seen]


def fitted_decoder(store: Store, spec: MotionSpec, folder: Path) -> LipDecoder:
    """The map from motion to points, fitted on the training part of a store, or as it was fitted before.

    Args:
        store: one of which `why_no_landmarks` says nothing.
        spec: of the motion.
        folder: keeps the map of this content of the store and this split.

    Raises:
        MotionError: hardly a frame of the training part has landmarks.
        DataError: a clip lacks the specification, or its file is damaged.
    """
    name = f"{spec.name}-{spec.version}-{store.content_hash[:16]}-{store.split_hash[:16]}-{DECODER_VERSION}"
    path = folder / f"lip-decoder-{name}.safetensors"
    try:
        return LipDecoder(spec, load_file(path)["weights"])
    except FileNotFoundError:
        pass
    except (SafetensorError, OSError, KeyError) as error:
        logger.warning("%s: damaged (%s), fitted again.", path, error)
    clips = [clip for clip in store.clips if clip.split == TRAIN and clip.landmark_step_px]
    step = max(1.0, sum(clip.frames for clip in clips) / FIT_FRAMES)
    chosen = [clips[int(place)].clip_id for place in np.arange(0, len(clips), step)]
    decoder = LipDecoder.fit(landmark_pairs(store, spec, chosen), spec)
    with replacing(path) as unfinished:
        save_file({"weights": decoder.weights}, unfinished)
    logger.info("map from %s to points of the face: fitted on %d clips, kept in %s", spec.name, len(chosen), path)
    return decoder
