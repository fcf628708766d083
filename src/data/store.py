"""Prepared clips on disk: one table of what there is, one memory-mappable file per clip.

Readable without this code, by anything that opens Parquet and safetensors:

* `manifest.parquet`: one row per clip; the columns are the fields of `ClipInfo`, described there. Its metadata
  entry `channels` is JSON: the channels of each motion specification, in order, with unit and range.
* `clips/<clip_id>.safetensors`: the tensors
  `audio` (S,) int16, mono, 32768 is full scale;
  `motion.<spec>` (T, F) float32 for each specification in the `specs` column, such as `motion.core7`;
  `valid` (T,) uint8, 0 marks frames that were guessed rather than seen;
  `landmarks` (T, 478, 3) int16, optional; times `landmark_step_px` (a column) gives pixels.
  The header's metadata entry `clip` holds the clip's manifest row as JSON, less `split`;
* `sources/<source_id>.json`: what became of each source (`src/data/records.py`), to resume by;
* `local.json`: where the sources are on this machine. It is part of no hash.

A clip is a stretch of a source video. Time 0 is its first audio sample; motion frame i is at i / `fps` seconds.
Files appear complete or not at all, and hold neither dates nor machine paths, so equal content gives equal bytes
and one `content_hash`.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from src.data.clip_info import ClipInfo, ClipTable, versions_of
from src.data.layouts import file_of
from src.errors import DataError
from src.files import replacing, sha256_of, write_json
from src.motion import CORE7, SPECS, Motion, spec_named

MANIFEST = "manifest.parquet"
CLIPS = "clips"
LOCAL = "local.json"
STORE_VERSION = 2


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

    def __init__(self, folder: Path, clips: ClipTable) -> None:
        self.folder = folder
        self.clips = clips
        self._row_of = {clip_id: row for row, clip_id in enumerate(clips.column("clip_id"))}

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
        return cls(folder, ClipTable(table.select([field.name for field in fields(ClipInfo)])))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over the ids and contents of all clips; the same wherever and whenever they were made."""
        return _hash_of(self.clips, "clip_sha256")

    @property
    def split_hash(self) -> str:
        """SHA-256 over the ids of all clips and the part of the split that each is in."""
        return _hash_of(self.clips, "split")

    def info(self, clip_id: str) -> ClipInfo:
        """The row of a clip.

        Raises:
            DataError: the store has no such clip.
        """
        if clip_id not in self._row_of:
            raise DataError(f"{self.folder}: no clip {clip_id!r}. The {MANIFEST} lists {len(self.clips)} clips.")
        return self.clips[self._row_of[clip_id]]

    def load(self, clip_id: str, spec: str = CORE7.name) -> Clip:
        """Sound and motion of a clip. The file is memory-mapped: what is not asked for stays on the disk.

        Args:
            clip_id: which.
            spec: name of the motion specification.

        Raises:
            DataError: the store has no such clip, its file is missing or damaged, or it was prepared without
                this specification or with another version of it.
        """
        info = self.info(clip_id)
        hint = "" if spec in versions_of(info) else " and `models.face_landmarker=<path>`"
        remedy = f"Prepare it again with `python -m scripts.prepare_data`{hint}."
        return clip_of(info, spec, lambda *names: self._read(clip_id, *names), where=str(self.folder), remedy=remedy)

    def load_motion(self, clip_id: str, spec: str = CORE7.name) -> Motion:
        """Motion of a clip with the time stamps of its source video: frame 0 is at `motion_start_s`.

        Raises:
            DataError: as `load`.
        """
        clip = self.load(clip_id, spec)
        return replace(clip.motion, start_s=clip.info.motion_start_s)

    def load_landmarks(self, clip_id: str) -> NDArray[np.float32]:
        """(T, 478, 3) face landmarks of a clip in pixels of the source; 0 where the face was not seen.

        Raises:
            DataError: as `load`, or the store was prepared without landmarks.
        """
        info = self.info(clip_id)
        if info.landmark_step_px == 0:
            raise DataError(
                f"{self.folder}: clip {clip_id!r} was stored without landmarks. Prepare it again with "
                "`prepare.settings.keep_landmarks=true`."
            )
        return self._read(clip_id, "landmarks")[0].astype(np.float32) * np.float32(info.landmark_step_px)

    def source_path(self, clip_id: str, root: Path | None = None) -> Path:
        """The video on this machine that a clip was made of.

        Args:
            clip_id: which.
            root: the folder with the source videos, believed as it is; None is where they were when the store was
                prepared.

        Raises:
            DataError: the store has no such clip, or its video is not where it was when it was prepared.
        """
        name = file_of(self.info(clip_id).path)
        if root is not None:
            return root / name
        try:
            local = json.loads((self.folder / LOCAL).read_text("utf-8"))
            path = Path(local["elsewhere"].get(name) or Path(local["root"], name))
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise DataError(
                f"{self.folder / LOCAL}: says not where the videos are ({error}). Run `python -m scripts.prepare_data` "
                "again with their folder: only this file is written."
            ) from error
        if not path.is_file():
            raise DataError(
                f"{path}: the video of clip {clip_id!r} is not there any more. Run `python -m scripts.prepare_data` "
                "again with the folder that it was moved to."
            )
        return path

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


