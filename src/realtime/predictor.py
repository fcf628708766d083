"""A trained model as one thing: sound in, motion out, for whole recordings and for live audio.

Both roads give the same motion: pushing a recording into `MotionStream` in pieces of any size equals
`SpeechToMotion.predict` on all of it. `tests/realtime/test_predictor.py` holds us to that.
"""

import math
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from src.data.features import FeatureExtractor
from src.errors import CheckpointError, DataError, StreamError
from src.models.checkpoint import Contract
from src.models.motion_model import MotionModel, load_model
from src.motion import CORE7, Motion, MotionSpec, core7_of


class SpeechToMotion:
    """Features and network of one model. Holds no stream: any number of streams share the weights.

    Attributes:
        contract: what the model expects and gives.
        spec: the vocabulary of the motion that comes out.
        fps, sample_rate_hz: from the contract.
    """

    def __init__(self, model: MotionModel, speaker: str | None = None, spec: MotionSpec | None = None) -> None:
        """Join a model and the features that it was trained with.

        Args:
            model: of a checkpoint or an exported file.
            speaker: whose style to speak in, one of `contract.speakers`; None for nobody's.
            spec: the vocabulary that is wanted, the model's own or `core7`; None for the model's own.

        Raises:
            CheckpointError: the model knows no such speaker, can't speak `spec`, or its features can't be built.
        """
        contract = model.contract
        self.contract = contract
        if spec not in (None, contract.spec, CORE7):
            raise CheckpointError(
                f"the model speaks {contract.spec_name}, not {spec.name}. Train one with `spec={spec.name}`."
            )
        self.spec = contract.spec if spec is None else spec
        self.fps = contract.fps
        self.sample_rate_hz = contract.sample_rate_hz
        self.features: FeatureExtractor = contract.build_features()
        self.model = model
        self.speaker = _speaker_id(contract, speaker)

    @classmethod
    def load(cls, path: Path | str, speaker: str | None = None, spec: MotionSpec | None = None) -> Self:
        """Read a checkpoint (.ckpt) or an exported step model (.onnx).

        Raises:
            CheckpointError: it is missing, damaged or does not fit this program, knows no such speaker or can't
                speak `spec`.
        """
        return cls(load_model(path), speaker, spec)

    @property
    def latency_ms(self) -> float:
        """See `Contract.latency_ms`."""
        return self.contract.latency_ms

    def predict(self, waveform: NDArray[np.float32]) -> Motion:
        """Motion of a whole recording, inside the ranges of the spec.

        Args:
            waveform: (S,) mono in [-1, 1] at `sample_rate_hz`, S >= 1.

        Returns:
            ceil(S / 640) frames at 16 kHz; frame i at i / fps seconds after the first sample.

        Raises:
            DataError: there is no sound in it, or it is not one row of finite numbers.
        """
        if len(waveform) == 0:
            raise DataError("the recording has no samples, so there is nothing to predict motion from. Check its file.")
        values = self.model.whole(self.features.extract_frames(waveform), self.speaker)
        return self.told(values)

    def told(self, values: NDArray[np.float32]) -> Motion:
        """What the model says, (T, C) in its own vocabulary, as motion of `spec` inside its ranges."""
        motion = Motion(values, self.contract.spec, self.fps).clamped()
        return motion if self.spec is self.contract.spec else core7_of(motion)

    def stream(self) -> "MotionStream":
        """A new stream at sample 0, with a state of its own.

        Raises:
            StreamError: the network needs the whole recording.
        """
        if not self.contract.streams:
            raise StreamError(
                "this model reads a recording from both ends, so it can't follow sound that is still arriving. "
                "Use it with `python -m scripts.predict`, or train a network that streams (bidirectional=false)."
            )
        return MotionStream(self)


class MotionStream:
    """Motion of sound that arrives in pieces of any size. Made by `SpeechToMotion.stream`."""

    def __init__(self, predictor: SpeechToMotion) -> None:
        self._predictor, self._model = predictor, predictor.model
        self._features = predictor.features.frame_stream()
        self._state = predictor.model.init_state(predictor.speaker)
        self._lookahead_frames = predictor.contract.lookahead_frames
        self._num_rows = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next samples (s,) and give the motion frames (t, C) that they complete; t may be 0."""
        return self._advance(self._features.push(samples))

    def finish(self) -> NDArray[np.float32]:
        """End the sound with silence and give the remaining frames (t, C)."""
        rows = self._features.finish()
        if self._num_rows + len(rows) > 0:
            rows = np.concatenate([rows, np.tile(self._model.silence, (self._lookahead_frames, 1))])
        return self._advance(rows)

    def _advance(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        # Row n speaks about frame n - lookahead; those before frame 0 are nobody's.
        before_start = max(self._lookahead_frames - self._num_rows, 0)
        self._num_rows += len(rows)
        if len(rows):
            motion, self._state = self._model.step(rows, self._state)
        if len(rows) <= before_start:
            return np.empty((0, self._predictor.spec.size), np.float32)
        return self._predictor.told(motion[before_start:]).values


def _speaker_id(contract: Contract, name: str | None) -> int:
    if name is None:
        return 0
    if name not in contract.speakers:
        known = ", ".join(contract.speakers[:8]) + (" and others" if len(contract.speakers) > 8 else "")
        raise CheckpointError(
            f"speaker={name}: the model knows {known or 'no speakers'}. "
            + (f"Give one of its {len(contract.speakers)}, or speaker=null." if known else "Leave it out.")
        )
    return contract.speakers.index(name) + 1


def num_frames(num_samples: int, sample_rate_hz: int, fps: float) -> int:
    """Motion frames of a recording: every frame whose time is before the recording's end."""
    return math.ceil(num_samples * fps / sample_rate_hz)
