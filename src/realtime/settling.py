"""A face that never jumps: how it goes from speech to rest and back.

While somebody speaks the face is the model's. Where speech ends, stops in mid-word or is interrupted, the mouth closes
in the time that the case allows and the head, which must not jerk, takes longer; where speech begins, the face is led
from where it was. One rule does all of it: at each change the distance from the shown face to the new target is kept
and fades out, for the mouth in a time of its own.
"""

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from src.motion import MotionSpec
from src.realtime.idle.easing import ease
from src.realtime.voice import mouth_channels


@dataclass(frozen=True)
class SettlingTimes:
    """Frames that each way takes.

    Attributes:
        hold: without sound in mid-word, before the mouth begins to close.
        starve: the closing after that.
        rest: closing after a segment.
        begin: from rest to speech.
        head: all channels but the mouth's, always.
    """

    hold: int
    starve: int
    rest: int
    begin: int
    head: int


class _Phase(Enum):
    SPEECH = auto()
    HOLD = auto()
    STARVED = auto()
    REST = auto()
    CUT = auto()


class Settling:
    """The predicted part of the face, slot by slot. One call of one method per slot."""

    def __init__(self, spec: MotionSpec, times: SettlingTimes) -> None:
        self._neutral, self._mouth, self._times = spec.neutral, mouth_channels(spec), times
        self._shown: NDArray[np.float32] | None = None
        self._offset = np.zeros(spec.size, np.float32)
        self._phase = _Phase.REST
        self._age = 0
        self._mouth_frames = 0
        self._num_starved = 0

    def speak(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(C,) face of a slot in which the model's motion is known or held."""
        self._num_starved = 0
        return self._towards(_Phase.SPEECH, values, self._times.begin)

    def starve(self) -> NDArray[np.float32]:
        """(C,) face of a slot for which speech is late."""
        self._num_starved += 1
        if self._num_starved <= self._times.hold and self._phase in (_Phase.SPEECH, _Phase.HOLD):
            assert self._shown is not None
            return self._towards(_Phase.HOLD, self._shown, 0)
        return self._towards(_Phase.STARVED, self._neutral, self._times.starve)

    def rest(self) -> NDArray[np.float32]:
        """(C,) face of a slot in which nobody speaks."""
        going_on = self._phase in (_Phase.CUT, _Phase.STARVED)
        return self._towards(self._phase if going_on else _Phase.REST, self._neutral, self._times.rest)

    def cut(self) -> None:
        """An interruption: in the next slot the mouth is closed."""
        self._begin(_Phase.CUT, self._neutral, 0)

    def _towards(self, phase: _Phase, target: NDArray[np.float32], mouth_frames: int) -> NDArray[np.float32]:
        if phase is not self._phase:
            self._begin(phase, target, mouth_frames)
        self._age += 1
        mouth, head = (
            1.0 - ease(self._age / frames) if frames else 0.0 for frames in (self._mouth_frames, self._times.head)
        )
        left = np.where(self._mouth, np.float32(mouth), np.float32(head))
        self._shown = (target + self._offset * left).astype(np.float32)
        return self._shown

    def _begin(self, phase: _Phase, target: NDArray[np.float32], mouth_frames: int) -> None:
        shown = target if self._shown is None else self._shown
        self._phase, self._age, self._mouth_frames, self._offset = phase, 0, mouth_frames, shown - target