def clip_of(info: ClipInfo, spec: str, read: Callable[..., Sequence[NDArray[Any]]], *, where: str, remedy: str) -> Clip:
    """A clip with the motion of one specification.

    Args:
        info: its row.
        spec: name of the specification.
        read: gives tensors of the clip's file by their names.
        where, remedy: for the message if the clip lacks the specification.

    Raises:
        DataError: it does, or has another version of it.
    """
    wanted = spec_named(spec)
    if versions_of(info).get(spec) != wanted.version:
        raise DataError(
            f"{where}: clip {info.clip_id!r} holds {info.specs}, not {spec} version {wanted.version}. {remedy}"
        )
    audio, values, valid = read("audio", f"motion.{spec}", "valid")
    motion = Motion(values, wanted, info.fps, 0.0, valid.astype(bool))
    return Clip(audio.astype(np.float32) / 32768.0, motion, info)


def specs_of(motions: Iterable[Motion]) -> str:
    """The `specs` column of a clip with these motions."""
    return ",".join(f"{motion.spec.name}:{motion.spec.version}" for motion in motions)


def _hash_of(clips: ClipTable, column: str) -> str:
    digest = hashlib.sha256()
    for clip_id, value in zip(clips.column("clip_id"), clips.column(column), strict=True):
        digest.update(f"{clip_id} {value}\n".encode())
    return digest.hexdigest()


def clip_path(folder: Path, clip_id: str) -> Path:
    """Where a store keeps a clip."""
    return folder / CLIPS / f"{clip_id}.safetensors"


def write_clip(
    folder: Path,
    info: ClipInfo,
    waveform: NDArray[np.float32],
    motions: Sequence[Motion],
    landmarks: NDArray[np.float32] | None,
) -> ClipInfo:
    """Write a clip's file, atomically.

    Args:
        folder: the store.
        info: its row; `specs`, `landmark_step_px` and the hashes of sound and file are filled in here.
        waveform: (S,) float32 in [-1, 1].
        motions: one per specification, T frames from time 0, with the same validity.
        landmarks: (T, 478, 3) pixels, or None to keep none.

    Returns:
        The complete row.
    """
    row = asdict(info) | {"specs": specs_of(motions), "landmark_step_px": 0.0}
    tensors: dict[str, NDArray[Any]] = {
        "audio": np.clip(np.round(waveform * 32768.0), -32768, 32767).astype(np.int16),
        "valid": motions[0].valid.astype(np.uint8),
    }
    for motion in motions:
        tensors[f"motion.{motion.spec.name}"] = np.ascontiguousarray(motion.values)
    if landmarks is not None:
        # Fixed point over the clip's own range: finer than float16, whose step at 500 px is 0.25 px.
        row["landmark_step_px"] = float(max(np.abs(landmarks).max(), 1.0) / 32767)
        tensors["landmarks"] = np.round(landmarks / row["landmark_step_px"]).astype(np.int16)
    row["audio_sha256"] = hashlib.sha256(tensors["audio"].tobytes()).hexdigest()
    return _write(folder, ClipInfo(**row), tensors)


