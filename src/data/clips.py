"""From one source to its clips in the store, or to the reason why there are none."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.data.arkit import label_arkit55
from src.data.audio import load_recording
from src.data.blendshapes import MODEL_SHA256, FaceBlendshapes
from src.data.checks import check_audible, check_complete, check_offset, check_overlap, level_db, nothing_left
from src.data.clip_info import ClipInfo
from src.data.labels import LABEL_VERSION, label_core7
from src.data.layouts import Source
from src.data.records import (
    CutStretch,
    SourceRecord,
    read_record,
    record_path,
    refuse,
    refused_record,
    remember,
    source_id_of,
    write_record,
)
from src.data.rejection import MediaError, Reason
from src.data.segments import Cut, Stretch, StretchRules, find_stretches, turned_away
from src.data.speech_activity import speech_activity, speech_share
from src.data.store import STORE_VERSION, clip_path, describe_clip, read_row, write_clip
from src.data.sync import AvOffset, estimate_offset, pool_offsets
from src.data.tracking import MARGIN_S, FaceFrames, FaceTrack, FaceTracker, Stopwatch
from src.data.video import Timeline, read_timeline
from src.errors import ConfigError
from src.files import sha256_of
from src.motion import ARKIT55, CORE7, FRAMES_PER_SECOND, Motion, frame_times

SAMPLE_RATE_HZ = 16_000
SAMPLES_PER_FRAME = SAMPLE_RATE_HZ // FRAMES_PER_SECOND

PIPELINE_VERSION = 3
"""Grows when the same file with the same settings would give other stretches or offsets."""

FIX_ABOVE_MS = 40.0
"""Smaller offsets stay: one in twenty confident estimates is this far off, and one motion frame nobody sees."""

_LARGEST_OFFSET_S = 0.6
_LEAST_VALID = 0.5
"""Of a stretch: where pictures come seldom, more is guessed than seen."""

_EDGE_FRAMES = 3
"""A clip that lacks no more than this at either end is the whole source."""

_UNHEARD_S = _EDGE_FRAMES / FRAMES_PER_SECOND
"""Pictures go on for this long after the sound of many a whole file."""


@dataclass(frozen=True, kw_only=True)
class ClipSettings(StretchRules):
    """What decides how clips are made and whether they are good enough, beside the rules for stretches.

    Attributes:
        max_side_px: larger pictures are shrunk for the face search, by the smallest whole factor that keeps their
            longer side within this.
        probe_every_s: how often a picture is searched for a second face.
        rival_ratio: a second face counts from this share of the first one's height.
        silence_db: a stretch whose level stays below is silent, in dB of full scale.
        min_speech_share: smallest share of a stretch in which somebody speaks; 0 keeps any sound.
        max_offset_ms: a source whose sound is surely further from its picture is refused, unless that is to be
            corrected; None refuses none.
        keep_landmarks: whether the store keeps the landmarks, 72 kB per second beside 38 kB for the rest.
    """

    max_side_px: int
    probe_every_s: float
    rival_ratio: float
    silence_db: float
    min_speech_share: float
    max_offset_ms: float | None
    keep_landmarks: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 < self.rival_ratio <= 1 and 0 <= self.min_speech_share <= 1):
            raise ConfigError(
                f"rival_ratio and min_speech_share are shares between 0 and 1; got {self.rival_ratio} and "
                f"{self.min_speech_share}. Correct prepare.settings."
            )
        if self.max_side_px < 64 or self.probe_every_s <= 0:
            raise ConfigError(
                f"max_side_px must be 64 or more and probe_every_s above 0; got {self.max_side_px} and "
                f"{self.probe_every_s}. Correct prepare.settings."
            )

    def config_hash(self, *, has_blendshapes: bool) -> str:
        """Changes with everything that changes a clip made from the same file."""
        versions = {"pipeline": PIPELINE_VERSION, "labels": LABEL_VERSION, "store": STORE_VERSION}
        specs = [[CORE7.name, CORE7.version]]
        if has_blendshapes:
            specs.append([ARKIT55.name, ARKIT55.version, MODEL_SHA256])
        return hashlib.sha256(json.dumps([asdict(self), versions, specs], sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class SourceResult:
    """What became of a source.

    Attributes:
        record: what the store remembers of it.
        clips: rows of its clips.
        reused: whether an earlier run had done the work.
        stages_s: seconds of work per stage.
    """

    record: SourceRecord
    clips: tuple[ClipInfo, ...]
    reused: bool
    stages_s: dict[str, float]


@dataclass(frozen=True, eq=False)
class _Material:
    """Sound of a source and when its pictures are shown; `start_s` is the presentation time of sample 0."""

    waveform: NDArray[np.float32]
    start_s: float
    timeline: Timeline

    @property
    def seconds(self) -> float:
        return len(self.waveform) / SAMPLE_RATE_HZ


@dataclass(frozen=True, eq=False)
class _Choice:
    """The good stretches of a source and the `core7` motion in each, for one offset."""

    faces: FaceFrames
    stretches: list[Stretch]
    cuts: list[Cut]
    motions: list[Motion]


class ClipMaker:
    """Makes clips of sources. One per process: it keeps the face networks loaded.

    Attributes:
        folder: the store to write to.
        settings: how.
        timeout_s: how long a source may take. Those that took longer before, when less was allowed, are tried again.
        config_hash: of the settings, and of the model where there is one.
    """

    def __init__(self, folder: Path, settings: ClipSettings, timeout_s: float, face_landmarker: Path | None) -> None:
        """Load the networks.

        Args:
            folder, settings, timeout_s: as the attributes.
            face_landmarker: `face_landmarker.task`, for `arkit55` beside `core7`; None goes without.

        Raises:
            DataError: a network is missing or does not start.
        """
        self.folder = folder
        self.settings = settings
        self.timeout_s = timeout_s
        self.config_hash = settings.config_hash(has_blendshapes=face_landmarker is not None)
        self._blendshapes = FaceBlendshapes(model=face_landmarker) if face_landmarker is not None else None
        self._tracker = FaceTracker(
            max_side_px=settings.max_side_px, probe_every_s=settings.probe_every_s, rival_ratio=settings.rival_ratio
        )

    def __call__(self, source: Source) -> SourceResult:
        """Make the clips of a source, unless the store has them already. Never raises for a bad file."""
        stopwatch = Stopwatch()
        with stopwatch.stage("hash"):
            try:
                source_sha256 = sha256_of(source.path)
            except OSError as error:
                refusal = MediaError(
                    source.path, Reason.UNREADABLE, f"{error.strerror}. Check the path and its rights."
                )
                return SourceResult(refuse(self.folder, source, refusal, "", ""), (), False, dict(stopwatch.seconds))
            earlier = self._earlier(source, source_sha256)
        if earlier is not None:
            return earlier
        clips: list[ClipInfo] = []
        seconds = 0.0
        try:
            with stopwatch.stage("sound"):
                material = _read(source, self.settings)
            seconds = material.seconds
            record, clips = self._make(source, source_sha256, material, stopwatch)
            remember(self.folder, record)
        except MediaError as error:
            record = refuse(self.folder, source, error, source_sha256, self.config_hash, seconds=seconds)
        except Exception as error:  # noqa: BLE001 - one odd file among a million must not end the run
            # Not remembered: the next run, maybe of a repaired program or with room on the disk, tries again.
            record = refused_record(source, _failure(source.path, error), source_sha256, self.config_hash)
            clips = []
        return SourceResult(record, tuple(clips), False, dict(stopwatch.seconds))

    def _make(
        self, source: Source, source_sha256: str, material: _Material, stopwatch: Stopwatch
    ) -> tuple[SourceRecord, list[ClipInfo]]:
        settings = self.settings
        reach_s = MARGIN_S + (_LARGEST_OFFSET_S if source.fix_offset else 0.0)
        track = self._tracker.follow(
            source.path, material.timeline, material.start_s - reach_s,
            material.start_s + material.seconds + reach_s, stopwatch,
        )  # fmt: skip
        with stopwatch.stage("speech"):
            speech = speech_activity(material.waveform)
        choice = self._choose(source.path, material, track, speech, 0.0, stopwatch)
        with stopwatch.stage("sync"):
            offset = _offset_of(material, choice)
        fixed_ms = 0.0
        if source.fix_offset and offset.reliable and abs(offset.offset_ms) > FIX_ABOVE_MS:
            fixed_ms = offset.offset_ms
            choice = self._choose(source.path, material, track, speech, fixed_ms, stopwatch)
        else:
            check_offset(source.path, offset, settings.max_offset_ms)
        with stopwatch.stage("blendshapes"):
            motions = [self._specs(choice.faces, *each) for each in zip(choice.stretches, choice.motions, strict=True)]
        with stopwatch.stage("write"):
            clips = self._write(source, source_sha256, material, choice, motions, speech, offset, fixed_ms)
        record = SourceRecord(
            path=source.name,
            source_sha256=source_sha256,
            config_hash=self.config_hash,
            fix_offset=source.fix_offset,
            seconds=material.seconds,
            clips={clip.clip_id: clip.clip_sha256 for clip in clips},
            cut=_cut_stretches(source, material, choice.cuts),
            offset_ms=clips[0].offset_ms,
            offset_confidence=clips[0].offset_confidence,
            offset_fixed=fixed_ms != 0,
            reason="",
        )
        return record, clips

    def _choose(
        self, path: Path, material: _Material, track: FaceTrack, speech: NDArray[np.float32], offset_ms: float,
        stopwatch: Stopwatch,
    ) -> _Choice:  # fmt: skip
        """Stretches and their motion, with the motion taken `offset_ms` earlier in the video than the sound."""
        with stopwatch.stage("labels"):
            faces = track.at(material.start_s - offset_ms / 1000 + frame_times(material.seconds))
            valid = faces.present & ~faces.interpolated & ~turned_away(faces.facts, self.settings)
            found, cuts = find_stretches(faces.facts, self.settings, speech)
            stretches = []
            for stretch in found:
                reason = self._refusal_of(material, stretch, speech, valid)
                if reason is None:
                    stretches.append(stretch)
                else:
                    cuts.append(Cut(stretch.start, stretch.end, reason))
            cuts.sort(key=lambda cut: cut.start)
            if not stretches:
                raise nothing_left(path, faces.facts, cuts, self.settings)
            motions = [_label(faces, valid, stretch) for stretch in stretches]
        return _Choice(faces, stretches, cuts, motions)

    def _refusal_of(
        self, material: _Material, stretch: Stretch, speech: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> Reason | None:
        """Why a stretch with a good picture is no clip, None if it is one."""
        if valid[stretch.start : stretch.end].mean() < _LEAST_VALID:
            return Reason.LOW_FRAME_RATE
        if level_db(_sound_of(material, stretch)) < self.settings.silence_db:
            return Reason.SILENT
        if speech_share(speech[stretch.start : stretch.end]) < self.settings.min_speech_share:
            return Reason.NO_SPEECH
        return None

    def _specs(self, faces: FaceFrames, stretch: Stretch, core7: Motion) -> list[Motion]:
        """Motion of a stretch in every specification."""
        if self._blendshapes is None:
            return [core7]
        scores = self._blendshapes.score(faces.landmarks[stretch.start : stretch.end], core7.valid)
        return [core7, label_arkit55(scores, core7)]

    def _write(
        self, source: Source, source_sha256: str, material: _Material, choice: _Choice,
        motions: Sequence[list[Motion]], speech: NDArray[np.float32], offset: AvOffset, fixed_ms: float,
    ) -> list[ClipInfo]:  # fmt: skip
        frames = len(choice.faces.facts)
        first, last = choice.stretches[0], choice.stretches[-1]
        is_whole = len(choice.stretches) == 1 and first.start <= _EDGE_FRAMES and last.end >= frames - _EDGE_FRAMES
        clips = []
        for number, (stretch, specs) in enumerate(zip(choice.stretches, motions, strict=True)):
            inside = slice(stretch.start, stretch.end)
            waveform = _sound_of(material, stretch)
            start_s = material.start_s + stretch.start / FRAMES_PER_SECOND
            info = ClipInfo(
                clip_id=source_id_of(source.name) + ("" if is_whole else f"_s{number}"),
                path=source.name,
                speaker=source.speaker,
                language=source.language,
                licence=source.licence,
                consent=source.consent,
                split="",
                seconds=len(waveform) / SAMPLE_RATE_HZ,
                frames=len(stretch),
                samples=len(waveform),
                specs="",
                fps=float(FRAMES_PER_SECOND),
                sample_rate_hz=SAMPLE_RATE_HZ,
                valid_share=float(specs[0].valid.mean()),
                segment=number,
                start_s=start_s,
                motion_start_s=start_s - fixed_ms / 1000,
                source_seconds=material.seconds,
                offset_ms=round(offset.offset_ms, 1),
                offset_confidence=round(offset.confidence, 3),
                source_fps=material.timeline.fps,
                width=material.timeline.width,
                height=material.timeline.height,
                face_px=float(np.median(choice.faces.facts.face_px[inside])),
                yaw_deg=float(np.median(np.abs(choice.faces.facts.yaw_deg[inside]))),
                speech_share=speech_share(speech[stretch.start : stretch.end]),
                level_db=level_db(waveform),
                landmark_step_px=0.0,
                source_sha256=source_sha256,
                config_hash=self.config_hash,
                audio_sha256="",
                clip_sha256="",
            )
            landmarks = choice.faces.landmarks[inside] if self.settings.keep_landmarks else None
            clips.append(write_clip(self.folder, info, waveform, specs, landmarks))
        return clips

    def _earlier(self, source: Source, source_sha256: str) -> SourceResult | None:
        """What an earlier run made of the same bytes with the same settings."""
        record = read_record(record_path(self.folder, source.name))
        if record is None or (record.timeout_s and record.timeout_s < self.timeout_s):
            return None
        ours = (source.name, source_sha256, self.config_hash, source.fix_offset)
        if ours != (record.path, record.source_sha256, record.config_hash, record.fix_offset):
            return None
        clips = []
        for clip_id, clip_sha256 in record.clips.items():
            row = read_row(clip_path(self.folder, clip_id))
            if row is None or row.clip_sha256 != clip_sha256:
                return None
            described = replace(
                row, speaker=source.speaker, language=source.language, licence=source.licence, consent=source.consent
            )
            clips.append(row if described == row else describe_clip(self.folder, described))
        renamed = replace(record, clips={clip.clip_id: clip.clip_sha256 for clip in clips})
        if renamed != record:
            write_record(self.folder, renamed)
        return SourceResult(renamed, tuple(clips), True, {})


def _failure(path: Path, error: Exception) -> MediaError:
    if isinstance(error, OSError):
        sentence = f"the store can't be written ({error}). Make room on its disk, or check its rights, and run again."
    else:
        sentence = f"{type(error).__name__}: {error}. Report this with the file: it is a bug."
    return MediaError(path, Reason.FAILED, sentence)


def _read(source: Source, settings: ClipSettings) -> _Material:
    recording = load_recording(source.path, SAMPLE_RATE_HZ)
    timeline = read_timeline(source.path)
    check_complete(source.path, recording, timeline)
    first, last = 0, len(recording.waveform)
    if source.start_s is not None:
        first = max(first, round((source.start_s - recording.start_s) * SAMPLE_RATE_HZ))
    if source.end_s is not None:
        last = min(last, round((source.end_s - recording.start_s) * SAMPLE_RATE_HZ))
    start_s = recording.start_s + first / SAMPLE_RATE_HZ
    end_s = recording.start_s + last / SAMPLE_RATE_HZ
    check_overlap(source.path, start_s, end_s, timeline, settings.min_seconds)
    waveform = recording.waveform[first:last]
    check_audible(source.path, waveform, settings.silence_db)
    return _Material(waveform, start_s, timeline)


def _label(faces: FaceFrames, valid: NDArray[np.bool_], stretch: Stretch) -> Motion:
    """`core7` of a stretch."""
    inside = slice(stretch.start, stretch.end)
    motion = label_core7(faces.landmarks[inside], faces.present[inside], FRAMES_PER_SECOND, 0.0)
    return replace(motion, valid=valid[inside])


def _offset_of(material: _Material, choice: _Choice) -> AvOffset:
    """How much later the sound of a source is than its picture, by all of its good stretches together."""
    estimates = [
        estimate_offset(motion.channel("jaw_open"), motion.valid, _sound_of(material, stretch))
        for stretch, motion in zip(choice.stretches, choice.motions, strict=True)
    ]
    return pool_offsets(estimates) if len(estimates) > 1 else estimates[0]


def _sound_of(material: _Material, stretch: Stretch) -> NDArray[np.float32]:
    return material.waveform[stretch.start * SAMPLES_PER_FRAME : stretch.end * SAMPLES_PER_FRAME]


def _cut_stretches(source: Source, material: _Material, cuts: list[Cut]) -> tuple[CutStretch, ...]:
    """What was left out, in presentation time: also the pictures before and after the sound."""
    start_s, end_s, timeline = material.start_s, material.start_s + material.seconds, material.timeline
    spans: list[tuple[float, float, Reason]] = [
        (start_s + cut.start / FRAMES_PER_SECOND, min(start_s + cut.end / FRAMES_PER_SECOND, end_s), cut.reason)
        for cut in cuts
    ]
    first_s, last_s = float(timeline.times_s[0]), timeline.end_s
    if source.start_s is None and start_s - first_s > _UNHEARD_S:
        spans.insert(0, (first_s, start_s, Reason.NO_AUDIO))
    if source.end_s is None and last_s - end_s > _UNHEARD_S:
        spans.append((end_s, last_s, Reason.NO_AUDIO))
    return tuple(CutStretch(round(start, 3), round(end, 3), reason) for start, end, reason in spans)
