"""Which stretches of a video are good for training, and why the rest is not.

Pure arithmetic on facts per motion frame. A stretch ends where the shot changes, where the face is missing for
longer than can be interpolated, where others as large stand beside it, where it is too small or turned away too
long, and where picture or sound end. What is left over is cut, and every cut has a reason.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from src.data.rejection import Reason
from src.errors import ConfigError, DataError
from src.face import FACE_SIZE_POINTS
from src.motion import FRAMES_PER_SECOND

_SETTLE_FRAMES = 3
"""A face missing for this long after a shot change is the follower's, who has to find it again."""

_SMALL_FACE_WINDOW = FRAMES_PER_SECOND | 1
"""A face shrinks by a tenth when its owner looks down or shuts the mouth; its size is what it is for a second."""


@dataclass(frozen=True, eq=False)
class FrameFacts:
    """What is known about each of T consecutive motion frames.

    Attributes:
        shown: (T,) whether the video has a picture at the time.
        present: (T,) whether landmarks are known, be it by interpolation over a short gap.
        new_shot: (T,) whether a shot begins with the frame.
        rival: (T,) whether another face of comparable size is seen.
        face_px: (T,) height of the face in pixels of the source; of no meaning where it is not present.
        yaw_deg: (T,) turn of the head from the camera, to the person's left; likewise.
    """

    shown: NDArray[np.bool_]
    present: NDArray[np.bool_]
    new_shot: NDArray[np.bool_]
    rival: NDArray[np.bool_]
    face_px: NDArray[np.float64]
    yaw_deg: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.present)


@dataclass(frozen=True, kw_only=True)
class StretchRules:
    """When a stretch is good enough.

    Attributes:
        min_seconds: shortest stretch.
        max_seconds: longer stretches are divided, preferably in a pause; None keeps them whole.
        min_face_px: smallest height of the face, forehead to chin, in pixels of the source.
        max_yaw_deg: a head turned further from the camera is turned away: the far half of its mouth is guessed.
        max_turned_s: longest time that it may be; shorter ones stay inside the stretch, but are not valid.
    """

    min_seconds: float
    max_seconds: float | None
    min_face_px: float
    max_yaw_deg: float
    max_turned_s: float

    def __post_init__(self) -> None:
        if self.min_seconds < 0.2 or self.max_turned_s < 0 or not 0 < self.max_yaw_deg <= 90:
            raise ConfigError(
                "min_seconds must be 0.2 or more, max_turned_s 0 or more and max_yaw_deg between 0 and 90; got "
                f"{self.min_seconds}, {self.max_turned_s} and {self.max_yaw_deg}. Correct prepare.settings."
            )
        if self.max_seconds is not None and self.max_seconds < 2 * self.min_seconds:
            raise ConfigError(
                f"max_seconds is {self.max_seconds}, shorter than twice min_seconds ({self.min_seconds}), so long "
                "stretches could not be divided. Raise prepare.settings.max_seconds, or set it to null."
            )


