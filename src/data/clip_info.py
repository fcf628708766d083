"""What a store knows about its clips: one row for each, in a table that makes them when they are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import pyarrow as pa


@dataclass(frozen=True)
class ClipInfo:
    """One row of the manifest.

    Attributes:
        clip_id: unique in the store, and the stem of the clip's file.
        path: source file relative to the root that was prepared, with `/`.
        speaker: whom splits must not separate; equal labels are the same person.
        language: BCP 47 code such as `en`, empty if unknown.
        licence: terms of use of the source, empty if unknown.
        consent: what the person shown agreed to, or where that is written; empty if unknown.
        split: `train`, `val` or `test`; empty until it is drawn.
        seconds: length of the sound.
        frames: T, motion frames.
        samples: S, audio samples.
        specs: motion specifications with their versions, such as `core7:1,arkit55:1`.
        fps, sample_rate_hz: of motion and audio.
        valid_share: share of frames in which the face was seen.
        segment: which good stretch of the source this is, from 0.
        start_s: presentation time of the first audio sample in the source.
        motion_start_s: presentation time in the source of the picture that motion frame 0 describes; differs from
            `start_s` where an offset between sound and picture was corrected.
        source_seconds: length of the whole source.
        offset_ms: how much later the sound is than the picture, as estimated in the source.
        offset_confidence: of that estimate, 0 .. 1.
        source_fps, width, height: of the source video.
        face_px: median height of the face in pixels of the source.
        yaw_deg: median turn of the head away from the camera, of whatever sign.
        speech_share: share of the frames in which somebody speaks.
        level_db: mean level of the sound, in dB of full scale.
        landmark_step_px: pixels per unit of the stored landmarks, 0 if none are stored.
        source_sha256: of the source file's bytes.
        audio_sha256: of the clip's samples: clips labelled again keep it, and the features made of it.
        config_hash: of the settings that the clip was prepared with.
        clip_sha256: of the clip's file.
    """

    clip_id: str
    path: str
    speaker: str
    language: str
    licence: str
    consent: str
    split: str
    seconds: float
    frames: int
    samples: int
    specs: str
    fps: float
    sample_rate_hz: int
    valid_share: float
    segment: int
    start_s: float
    motion_start_s: float
    source_seconds: float
    offset_ms: float
    offset_confidence: float
    source_fps: float
    width: int
    height: int
    face_px: float
    yaw_deg: float
    speech_share: float
    level_db: float
    landmark_step_px: float
    source_sha256: str
    audio_sha256: str
    config_hash: str
    clip_sha256: str

    @property
    def remaining_offset_ms(self) -> float:
        """How much later the sound of the clip is than its motion: what of `offset_ms` was not corrected."""
        return round(self.offset_ms - 1000 * (self.start_s - self.motion_start_s), 1)


class ClipTable(Sequence[ClipInfo]):
    """The rows of a manifest, made one by one when they are asked for: a million of them open in a moment.

    Attributes:
        table: the columns.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, index: int) -> ClipInfo: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[ClipInfo, ...]: ...

    def __getitem__(self, index: int | slice) -> ClipInfo | tuple[ClipInfo, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        (row,) = self.table.slice(index % len(self), 1).to_pylist()
        return ClipInfo(**row)

    def __iter__(self) -> Iterator[ClipInfo]:
        for batch in self.table.to_batches(max_chunksize=4096):
            for row in batch.to_pylist():
                yield ClipInfo(**row)

    def column(self, name: str) -> list[Any]:
        """All values of one column, in the order of the rows."""
        values: list[Any] = self.table.column(name).to_pylist()
        return values


def versions_of(info: ClipInfo) -> dict[str, int]:
    """Versions of the motion specifications that a clip holds, by their names."""
    return {name: int(version) for name, _, version in (entry.partition(":") for entry in info.specs.split(","))}
