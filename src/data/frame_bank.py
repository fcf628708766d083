"""Features and motion of all clips of a store, frame by frame, in flat files that are mapped into memory.

A window is then a handful of neighbouring rows: no file to open, nothing to decode, and every loader process
reads the same pages. A bank is built once for the content of a store, a feature extractor and a motion
specification, and kept beside the store; when one of them changes, another is built.

    bank.json           what it is of
    offsets.npy         (n + 1,) int64: the frames of clip i are rows offsets[i] .. offsets[i + 1]
    features.f32        (N, R) float32 rows, as a stream of the sound gives them
    motion.f32          (N, C) float32
    valid.u8            (N,) uint8
    valid_frames.npy    (n,) int64: per clip, how many frames are valid
    motion_sums.npy     (n, 2, C) float64: per clip, sums of the valid motion and of its squares
    sums-<hash>.npy     (n, 2, F) float64: per clip, sums over all hops of an extractor and of their squares

Clips are in the order of the store's manifest. Files appear complete or not at all.
"""

import json
import logging
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from src.data.feature_cache import CachedSound, FeatureCache
from src.data.features import FeatureExtractor
from src.data.features.base import hash_of
from src.data.speaker_offset import delayed
from src.data.store import Clip, Store
from src.errors import DataError
from src.files import replacing, write_json
from src.motion import MotionSpec

logger = logging.getLogger(__name__)

BANK_VERSION = 2
"""Grows when the files mean something else."""

_INDEX = "bank.json"
_UNFINISHED = ".building-"
_MANY_CLIPS = 100
"""From here on the progress is worth a bar."""

_ABANDONED_S = 3600.0
"""A build that wrote nothing for so long was killed."""


@dataclass(frozen=True, eq=False)
class FrameBank:
    """Rows of all clips, read-only. Get one with `FrameBank.of`; another process maps the same files.

    Attributes:
        folder: where it is.
        offsets: (n + 1,) int64, rows of each clip.
        features: (N, R) float32.
        motion: (N, C) float32.
        valid: (N,) bool.
        valid_frames: (n,) int64, per clip.
        motion_sums: (n, 2, C) float64, sums of the valid motion and of its squares, per clip.
    """

    folder: Path
    offsets: NDArray[np.int64]
    features: NDArray[np.float32]
    motion: NDArray[np.float32]
    valid: NDArray[np.bool_]
    valid_frames: NDArray[np.int64]
    motion_sums: NDArray[np.float64]

    def __reduce__(self) -> tuple[Any, ...]:
        """Mapped files travel to another process by name, not by content."""
        return FrameBank.read, (self.folder,)

    @classmethod
    def of(
        cls,
        store: Store,
        features: FeatureExtractor,
        spec: MotionSpec,
        folder: Path,
        cache: FeatureCache,
        delays_ms: Mapping[str, float],
    ) -> "FrameBank":
        """The bank of a store, built now if there is none.

        Args:
            store: the clips.
            features: extractor; its `front` gives the rows that are kept.
            spec: motion specification.
            folder: keeps the banks of this store; those of a former content of it are removed.
            cache: keeps the hops of extractors that are costly, so that a store that grows needs only the new ones.
            delays_ms: by how much the motion of a speaker is delayed; that of others stays as the store has it.

        Raises:
            DataError: a clip can't be read, lacks the specification or has another sample rate; or the folder
                can't be written to.
        """
        facts = bank_identity(store, features, spec, delays_ms)
        path = folder / f"bank-{hash_of(facts)}"
        if not (path / _INDEX).is_file():
            try:
                _clean(folder, facts["content_hash"])
                with _new_folder(path) as unfinished:
                    _build(store, features.front, spec, unfinished, facts, cache, delays_ms)
            except OSError as error:
                raise DataError(
                    f"{folder}: features can't be kept here ({error}). Make room, or name another folder as data.cache."
                ) from error
        return cls.read(path)

    @classmethod
    def read(cls, folder: Path) -> "FrameBank":
        """Map the files of a bank."""
        facts = json.loads((folder / _INDEX).read_text("utf-8"))
        return cls(
            folder=folder,
            offsets=np.load(folder / "offsets.npy"),
            features=mapped_rows(folder / "features.f32", np.float32, (facts["frames"], facts["row_size"])),
            motion=mapped_rows(folder / "motion.f32", np.float32, (facts["frames"], facts["channels"])),
            valid=mapped_rows(folder / "valid.u8", np.bool_, (facts["frames"],)),
            valid_frames=np.load(folder / "valid_frames.npy"),
            motion_sums=np.load(folder / "motion_sums.npy", mmap_mode="r"),
        )

    def feature_sums(self, features: FeatureExtractor) -> NDArray[np.float64]:
        """(n, 2, F) sums over all hops of each clip, of an extractor's features and of their squares.

        The first call takes a pass over the bank, which is kept.
        """
        path = self.folder / f"sums-{features.config_hash}.npy"
        if not path.is_file():
            sums = np.empty((len(self.offsets) - 1, 2, features.size))
            for clip, (start, stop) in enumerate(pairwise(self.offsets)):
                sums[clip] = sums_of(finished_hops(self.features[start:stop], features))
            with replacing(path) as unfinished:
                np.save(unfinished, sums)
        return np.load(path, mmap_mode="r")


