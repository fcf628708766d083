"""Sound and motion of each speaker moved together, where all of a speaker's clips say that they are apart.

A clip of one word is too short to tell the offset between its sound and its picture. The clips of one speaker were
mostly recorded and cut alike, so together they tell what none of them does alone: groups of a lip-reading corpus that
were cut from broadcasts lie 20 to 100 ms apart, and no network can learn, or be judged by, lips that wander so.

What is moved is the motion, by a constant per speaker, when features are made; the store stays as it is.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy.interpolate import CubicSpline

from src.data.store import Store
from src.data.sync import AvOffset, estimate_offset, pool_offsets
from src.errors import ConfigError
from src.files import write_json
from src.motion import FRAMES_PER_SECOND, Motion

logger = logging.getLogger(__name__)

_VERSION = 1
"""Grows when the same clips would give other offsets, or the same offset other motion."""

_MANY_CLIPS = 100
"""From here on the progress is worth a bar."""


@dataclass(frozen=True)
class SpeakerOffset:
    """What the clips of a speaker have in common.

    Attributes:
        clips: how many there are.
        offset_ms: how much later the sound is than the motion of the store; positive: sound late.
        confidence: of that, 0 .. 1; see `src.data.sync`.
        moved_ms: by how much the motion is delayed to meet the sound; 0 if it stays.
    """

    clips: int
    offset_ms: float
    confidence: float
    moved_ms: float


class SpeakerAlignment:
    """Decides by how much the motion of each speaker is moved."""

    def __init__(self, *, least_confidence: float, least_ms: float) -> None:
        """Take the settings.

        Args:
            least_confidence: of the offset of a speaker's clips together, 0 .. 1; below it they stay as they are.
            least_ms: smaller offsets stay: an estimate is that far off itself.

        Raises:
            ConfigError: a number is outside its range.
        """
        if not 0 <= least_confidence <= 1 or least_ms < 0:
            raise ConfigError(
                f"data.alignment: least_confidence={least_confidence}, least_ms={least_ms}; expected 0 to 1 and 0 or "
                "more. Correct them."
            )
        self._least_confidence = least_confidence
        self._least_ms = least_ms

    @property
    def config(self) -> dict[str, Any]:
        """What the result depends on besides the clips, in plain types."""
        return {
            "version": _VERSION, "least_confidence": self._least_confidence, "least_ms": self._least_ms,
        }  # fmt: skip

    def offsets(self, store: Store, folder: Path) -> dict[str, SpeakerOffset]:
        """The offset of every speaker of a store.

        Args:
            store: with `core7` motion.
            folder: keeps the estimates of this content of the store, which take some milliseconds per clip.
        """
        path = folder / f"speaker-offsets-{store.content_hash[:16]}-{_VERSION}.json"
        if path.is_file():
            estimates = json.loads(path.read_text("utf-8"))
        else:
            estimates = _estimate(store)
            write_json(path, estimates)
        return {speaker: self._decided(**estimate) for speaker, estimate in estimates.items()}

    def _decided(self, clips: int, offset_ms: float, confidence: float) -> SpeakerOffset:
        is_sure = confidence >= self._least_confidence and abs(offset_ms) >= self._least_ms
        return SpeakerOffset(clips, offset_ms, confidence, offset_ms if is_sure else 0.0)


def delays_of(offsets: Mapping[str, SpeakerOffset]) -> dict[str, float]:
    """By how many milliseconds the motion of a speaker is delayed; speakers whose motion stays are left out."""
    return {speaker: offset.moved_ms for speaker, offset in offsets.items() if offset.moved_ms}


def alignment_record(offsets: dict[str, SpeakerOffset]) -> dict[str, dict[str, float]]:
    """The speakers whose motion is moved, in plain types, for reports."""
    return {speaker: asdict(offset) for speaker, offset in sorted(offsets.items()) if offset.moved_ms}


def delayed(motion: Motion, delay_ms: float) -> Motion:
    """Motion later by a part of a second.

    Args:
        motion: T frames.
        delay_ms: frame i takes the value that the motion had this long before; negative: after.

    Returns:
        As many frames, inside the ranges of the spec, by a cubic spline: a straight line would take a quarter off a
        movement of 6 Hz. Valid are frames between frames that are both there and valid.
    """
    if delay_ms == 0:
        return motion
    frames = np.arange(len(motion))
    source = frames - delay_ms * FRAMES_PER_SECOND / 1000
    inside = np.clip(source, 0, len(motion) - 1)
    before, after = np.floor(inside).astype(np.int64), np.ceil(inside).astype(np.int64)
    valid = motion.valid[before] & motion.valid[after] & (inside == source)
    values = motion.values if len(motion) < 2 else CubicSpline(frames, motion.values)(inside)
    values = np.clip(values, motion.spec.minimum, motion.spec.maximum).astype(np.float32)
    return replace(motion, values=values, valid=valid)


def _estimate(store: Store) -> dict[str, dict[str, Any]]:
    per_speaker: dict[str, list[AvOffset]] = defaultdict(list)
    progress = track(
        store.clips, "offsets of sound", console=Console(stderr=True), transient=True,
        disable=len(store.clips) < _MANY_CLIPS,
    )  # fmt: skip
    for info in progress:
        clip = store.load(info.clip_id)
        opening = clip.motion.channel("jaw_open")
        per_speaker[info.speaker].append(estimate_offset(opening, clip.motion.valid, clip.waveform))
    pooled = {speaker: pool_offsets(estimates) for speaker, estimates in per_speaker.items()}
    return {
        speaker: {
            "clips": len(per_speaker[speaker]),
            "offset_ms": round(offset.offset_ms, 1),
            "confidence": round(offset.confidence, 3),
        }
        for speaker, offset in sorted(pooled.items())
    }
