"""What makes a whole source unusable, said in words that tell what to do."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.data.audio import Recording
from src.data.rejection import MediaError, Reason
from src.data.segments import Cut, FrameFacts, StretchRules
from src.data.sync import AvOffset
from src.data.video import Timeline

LOWEST_FPS = 14.5
"""Between pictures further apart lips open and close unseen; 15 per second is what webcams give in the dark."""

_CUT_OFF_S = 1.0


def check_complete(path: Path, recording: Recording, timeline: Timeline) -> None:
    """Raise `truncated` for a file that ends before it says it does, and `low_frame_rate` for a slide show."""
    ends_s = max(timeline.end_s, recording.start_s + recording.duration_s)
    if ends_s < timeline.declared_s - _CUT_OFF_S:
        raise MediaError(
            path,
            Reason.TRUNCATED,
            f"the file ends after {ends_s:.2f} s of the declared {timeline.declared_s:.2f} s. "
            "Copy it again from its source.",
        )
    if len(timeline.times_s) > 1 and timeline.fps < LOWEST_FPS:
        raise MediaError(
            path,
            Reason.LOW_FRAME_RATE,
            f"the video has {timeline.fps:.1f} pictures per second, at least {LOWEST_FPS:g} are needed to see lips "
            "close. Record with 25 or more; brighter light helps cameras that slow down by themselves.",
        )


def check_overlap(path: Path, start_s: float, end_s: float, timeline: Timeline, min_seconds: float) -> None:
    """Raise `too_short` where picture and sound, which lasts from `start_s` to `end_s`, have too little in common."""
    overlap_s = max(0.0, min(timeline.end_s, end_s) - max(float(timeline.times_s[0]), start_s))
    if overlap_s < min_seconds:
        raise MediaError(
            path,
            Reason.TOO_SHORT,
            f"picture and sound run together for {overlap_s:.2f} s, at least {min_seconds} s are needed. "
            "Leave it out, or lower prepare.settings.min_seconds.",
        )


def check_audible(path: Path, waveform: NDArray[np.float32], silence_db: float) -> None:
    """Raise `silent` for sound that holds none."""
    level = level_db(waveform)
    if level < silence_db:
        raise MediaError(
            path,
            Reason.SILENT,
            f"the sound track is silent ({level:.0f} dB of full scale). Check that the microphone was recorded.",
        )


def check_offset(path: Path, offset: AvOffset, max_offset_ms: float | None) -> None:
    """Raise `offset` where sound and picture are surely too far apart."""
    if max_offset_ms is not None and offset.reliable and abs(offset.offset_ms) > max_offset_ms:
        late, early = ("sound", "picture") if offset.offset_ms > 0 else ("picture", "sound")
        raise MediaError(
            path,
            Reason.OFFSET,
            f"the {late} comes {abs(offset.offset_ms):.0f} ms after the {early} (confidence {offset.confidence:.2f}), "
            f"at most {max_offset_ms:g} ms are allowed. Correct it with data.fix_offset=true, or raise "
            "prepare.settings.max_offset_ms.",
        )


def nothing_left(path: Path, facts: FrameFacts, cuts: Sequence[Cut], rules: StretchRules) -> MediaError:
    """The refusal of a source of which no stretch is good: for the reason that most of it was cut for."""
    frames: Counter[Reason] = Counter()
    for cut in cuts:
        frames[cut.reason] += cut.end - cut.start
    # Without pictures there is no face either; the face is what can be done something about.
    (reason, _), *_ = sorted(frames.items(), key=lambda item: (item[0] == Reason.NO_VIDEO, -item[1], item[0]))
    needed = f"no stretch of {rules.min_seconds} s is left"
    return MediaError(path, reason, _SENTENCES[reason](facts, rules, needed))


def level_db(waveform: NDArray[np.float32]) -> float:
    """Mean level in dB of full scale, -120 for nothing at all."""
    return float(10 * np.log10(float(np.mean(waveform.astype(np.float64) ** 2)) + 1e-12))


def _share(mask: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(mask[among].mean()) if among.any() else 0.0


def _no_face(facts: FrameFacts, rules: StretchRules, needed: str) -> str:
    share = _share(facts.present, facts.shown)
    seen = f"a face is seen in {share:.0%} of the pictures, and {needed}" if share else "no face was found"
    return f"{seen}. Use footage of one person facing the camera."


def _small_face(facts: FrameFacts, rules: StretchRules, needed: str) -> str:
    height = np.median(facts.face_px[facts.present])
    return (
        f"the face is {height:.0f} pixels high, at least {rules.min_face_px:g} are needed. "
        "Use a closer or sharper recording."
    )


def _turned_away(facts: FrameFacts, rules: StretchRules, needed: str) -> str:
    away = _share(np.abs(facts.yaw_deg) > rules.max_yaw_deg, facts.present)
    return (
        f"the head is turned more than {rules.max_yaw_deg:g} degrees from the camera in {away:.0%} of the pictures, "
        f"and {needed}. Use footage that shows the face from the front."
    )


def _several_faces(facts: FrameFacts, rules: StretchRules, needed: str) -> str:
    share = _share(facts.rival, facts.present)
    return (
        f"several faces of similar size are seen in {share:.0%} of the video, and {needed}. "
        "Crop it to the person who speaks."
    )


def _shot_change(facts: FrameFacts, rules: StretchRules, needed: str) -> str:
    return (
        f"the shot changes {int(facts.new_shot.sum())} times, and {needed}. Use footage with longer shots, or lower "
        "prepare.settings.min_seconds."
    )


_SENTENCES: dict[Reason, Callable[[FrameFacts, StretchRules, str], str]] = {
    Reason.NO_FACE: _no_face,
    Reason.NO_VIDEO: lambda facts, rules, needed: f"{needed} with a picture to the sound. Copy it again.",
    Reason.SMALL_FACE: _small_face,
    Reason.TURNED_AWAY: _turned_away,
    Reason.SEVERAL_FACES: _several_faces,
    Reason.SHOT_CHANGE: _shot_change,
    Reason.LOW_FRAME_RATE: lambda facts, rules, needed: (
        "pictures come so seldom that more motion would be guessed than seen. Record with 25 pictures per second or "
        "more."
    ),
    Reason.TOO_SHORT: lambda facts, rules, needed: f"{needed}. Leave it out, or lower prepare.settings.min_seconds.",
    Reason.SILENT: lambda facts, rules, needed: (
        "the sound is silent wherever the face is seen. Check that the microphone was recorded."
    ),
    Reason.NO_SPEECH: lambda facts, rules, needed: (
        "nobody speaks while the face is seen. Use footage of a person who talks, or set "
        "prepare.settings.min_speech_share=0 to keep other sounds."
    ),
}
