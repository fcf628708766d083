"""Prepared clips on disk: one table of what there is, one memory-mappable file per clip.

Readable without this code, by anything that opens Parquet and safetensors:

* `manifest.parquet`: one row per clip; the columns are the fields of `ClipInfo`, described there.
* `clips/<clip_id>.safetensors`: the tensors
  `audio` (S,) int16, mono, 32768 is full scale;
  `motion` (T, F) float32, channels in the order of the `channels` column;
  `valid` (T,) uint8, 0 marks frames that were guessed rather than seen;
  `landmarks` (T, 478, 3) int16, optional; times `landmark_step_px` (a column) gives pixels.
  The header's metadata entry `clip` holds the clip's manifest row as JSON.

Time 0 is the first audio sample; motion frame i is at i / `fps` seconds. Files appear complete or not at
all, and hold neither dates nor machine paths, so equal content gives equal bytes and one `content_hash`.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from src.errors import DataError
from src.files import replacing, sha256_of
from src.motion import Motion, spec_named

MANIFEST = "manifest.parquet"
CLIPS = "clips"
STORE_VERSION = 1


@dataclass(frozen=True)
class ClipInfo:
    """One row of the manifest.

    Attributes:
        clip_id: unique in the store, and the stem of the clip's file.
        path: source file relative to the root that was prepared, with `/`.
        speaker: whom splits must not separate; equal labels are the same person.
        language: BCP 47 code such as `en`, empty if unknown.
        licence: terms of use of the source, empty if unknown.
        seconds: length of the sound.
        frames: T, motion frames.
        samples: S, audio samples.
        spec, spec_version, channels: the motion vocabulary; channels joined by commas.
        fps, sample_rate_hz: of motion and audio.
        valid_share: share of frames in which the face was seen.
        start_s: presentation time of the first audio sample in the source, so that time t here is
            `start_s` + t there.
        source_fps, width, height: of the source video.
        face_px: median height of the face in pixels of the source.
        landmark_step_px: pixels per unit of the stored landmarks, 0 if none are stored.
        source_sha256: of the source file's bytes.
        config_hash: of the settings that the clip was prepared with.
        clip_sha256: of the clip's file.
    """

    clip_id: str
    path: str
    speaker: str
    language: str
    licence: str
    seconds: float
    frames: int
    samples: int
    spec: str
    spec_version: int
    channels: str
    fps: float
    sample_rate_hz: int
    valid_share: float
    start_s: float
    source_fps: float
    width: int
    height: int
    face_px: float
    landmark_step_px: float
    source_sha256: str
    config_hash: str
    clip_sha256: str


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip, loaded.

    Attributes:
        waveform: (S,) float32 mono in [-1, 1].
        motion: T = ceil(S * fps / sample_rate_hz) frames from time 0, the first audio sample.
        info: its row.
    """

    waveform: NDArray[np.float32]
    motion: Motion
    info: ClipInfo


