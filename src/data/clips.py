"""From one video file to one stored clip, or to the reason why not."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from src.data.audio import Recording, load_recording
from src.data.labels import LABEL_VERSION, frame_times, label_core7
from src.data.layouts import Source
from src.data.rejection import MediaError, Reason
from src.data.store import STORE_VERSION, ClipInfo, clip_path, read_row, write_clip
from src.data.tracking import FaceTrack, FaceTracker, Stopwatch
from src.data.video import Timeline, read_timeline
from src.errors import ConfigError
from src.files import sha256_of, write_json
from src.motion import CORE7, FRAMES_PER_SECOND

SAMPLE_RATE_HZ = 16_000
REJECTED = "rejected"
_CUT_OFF_S = 1.0


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """What decides how a clip is made and whether it is good enough.

    Attributes:
        max_side_px: larger pictures are shrunk to this for the face search.
        probe_every_s: how often a picture is searched for a second face.
        rival_ratio: a second face counts from this share of the first one's height.
        max_rival_share: a clip is refused when more of its probes show a second face.
        min_seconds: shortest clip.
        min_face_share: smallest share of pictures that must show the face.
        min_face_px: smallest height of the face, forehead to chin, in pixels of the source.
        silence_db: a clip whose level stays below is silent, in dB of full scale.
        keep_landmarks: whether the store keeps the landmarks, 72 kB per second beside 38 kB for the rest.
    """

    max_side_px: int
    probe_every_s: float
    rival_ratio: float
    max_rival_share: float
    min_seconds: float
    min_face_share: float
    min_face_px: float
    silence_db: float
    keep_landmarks: bool

    def __post_init__(self) -> None:
        if not (0 < self.min_face_share <= 1 and 0 < self.rival_ratio <= 1 and 0 <= self.max_rival_share <= 1):
            raise ConfigError(
                "min_face_share, rival_ratio and max_rival_share are shares between 0 and 1; got "
                f"{self.min_face_share}, {self.rival_ratio} and {self.max_rival_share}. Correct prepare.settings."
            )
        if self.max_side_px < 64 or self.probe_every_s <= 0 or self.min_seconds < 0.2:
            raise ConfigError(
                "max_side_px must be 64 or more, probe_every_s above 0 and min_seconds 0.2 or more; got "
                f"{self.max_side_px}, {self.probe_every_s} and {self.min_seconds}. Correct prepare.settings."
            )

    @property
    def config_hash(self) -> str:
        """Changes with everything that changes a clip made from the same file."""
        versions = {"labels": LABEL_VERSION, "store": STORE_VERSION, "spec": [CORE7.name, CORE7.version]}
        return hashlib.sha256(json.dumps([asdict(self), versions], sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ClipResult:
    """What became of a source: a row of the store, or a reason.

    Attributes:
        name: the source.
        info: its row, None if it was refused.
        reason: `code: sentence`, empty if it was not.
        reused: whether an earlier run had done it already.
        stages_s: seconds of work per stage.
    """

    name: str
    info: ClipInfo | None
    reason: str
    reused: bool
    stages_s: dict[str, float]


class ClipMaker:
    """Makes clips of sources. One per process: it keeps the face networks loaded.

    Attributes:
        folder: the store to write to.
        settings: how.
    """

    def __init__(self, folder: Path, settings: ClipSettings) -> None:
        self.folder = folder
        self.settings = settings
        self._tracker = FaceTracker(
            max_side_px=settings.max_side_px, probe_every_s=settings.probe_every_s, rival_ratio=settings.rival_ratio
        )

    def __call__(self, source: Source) -> ClipResult:
        """Make the clip of a source, unless the store has it already. Never raises for a bad file."""
        stopwatch = Stopwatch()
        with stopwatch.stage("hash"):
            try:
                source_sha256 = sha256_of(source.path)
            except OSError as error:
                return self._refused(source, "", MediaError(source.path, Reason.UNREADABLE, str(error)), stopwatch)
            earlier = self._earlier(source, source_sha256)
        if earlier is not None:
            return earlier
        try:
            info = self._make(source, source_sha256, stopwatch)
        except MediaError as error:
            return self._refused(source, source_sha256, error, stopwatch)
        except Exception as error:  # noqa: BLE001 - one odd file among a million must not end the run
            failure = MediaError(
                source.path, Reason.FAILED, f"{type(error).__name__}: {error}. Report this with the file: it is a bug."
            )
            return self._refused(source, source_sha256, failure, stopwatch)
        return ClipResult(source.name, info, "", False, dict(stopwatch.seconds))

    def _make(self, source: Source, source_sha256: str, stopwatch: Stopwatch) -> ClipInfo:
        settings = self.settings
        with stopwatch.stage("sound"):
            recording = load_recording(source.path, SAMPLE_RATE_HZ)
        with stopwatch.stage("decode"):
            timeline = read_timeline(source.path)
        _check_media(source.path, recording, timeline, settings)
        times_s = frame_times(recording.duration_s)
        track = self._tracker.track(source.path, timeline, recording.start_s + times_s, stopwatch)
        _check_face(source.path, track, settings)
        with stopwatch.stage("labels"):
            motion = label_core7(track.landmarks, track.present, FRAMES_PER_SECOND, 0.0)
        info = ClipInfo(
            clip_id=clip_id_of(source.name),
            path=source.name,
            speaker=source.speaker,
            language=source.language,
            licence=source.licence,
            consent="",
            split="",
            seconds=recording.duration_s,
            frames=len(motion),
            samples=len(recording.waveform),
            specs="",
            fps=float(FRAMES_PER_SECOND),
            sample_rate_hz=SAMPLE_RATE_HZ,
            valid_share=float(motion.valid.mean()),
            segment=0,
            start_s=recording.start_s,
            motion_start_s=recording.start_s,
            source_seconds=recording.duration_s,
            offset_ms=0.0,
            offset_confidence=0.0,
            source_fps=timeline.fps,
            width=timeline.width,
            height=timeline.height,
            face_px=track.face_px,
            yaw_deg=0.0,
            speech_share=0.0,
            level_db=0.0,
            landmark_step_px=0.0,
            source_sha256=source_sha256,
            config_hash=settings.config_hash,
            clip_sha256="",
        )
        with stopwatch.stage("write"):
            landmarks = track.landmarks if settings.keep_landmarks else None
            return write_clip(self.folder, info, recording.waveform, [motion], landmarks)

    def _earlier(self, source: Source, source_sha256: str) -> ClipResult | None:
        """What an earlier run made of the same bytes with the same settings."""
        clip_id = clip_id_of(source.name)
        row = read_row(clip_path(self.folder, clip_id))
        if row is not None:
            ours = (
                source_sha256,
                self.settings.config_hash,
                source.name,
                source.speaker,
                source.language,
                source.licence,
            )
            theirs = (row.source_sha256, row.config_hash, row.path, row.speaker, row.language, row.licence)
            if ours == theirs:
                return ClipResult(source.name, row, "", True, {})
        try:
            refusal = json.loads(_refusal_path(self.folder, clip_id).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        if (refusal["source_sha256"], refusal["config_hash"]) != (source_sha256, self.settings.config_hash):
            return None
        return ClipResult(source.name, None, refusal["reason"], True, {})

    def _refused(self, source: Source, source_sha256: str, error: MediaError, stopwatch: Stopwatch) -> ClipResult:
        reason = f"{error.reason}: {error.sentence}"
        remember_refusal(self.folder, source, reason, source_sha256, self.settings)
        return ClipResult(source.name, None, reason, False, dict(stopwatch.seconds))


def clip_id_of(name: str) -> str:
    """File name of a source's clip: readable, and unique by a piece of the name's hash."""
    stem = re.sub(r"[^A-Za-z0-9._]+", "-", name.rsplit(".", 1)[0])[-80:].strip("-.") or "clip"
    return f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def remember_refusal(folder: Path, source: Source, reason: str, source_sha256: str, settings: ClipSettings) -> None:
    """Write down why a source was refused, so that resuming does not try it again, and drop its old clip."""
    clip_id = clip_id_of(source.name)
    refusal = {"path": source.name, "reason": reason, "source_sha256": source_sha256}
    write_json(_refusal_path(folder, clip_id), refusal | {"config_hash": settings.config_hash})
    clip_path(folder, clip_id).unlink(missing_ok=True)


def _refusal_path(folder: Path, clip_id: str) -> Path:
    return folder / REJECTED / f"{clip_id}.json"


def _check_media(path: Path, recording: Recording, timeline: Timeline, settings: ClipSettings) -> None:
    ends_s = max(timeline.end_s, recording.start_s + recording.duration_s)
    if ends_s < timeline.declared_s - _CUT_OFF_S:
        raise MediaError(
            path,
            Reason.TRUNCATED,
            f"the file ends after {ends_s:.2f} s of the declared {timeline.declared_s:.2f} s. "
            "Copy it again from its source.",
        )
    overlap_s = min(timeline.end_s, recording.start_s + recording.duration_s) - max(
        float(timeline.times_s[0]), recording.start_s
    )
    if overlap_s < settings.min_seconds:
        raise MediaError(
            path,
            Reason.TOO_SHORT,
            f"picture and sound run together for {max(overlap_s, 0):.2f} s, at least {settings.min_seconds} s are "
            "needed. Leave it out, or lower prepare.settings.min_seconds.",
        )
    level_db = 10 * np.log10(float(np.mean(recording.waveform.astype(np.float64) ** 2)) + 1e-12)
    if level_db < settings.silence_db:
        raise MediaError(
            path,
            Reason.SILENT,
            f"the sound track is silent ({level_db:.0f} dB of full scale). Check that the microphone was recorded.",
        )


def _check_face(path: Path, track: FaceTrack, settings: ClipSettings) -> None:
    share = track.present.sum() / max(track.covered.sum(), 1)
    if share < settings.min_face_share:
        seen = f"a face is seen in {share:.0%} of the pictures" if share else "no face was found in any picture"
        raise MediaError(
            path,
            Reason.NO_FACE,
            f"{seen}, at least {settings.min_face_share:.0%} are needed. Use footage of one person facing the camera.",
        )
    if track.face_px < settings.min_face_px:
        raise MediaError(
            path,
            Reason.SMALL_FACE,
            f"the face is {track.face_px:.0f} pixels high, at least {settings.min_face_px:g} are needed. Use a closer "
            "or sharper recording.",
        )
    if track.rivals > settings.max_rival_share:
        raise MediaError(
            path,
            Reason.SEVERAL_FACES,
            f"several faces of similar size are seen in {track.rivals:.0%} of the probed pictures. Crop the video to "
            "the person who speaks.",
        )
