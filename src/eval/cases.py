"""What is measured: a predicted motion, the true one and their sound."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError
from src.motion import Motion


@dataclass(frozen=True, eq=False)
class Case:
    """One clip, to be measured. A control is a case whose prediction comes from elsewhere.

    Attributes:
        clip_id: unique in its data.
        speaker: who speaks.
        language: code of the language; empty where unknown.
        predicted: T frames from time 0.
        reference: the true motion on the same frames; its `valid` says which of them count.
        waveform: (S,) float32 mono from time 0.
        sample_rate_hz: of the waveform.

    Raises:
        MotionError: the motions are of different frames or vocabularies, or don't begin at 0.
    """

    clip_id: str
    speaker: str
    language: str
    predicted: Motion
    reference: Motion
    waveform: NDArray[np.float32]
    sample_rate_hz: int

    def __post_init__(self) -> None:
        first, second = self.predicted, self.reference
        if first.spec != second.spec or (len(first), first.fps) != (len(second), second.fps):
            raise MotionError(
                f"clip {self.clip_id!r}: {len(first)} frames of {first.spec.name} at {first.fps:g} fps predicted, "
                f"{len(second)} of {second.spec.name} at {second.fps:g} fps known. Predict the clip's own frames."
            )
        if first.start_s or second.start_s:
            raise MotionError(
                f"clip {self.clip_id!r}: motions begin at {first.start_s:g} s and {second.start_s:g} s of the sound. "
                "Move them to 0."
            )

    @property
    def seconds(self) -> float:
        """Length of the motion."""
        return self.reference.duration_s

    @property
    def frames(self) -> int:
        """Frames that count: those whose reference was seen."""
        return int(self.reference.valid.sum())

    def predicting(self, values: NDArray[np.floating], valid: NDArray[np.bool_] | None = None) -> "Case":
        """The same clip with another prediction.

        Args:
            values: (T, F).
            valid: (T,) False where the prediction has nothing to say; those frames don't count. None: it always has.
        """
        reference = self.reference if valid is None else replace(self.reference, valid=self.reference.valid & valid)
        predicted = replace(self.reference, values=np.asarray(values, np.float32), valid=reference.valid)
        return replace(self, predicted=predicted, reference=reference)