def _write(folder: Path, info: ClipInfo, tensors: Mapping[str, NDArray[Any]]) -> ClipInfo:
    row = asdict(info)
    # The split is drawn over all clips, when the last of them is made; the hash is that of the file itself.
    split, _ = row.pop("split"), row.pop("clip_sha256")
    with replacing(clip_path(folder, info.clip_id)) as unfinished:
        # One entry only: safetensors writes several in no fixed order, and equal content must give equal bytes.
        save_file(dict(tensors), unfinished, metadata={"clip": json.dumps(row, sort_keys=True, ensure_ascii=False)})
        digest = sha256_of(unfinished)
    return ClipInfo(**row, split=split, clip_sha256=digest)


def read_row(path: Path) -> ClipInfo | None:
    """The row that a clip's file carries; None where there is no whole file of this version."""
    try:
        with safe_open(path, framework="np") as file:
            row: dict[str, Any] = json.loads(file.metadata()["clip"])
        return ClipInfo(**row, split="", clip_sha256=sha256_of(path))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return None


def describe_clip(folder: Path, info: ClipInfo) -> ClipInfo:
    """Give a stored clip another row: other words about the same sound and motion. Atomic.

    Raises:
        DataError: the clip's file is missing or damaged.
    """
    path = clip_path(folder, info.clip_id)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path}: the clip can't be read ({error}). Delete it and prepare the store again.") from error
    return _write(folder, info, tensors)


def write_local(folder: Path, paths: Mapping[str, Path]) -> None:
    """Note where the sources are on this machine.

    Args:
        folder: the store.
        paths: by the name of the source file, which is its path below the root that most of them share.
    """
    absolute = {name: Path(os.path.abspath(path)).as_posix() for name, path in paths.items()}
    roots = {name: path.removesuffix("/" + name) for name, path in absolute.items() if path.endswith("/" + name)}
    (root, _), *_ = Counter(roots.values()).most_common(1) or [("", 0)]
    elsewhere = {name: absolute[name] for name in sorted(paths) if roots.get(name) != root}
    write_json(folder / LOCAL, {"root": root, "elsewhere": elsewhere})


def write_manifest(folder: Path, clips: Iterable[ClipInfo], splits: Mapping[str, str] | None = None) -> Store:
    """Write the table of a store's clips, in the order of their ids, and open the store.

    Args:
        folder: the store.
        clips: its rows.
        splits: part of the split by clip id; None keeps the `split` of the rows.
    """
    rows = [asdict(clip) for clip in sorted(clips, key=lambda clip: clip.clip_id)]
    if splits is not None:
        rows = [row | {"split": splits[row["clip_id"]]} for row in rows]
    types = {str: pa.string(), float: pa.float64(), int: pa.int64()}
    channels = {
        name: [[channel.name, channel.unit, channel.minimum, channel.maximum] for channel in spec.channels]
        for name, spec in SPECS.items()
    }
    schema = pa.schema(
        [(field.name, types[field.type]) for field in fields(ClipInfo)],  # type: ignore[index]
        metadata={"store_version": str(STORE_VERSION), "channels": json.dumps(channels)},
    )
    table = pa.Table.from_pylist(rows, schema)
    with replacing(folder / MANIFEST) as unfinished:
        pq.write_table(table, unfinished)
    return Store(folder, ClipTable(table))
