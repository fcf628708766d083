"""Joins all that a face does by itself with predicted motion.

What is shown in a frame is a function of the frame's number, the seed and the loudness up to it: a replay shows the
same frames, and a dropped frame changes nothing after it. No part repeats: intervals, sizes and directions are drawn.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.motion import ARKIT55, CORE7, MotionSpec
from src.realtime.idle.blinks import Blinks
from src.realtime.idle.breathing import Breathing
from src.realtime.idle.gaze import Gaze
from src.realtime.idle.head import Head
from src.realtime.idle.speech import SpeechTracker
from src.render.mesh.controls import LARGEST_GAZE_DEG, LID_GAIN

GAINS = ("blink", "head", "breathing", "gaze")
"""What an avatar's idle policy can weaken (0 is none) or strengthen (2 is twice)."""
LARGEST_GAIN = 2.0


class Idle(Protocol):
    """Something that adds life to predicted motion."""

    def apply(self, values: NDArray[np.float32], levels_db: NDArray[np.float64]) -> NDArray[np.float32]:
        """Motion values (F,) of a frame with this layer added, inside the ranges of the vocabulary.

        Args:
            values: of `core7` or `arkit55`; their number tells which.
            levels_db: (t,) loudness of the frames after the one of the last call up to this one, this one last:
                t > 1 where frames were dropped.
        """
        ...


class IdleFace:
    """Blinks, breath, head and gaze.

    Lids follow whoever closes them more, the model or the blinks; head angles and gaze add up. Eyes move where the
    vocabulary has them, in `arkit55`.

    Args:
        speech, blinks, breathing, head, gaze: the parts, for one stream only.
        breath_deg: by how much the head goes up with a breath. `core7` can't lift shoulders.
        gains: factor of each of `GAINS`, 0 .. 2; None, where nobody said, is 1. Lids never close further than shut.
    """

    def __init__(
        self,
        *,
        speech: SpeechTracker,
        blinks: Blinks,
        breathing: Breathing,
        head: Head,
        gaze: Gaze,
        breath_deg: float,
        gains: Mapping[str, float | None],
    ) -> None:
        wrong = set(gains) ^ set(GAINS)
        factors = {name: 1.0 if gain is None else gain for name, gain in gains.items()}
        if wrong or not all(0 <= gain <= LARGEST_GAIN for gain in factors.values()):
            raise ConfigError(
                f"idle gains {dict(gains)}: expected one of 0 to {LARGEST_GAIN:g} for each of {', '.join(GAINS)}. "
                "Correct the idle configuration or the avatar's idle policy."
            )
        self._speech, self._blinks, self._breathing, self._head, self._gaze = speech, blinks, breathing, head, gaze
        self._breath_deg, self._gains = breath_deg, factors

    def apply(self, values: NDArray[np.float32], levels_db: NDArray[np.float64]) -> NDArray[np.float32]:
        """(F,) motion with the idle layer added; see `Idle`. A new array."""
        closure, angles, gaze = 0.0, np.zeros(3), np.zeros(2)
        for level_db in levels_db.tolist():
            speech = self._speech.follow(level_db)
            angles = self._gains["head"] * self._head.angles_deg(speech)
            breath = self._breathing.level(speech)
            gaze = self._gains["gaze"] * (self._gaze.direction_deg(speech) - angles[:2])
            angles[1] += self._gains["breathing"] * self._breath_deg * (breath - 0.5)
            closure = self._blinks.closure(speech, self._head.moved or self._gaze.moved)
        closure = min(self._gains["blink"] * closure, 1.0)
        spec = _spec_of(values)
        alive = values.astype(np.float32)
        for name, angle in zip(("head_yaw", "head_pitch", "head_roll"), angles, strict=True):
            alive[spec.index(name)] += np.float32(angle)
        if spec is CORE7:
            lids = spec.index("eye_blink")
            alive[lids] = max(alive[lids], closure)
        else:
            _blink_and_look(alive, closure, gaze)
        return np.clip(alive, spec.minimum, spec.maximum)


class NoIdle:
    """Shows the prediction alone, for measurements that idle movement would disturb."""

    def apply(self, values: NDArray[np.float32], levels_db: NDArray[np.float64]) -> NDArray[np.float32]:
        """The values, inside the ranges of their vocabulary."""
        spec = _spec_of(values)
        return np.clip(values, spec.minimum, spec.maximum)


def _spec_of(values: NDArray[np.float32]) -> MotionSpec:
    return CORE7 if values.shape == (CORE7.size,) else ARKIT55


def _blink_and_look(alive: NDArray[np.float32], closure: float, gaze: NDArray[np.float64]) -> None:
    """Add lids and eyes to (55,) values, in place."""
    index = ARKIT55.index
    for side, outwards in (("Left", 1.0), ("Right", -1.0)):
        lid = index(f"eyeBlink{side}")
        alive[lid] = max(alive[lid], closure / LID_GAIN)
        for positive, negative, look in (
            (f"eyeLookOut{side}", f"eyeLookIn{side}", outwards * gaze[0]),
            (f"eyeLookUp{side}", f"eyeLookDown{side}", gaze[1]),
        ):
            total = float(alive[index(positive)] - alive[index(negative)]) + look / LARGEST_GAZE_DEG
            alive[index(positive)], alive[index(negative)] = max(total, 0.0), max(-total, 0.0)
