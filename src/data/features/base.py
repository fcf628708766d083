"""What every feature extractor promises, so that training, caching and live use treat them alike.

An extractor turns a waveform (S,) mono in [-1, 1] into hops (K, F), one every `hop_s` seconds. The hops of a motion
frame stand side by side in one row of `row_size` numbers, which is what a network reads: (T, row_size).

Two roads give the same numbers: `extract` on a whole recording and `stream` on pieces of any size.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from src.data.features.stacking import HopStacker
from src.errors import DataError, StreamError
from src.motion import FRAMES_PER_SECOND


class FeatureExtractor(ABC):
    """Sound to features, for whole recordings and for live audio.

    Hop k is centred at k * `hop_s` + `first_centre_s` seconds; sound before the start and after the end is digital
    silence. A recording of S samples has a hop for every one begun, ceil(S / hop).

    Attributes:
        sample_rate_hz: of the sound.
        size: F, numbers per hop.
        num_layers: L, layers of an encoder that lie side by side in a hop; 1 unless they are to be mixed. The L
            values of one channel follow each other: value c * L + l is channel c of layer l.
        is_costly: worth keeping on the disk, see `src.data.feature_cache`.
    """

    sample_rate_hz: int
    size: int
    num_layers: int = 1
    is_costly: bool = False

    @property
    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The configuration with its `_target_`, in plain types: enough to build this extractor again."""

    @property
    @abstractmethod
    def config_hash(self) -> str:
        """Sixteen hex digits that differ when the numbers of the features do."""

    @property
    @abstractmethod
    def hop_s(self) -> float:
        """Seconds between hops; a motion frame is a whole number of hops."""

    @property
    def first_centre_s(self) -> float:
        """Where in the sound hop 0 is centred."""
        return 0.0

    @property
    @abstractmethod
    def lookahead_s(self) -> float:
        """Sound after a hop's centre that has to be there before the hop comes out, in the worst case."""

    @property
    @abstractmethod
    def hops_before_frame(self) -> int:
        """How many of a frame's hops begin before the frame's own time."""

    @property
    def hops_per_frame(self) -> int:
        """Hops of one motion frame."""
        return round(1 / (self.hop_s * FRAMES_PER_SECOND))

    @property
    def row_size(self) -> int:
        """Numbers in the row of one motion frame."""
        return self.hops_per_frame * self.size

    @property
    def latency_parts(self) -> dict[str, float]:
        """What the sound after a motion frame's own time is needed for, in milliseconds."""
        last_hop_s = (self.hops_per_frame - 1 - self.hops_before_frame) * self.hop_s + self.first_centre_s
        return {"last feature hop of a frame": 1000.0 * last_hop_s, "feature look-ahead": 1000.0 * self.lookahead_s}

    @property
    def latency_ms(self) -> float:
        """Sound needed after a motion frame's own time for its stacked hops, in the worst case."""
        return sum(self.latency_parts.values())

    @property
    @abstractmethod
    def silence_row(self) -> NDArray[np.float32]:
        """(F,) features of digital silence, which stand for the hops before and after a recording."""

    @property
    def silence_frame(self) -> NDArray[np.float32]:
        """(row_size,) the row of a motion frame in digital silence."""
        return np.tile(self.silence_row, self.hops_per_frame)

    @property
    def front(self) -> "FeatureExtractor":
        """The extractor whose hops are stored and augmented; `finish_hops` makes this one's of them."""
        return self

    def finish_hops(self, hops: Tensor) -> Tensor:
        """Hops of `front`, (B, K, F of front), turned into hops of this extractor, (B, K, F)."""
        return hops

    def extract(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a whole recording.

        Args:
            waveform: (S,) mono in [-1, 1] at `sample_rate_hz`.

        Returns:
            (K, F) with K = ceil(S / hop).

        Raises:
            DataError: `waveform` is not one row of finite numbers.
        """
        stream = self.stream()
        return np.concatenate([stream.push(waveform), stream.finish()])

    @abstractmethod
    def stream(self) -> "FeatureStream":
        """A new stream of hops at sample 0."""

    def stack(self, hops: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows that a network reads: hops (K, F) of a whole recording into (ceil(K / hops_per_frame), row_size)."""
        stacker = self._stacker()
        return np.concatenate([stacker.push(hops), stacker.finish()])

    def extract_frames(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, row_size) stacked features of a whole recording; see `extract`."""
        return self.stack(self.extract(waveform))

    def frame_stream(self) -> "FrameStream":
        """A new stream of stacked rows at sample 0."""
        return FrameStream(self.stream(), self._stacker())

    def _stacker(self) -> HopStacker:
        return HopStacker(self.silence_row, self.hops_per_frame, self.hops_before_frame)


class FeatureStream(ABC):
    """Features of sound that arrives in pieces of any size. Made by `FeatureExtractor.stream`."""

    @abstractmethod
    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next samples (s,) and give the hops (k, F) that they complete; k may be 0.

        Raises:
            DataError: `samples` is not one row of finite numbers.
            StreamError: the stream was finished.
        """

    @abstractmethod
    def finish(self) -> NDArray[np.float32]:
        """End the sound with silence and give the remaining hops (k, F): ceil(S / hop) in all."""


class FrameStream:
    """Stacked rows of sound that arrives in pieces of any size. Made by `FeatureExtractor.frame_stream`."""

    def __init__(self, hops: FeatureStream, stacker: HopStacker) -> None:
        self._hops = hops
        self._stacker = stacker

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next samples (s,) and give the rows (t, row_size) that they complete; t may be 0."""
        return self._stacker.push(self._hops.push(samples))

    def finish(self) -> NDArray[np.float32]:
        """End the sound with silence and give the remaining rows (t, row_size)."""
        return np.concatenate([self._stacker.push(self._hops.finish()), self._stacker.finish()])


def checked_samples(samples: NDArray[np.float32], finished: bool) -> NDArray[np.float32]:
    """Samples that were pushed to a stream, as float32; errors as in `FeatureStream.push`."""
    if finished:
        raise StreamError("features: sound was pushed after the stream's end. Start a new stream for new sound.")
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise DataError(
            f"features: samples of shape {samples.shape} must be one row (S,) of finite numbers. "
            "Mix the sound to mono and check its source."
        )
    return samples


def hash_of(content: dict[str, Any]) -> str:
    """Sixteen hex digits of plain types."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