def bank_identity(
    store: Store, features: FeatureExtractor, spec: MotionSpec, delays_ms: Mapping[str, float]
) -> dict[str, Any]:
    """What a bank is of, in plain types: the folder `bank-<hash_of(identity)>` holds it, `bank.json` repeats it."""
    return {
        "version": BANK_VERSION,
        "content_hash": store.content_hash,
        "features_hash": features.front.config_hash,
        "spec": f"{spec.name}:{spec.version}",
        "delays_hash": hash_of(dict(delays_ms)),
    }


def finished_hops(rows: NDArray[np.float32], features: FeatureExtractor) -> NDArray[np.float32]:
    """Rows of the bank (T, R) as hops of an extractor (K, F)."""
    hops = rows.reshape(-1, features.front.size)
    if features.front is features:
        return hops
    return features.finish_hops(torch.tensor(hops)[None])[0].numpy()


def sums_of(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """(2, F) sums of the rows of (N, F), and of their squares."""
    exact = values.astype(np.float64)
    return np.stack([exact.sum(axis=0), np.square(exact).sum(axis=0)])


def mapped_rows(path: Path, dtype: type, shape: tuple[int, ...]) -> NDArray[Any]:
    """A file of rows as a plain array, read-only."""
    # Not the map itself: every slice of np.memmap itself runs Python code.
    return np.asarray(np.memmap(path, dtype, "r", shape=shape))


def _build(
    store: Store,
    features: FeatureExtractor,
    spec: MotionSpec,
    folder: Path,
    facts: dict[str, Any],
    cache: FeatureCache,
    delays_ms: Mapping[str, float],
) -> None:
    """Write the files of a bank, one clip after the other."""
    num_clips = len(store.clips)
    lengths, valid_frames = np.zeros(num_clips, np.int64), np.zeros(num_clips, np.int64)
    motion_sums = np.zeros((num_clips, 2, spec.size))
    with ExitStack() as files:
        names = ("features.f32", "motion.f32", "valid.u8")
        feature_file, motion_file, valid_file = (files.enter_context(open(folder / name, "wb")) for name in names)
        progress = track(
            store.clips, "features", console=Console(stderr=True), transient=True, disable=num_clips < _MANY_CLIPS
        )
        for number, info in enumerate(progress):
            clip = store.load(info.clip_id, spec.name)
            rows = _rows_of(clip, features, cache)
            moved = delayed(clip.motion, delays_ms.get(info.speaker, 0.0))
            frames = min(len(rows), len(moved))
            rows, motion, valid = rows[:frames], moved.values[:frames], moved.valid[:frames]
            feature_file.write(rows.tobytes())
            motion_file.write(motion.tobytes())
            valid_file.write(valid.tobytes())
            lengths[number], valid_frames[number] = len(rows), valid.sum()
            motion_sums[number] = sums_of(motion[valid])
    if not lengths.any():
        raise DataError(
            f"none of {num_clips} clips holds a frame. Prepare videos with `python -m scripts.prepare_data`."
        )
    np.save(folder / "offsets.npy", np.concatenate([[0], np.cumsum(lengths)]))
    np.save(folder / "valid_frames.npy", valid_frames)
    np.save(folder / "motion_sums.npy", motion_sums)
    shape = {"frames": int(lengths.sum()), "row_size": features.row_size, "channels": spec.size}
    write_json(folder / _INDEX, {**facts, **shape})
    logger.info(
        "features of %d clips: %.1f GB in %s", num_clips, 4e-9 * shape["frames"] * features.row_size, folder.parent
    )


def _rows_of(clip: Clip, features: FeatureExtractor, cache: FeatureCache) -> NDArray[np.float32]:
    """(T, R) rows of a clip."""
    if clip.info.sample_rate_hz != features.sample_rate_hz:
        raise DataError(
            f"{clip.info.clip_id}: its sound has {clip.info.sample_rate_hz} Hz, the features take "
            f"{features.sample_rate_hz} Hz. Prepare the store with that sample rate, or choose other features."
        )
    if features.is_costly:
        rows = features.stack(cache.hops(CachedSound(clip.info.audio_sha256, lambda: clip.waveform), features))
    else:
        rows = features.extract_frames(clip.waveform)
    return rows.astype(np.float32, copy=False)


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder that takes its name when the block ends well, unless another process was first."""
    unfinished = path.with_name(f"{_UNFINISHED}{uuid.uuid4().hex[:8]}")
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        with suppress(OSError):  # not empty: a bank of the same content is there
            unfinished.rename(path)
        if not (path / _INDEX).is_file():
            raise OSError(f"{unfinished} could not be renamed to {path.name}")
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _clean(folder: Path, content_hash: str) -> None:
    """Remove the banks of another content, and what killed builds left."""
    for path in folder.glob("bank-*"):
        index = path / _INDEX
        if not index.is_file() or json.loads(index.read_text("utf-8")).get("content_hash") != content_hash:
            shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(f"{_UNFINISHED}*"):
        newest = max((file.stat().st_mtime for file in path.iterdir()), default=0.0)
        if time.time() - newest > _ABANDONED_S:
            shutil.rmtree(path, ignore_errors=True)