@dataclass(frozen=True)
class Stretch:
    """Frames `start` to `end` (exclusive) are good."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Cut:
    """Frames `start` to `end` (exclusive) are left out. What is too short to keep counts for what ended it."""

    start: int
    end: int
    reason: Reason


def head_yaw_deg(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """(T,) turn of the head from the camera in degrees, to the person's left, by the line through the eye corners.

    Args:
        landmarks: (T, 478, 3) with z in the unit of x and y, smaller towards the camera.
    """
    right, left = FACE_SIZE_POINTS
    across = landmarks[:, left].astype(np.float64) - landmarks[:, right]
    return np.degrees(np.arctan2(across[:, 2], np.hypot(across[:, 0], across[:, 1])))


def turned_away(facts: FrameFacts, rules: StretchRules) -> NDArray[np.bool_]:
    """(T,) where the head is turned further than `max_yaw_deg`."""
    return facts.present & (np.abs(facts.yaw_deg) > rules.max_yaw_deg)


def find_stretches(
    facts: FrameFacts, rules: StretchRules, speech: NDArray[np.floating]
) -> tuple[list[Stretch], list[Cut]]:
    """Divide a source into good stretches and cuts, which together cover every frame once.

    Args:
        facts: T frames.
        rules: what is good.
        speech: (T,) how likely each frame holds speech; long stretches are divided where it is least.

    Raises:
        DataError: the lengths disagree.
    """
    if len(speech) != len(facts):
        raise DataError(f"{len(speech)} values of speech for {len(facts)} frames. Pass one per frame.")
    reasons = _reasons(facts, rules)
    pieces = _runs(reasons, facts.new_shot)
    shortest = round(rules.min_seconds * FRAMES_PER_SECOND)
    stretches, cuts = [], []
    for number, (start, end) in enumerate(pieces):
        reason = reasons[start]
        if reason is None and end - start >= shortest:
            stretches += _divided(Stretch(start, end), rules, speech)
        else:
            cuts.append(Cut(start, end, reason or _what_ended(number, pieces, reasons, facts)))
    return stretches, _merged(cuts)


def _reasons(facts: FrameFacts, rules: StretchRules) -> NDArray[np.object_]:
    """(T,) why a frame is bad, None if it is good."""
    reasons = np.full(len(facts), None, object)
    shots = np.cumsum(facts.new_shot)
    away = turned_away(facts, rules)
    for start, end in _runs(np.where(away, 1, 0), facts.new_shot):
        if away[start] and (end - start) / FRAMES_PER_SECOND > rules.max_turned_s:
            reasons[start:end] = Reason.TURNED_AWAY
    for shot in range(int(shots[-1]) + 1 if len(shots) else 0):
        inside = np.flatnonzero((shots == shot) & facts.present)
        if len(inside):
            height = median_filter(facts.face_px[inside], min(_SMALL_FACE_WINDOW, len(inside) | 1), mode="nearest")
            reasons[inside[height < rules.min_face_px]] = Reason.SMALL_FACE
    reasons[facts.present & facts.rival] = Reason.SEVERAL_FACES
    missing = ~facts.present
    reasons[missing] = Reason.NO_FACE
    reasons[missing & ~facts.shown] = Reason.NO_VIDEO
    for start, end in _runs(np.where(missing, 1, 0), np.zeros(len(facts), bool)):
        beside_change = facts.new_shot[start : end + 1].any()
        if missing[start] and beside_change and end - start <= _SETTLE_FRAMES:
            reasons[start:end] = Reason.SHOT_CHANGE
    return reasons


def _runs(values: NDArray[np.generic], breaks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of runs of equal values; a break at a frame begins a new one."""
    if not len(values):
        return []
    changed = np.flatnonzero((values[1:] != values[:-1]) | breaks[1:]) + 1
    edges = [0, *changed.tolist(), len(values)]
    return list(pairwise(edges))


def _what_ended(number: int, pieces: list[tuple[int, int]], reasons: NDArray[np.object_], facts: FrameFacts) -> Reason:
    """Why a good piece is short: the shot change at one of its ends, or else the longer of its bad neighbours."""
    start, end = pieces[number]
    if (start > 0 and facts.new_shot[start]) or (end < len(facts) and facts.new_shot[end]):
        return Reason.SHOT_CHANGE
    neighbours = [pieces[at] for at in (number - 1, number + 1) if 0 <= at < len(pieces)]
    if not neighbours:
        return Reason.TOO_SHORT
    longest = max(neighbours, key=lambda piece: piece[1] - piece[0])
    reason: Reason = reasons[longest[0]]
    return reason


def _divided(stretch: Stretch, rules: StretchRules, speech: NDArray[np.floating]) -> list[Stretch]:
    """Parts of a stretch no longer than `max_seconds`, of similar lengths, divided where speech is least likely."""
    if rules.max_seconds is None:
        return [stretch]
    shortest = round(rules.min_seconds * FRAMES_PER_SECOND)
    longest = int(rules.max_seconds * FRAMES_PER_SECOND)
    # The mean over a fifth of a second: a pause, and not the closure of a plosive.
    smooth = np.convolve(speech[stretch.start : stretch.end], np.ones(5) / 5, mode="same")
    parts, start = [], stretch.start
    for left in range(-(-len(stretch) // longest), 1, -1):
        wanted = start + (stretch.end - start) / left
        # Neither this part nor those that stay behind may become too short or too long.
        first = max(start + shortest, stretch.end - (left - 1) * longest, int(wanted - longest / 5))
        last = min(start + longest, stretch.end - (left - 1) * shortest, int(wanted + longest / 5))
        end = first + int(np.argmin(smooth[first - stretch.start : last + 1 - stretch.start]))
        parts.append(Stretch(start, end))
        start = end
    return [*parts, Stretch(start, stretch.end)]


def _merged(cuts: list[Cut]) -> list[Cut]:
    merged: list[Cut] = []
    for cut in cuts:
        if merged and (merged[-1].end, merged[-1].reason) == (cut.start, cut.reason):
            merged[-1] = Cut(merged[-1].start, cut.end, cut.reason)
        else:
            merged.append(cut)
    return merged
