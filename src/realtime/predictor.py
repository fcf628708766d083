"""A trained checkpoint as one thing: sound in, motion out, for whole recordings and for live audio.

Both roads give the same motion: pushing a recording into `MotionStream` in pieces of any size equals
`SpeechToMotion.predict` on all of it. `tests/realtime/test_predictor.py` holds us to that.
"""

import math
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from src.data.features import FeatureExtractor
from src.errors import DataError
from src.models.checkpoint import Checkpoint, load_checkpoint
from src.motion import Motion, MotionSpec


class SpeechToMotion:
    """Features and network of one checkpoint. Holds no stream: any number of streams share the weights.

    Attributes:
        spec, fps, sample_rate_hz: from the contract inside the checkpoint.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        contract = checkpoint.contract
        self.spec: MotionSpec = contract.spec
        self.fps = contract.fps
        self.sample_rate_hz = contract.sample_rate_hz
        self.lookahead_frames = contract.lookahead_frames
        self.features: FeatureExtractor = contract.build_features()
        self.net = checkpoint.net
        self.contract = contract

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a checkpoint.

        Raises:
            CheckpointError: it is missing, damaged or does not fit this program.
        """
        return cls(load_checkpoint(path))

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
        features = self.features.extract_frames(waveform)
        with torch.inference_mode():
            values = self.net(torch.from_numpy(features)[None])[0].numpy()
        return Motion(values, self.spec, self.fps).clamped()

    def stream(self) -> "MotionStream":
        """A new stream at sample 0, with a state of its own."""
        return MotionStream(self)


class MotionStream:
    """Motion of sound that arrives in pieces of any size. Made by `SpeechToMotion.stream`."""

    def __init__(self, predictor: SpeechToMotion) -> None:
        self._predictor = predictor
        self._features = predictor.features.frame_stream()
        self._state = predictor.net.init_state(1)
        self._num_rows = 0
        self._minimum, self._maximum = predictor.spec.minimum, predictor.spec.maximum

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next samples (s,) and give the motion frames (t, C) that they complete; t may be 0."""
        return self._advance(self._features.push(samples))

    def finish(self) -> NDArray[np.float32]:
        """End the sound with silence and give the remaining frames (t, C)."""
        rows = self._features.finish()
        if self._num_rows + len(rows) == 0:
            return np.empty((0, self._predictor.spec.size), np.float32)
        silence = self._predictor.net.standardizer.silence.numpy()
        return self._advance(np.concatenate([rows, np.tile(silence, (self._predictor.lookahead_frames, 1))]))

    def _advance(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(rows) == 0:
            return np.empty((0, self._predictor.spec.size), np.float32)
        with torch.inference_mode():
            motion, self._state = self._predictor.net.step(torch.from_numpy(rows)[None], self._state)
        # Row n speaks about frame n - lookahead; those before frame 0 are nobody's.
        before_start = max(self._predictor.lookahead_frames - self._num_rows, 0)
        self._num_rows += len(rows)
        values: NDArray[np.float32] = motion[0, before_start:].numpy()
        return np.clip(values, self._minimum, self._maximum)


def num_frames(num_samples: int, sample_rate_hz: int, fps: float) -> int:
    """Motion frames of a recording: every frame whose time is before the recording's end."""
    return math.ceil(num_samples * fps / sample_rate_hz)