class Store:
    """A folder of prepared clips, for reading. Open it with `Store.open`.

    Attributes:
        folder: where it is.
        clips: rows in the order of their ids.
    """

    def __init__(self, folder: Path, clips: tuple[ClipInfo, ...]) -> None:
        self.folder = folder
        self.clips = clips
        self._by_id = {clip.clip_id: clip for clip in clips}

    @classmethod
    def open(cls, folder: Path | str) -> "Store":
        """Read the manifest of a prepared folder.

        Raises:
            DataError: there is none, or it is of another version of this project.
        """
        folder = Path(folder)
        path = folder / MANIFEST
        if not path.is_file():
            raise DataError(
                f"{folder}: not a prepared store, {MANIFEST} is missing. "
                f"Make one with `python -m scripts.prepare_data data.root=<videos> out={folder}`."
            )
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: not a readable Parquet file ({error}). Prepare the store again.") from error
        version = (table.schema.metadata or {}).get(b"store_version", b"none").decode()
        missing = {field.name for field in fields(ClipInfo)} - set(table.column_names)
        if version != str(STORE_VERSION) or missing:
            raise DataError(
                f"{path}: store version {version}, this program reads version {STORE_VERSION}"
                + (f"; missing columns: {', '.join(sorted(missing))}" if missing else "")
                + ". Prepare the store again with `python -m scripts.prepare_data`."
            )
        names = [field.name for field in fields(ClipInfo)]
        return cls(folder, tuple(ClipInfo(**row) for row in table.select(names).to_pylist()))

    @property
    def content_hash(self) -> str:
        """SHA-256 over the ids and contents of all clips; the same wherever and whenever they were made."""
        lines = "".join(f"{clip.clip_id} {clip.clip_sha256}\n" for clip in self.clips)
        return hashlib.sha256(lines.encode()).hexdigest()

    def info(self, clip_id: str) -> ClipInfo:
        """The row of a clip.

        Raises:
            DataError: the store has no such clip.
        """
        if clip_id not in self._by_id:
            raise DataError(f"{self.folder}: no clip {clip_id!r}. The {MANIFEST} lists {len(self.clips)} clips.")
        return self._by_id[clip_id]

    def load(self, clip_id: str) -> Clip:
        """Sound and motion of a clip. The file is memory-mapped: its landmarks stay on the disk.

        Raises:
            DataError: the store has no such clip, or its file is missing or damaged.
        """
        info = self.info(clip_id)
        audio, values, valid = self._read(clip_id, "audio", "motion", "valid")
        motion = Motion(values, spec_named(info.spec), info.fps, 0.0, valid.astype(bool))
        return Clip(audio.astype(np.float32) / 32768.0, motion, info)

    def load_landmarks(self, clip_id: str) -> NDArray[np.float32]:
        """(T, 478, 3) face landmarks of a clip in pixels of the source; 0 where the face was not seen.

        Raises:
            DataError: as `load`, or the store was prepared without landmarks.
        """
        info = self.info(clip_id)
        if info.landmark_step_px == 0:
            raise DataError(
                f"{self.folder}: clip {clip_id!r} was stored without landmarks. Prepare it again with "
                "`prepare.keep_landmarks=true`."
            )
        return self._read(clip_id, "landmarks")[0].astype(np.float32) * np.float32(info.landmark_step_px)

    def _read(self, clip_id: str, *names: str) -> list[NDArray[Any]]:
        path = clip_path(self.folder, clip_id)
        try:
            with safe_open(path, framework="np") as file:
                return [file.get_tensor(name) for name in names]
        except (SafetensorError, OSError) as error:
            raise DataError(
                f"{path}: the clip can't be read ({error}). Delete it and run `python -m scripts.prepare_data` again: "
                "only what is missing is made."
            ) from error


def clip_path(folder: Path, clip_id: str) -> Path:
    """Where a store keeps a clip."""
    return folder / CLIPS / f"{clip_id}.safetensors"


def write_clip(
    folder: Path,
    info: ClipInfo,
    waveform: NDArray[np.float32],
    motion: Motion,
    landmarks: NDArray[np.float32] | None,
) -> ClipInfo:
    """Write a clip's file, atomically.

    Args:
        folder: the store.
        info: its row; `landmark_step_px` and `clip_sha256` are filled in here.
        waveform: (S,) float32 in [-1, 1].
        motion: T frames from time 0.
        landmarks: (T, 478, 3) pixels, or None to keep none.

    Returns:
        The complete row.
    """
    row = asdict(info)
    tensors = {
        "audio": np.clip(np.round(waveform * 32768.0), -32768, 32767).astype(np.int16),
        "motion": np.ascontiguousarray(motion.values),
        "valid": motion.valid.astype(np.uint8),
    }
    row["landmark_step_px"] = 0.0
    if landmarks is not None:
        # Fixed point over the clip's own range: finer than float16, whose step at 500 px is 0.25 px.
        row["landmark_step_px"] = float(max(np.abs(landmarks).max(), 1.0) / 32767)
        tensors["landmarks"] = np.round(landmarks / row["landmark_step_px"]).astype(np.int16)
    del row["clip_sha256"]
    path = clip_path(folder, info.clip_id)
    with replacing(path) as unfinished:
        # One entry only: safetensors writes several in no fixed order, and equal content must give equal bytes.
        save_file(tensors, unfinished, metadata={"clip": json.dumps(row, sort_keys=True, ensure_ascii=False)})
        digest = sha256_of(unfinished)
    return ClipInfo(**row, clip_sha256=digest)


def read_row(path: Path) -> ClipInfo | None:
    """The row that a clip's file carries; None where there is no whole file of this version."""
    try:
        with safe_open(path, framework="np") as file:
            row: dict[str, Any] = json.loads(file.metadata()["clip"])
        return ClipInfo(**row, clip_sha256=sha256_of(path))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return None


def write_manifest(folder: Path, clips: Iterable[ClipInfo]) -> Store:
    """Write the table of a store's clips, in the order of their ids, and open the store."""
    rows = sorted(clips, key=lambda clip: clip.clip_id)
    types = {str: pa.string(), float: pa.float64(), int: pa.int64()}
    schema = pa.schema(
        [(field.name, types[field.type]) for field in fields(ClipInfo)],  # type: ignore[index]
        metadata={"store_version": str(STORE_VERSION)},
    )
    with replacing(folder / MANIFEST) as unfinished:
        pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows], schema), unfinished)
    return Store(folder, tuple(rows))
