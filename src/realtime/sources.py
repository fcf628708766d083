"""Where live sound comes from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from src.data.audio import load_recording
from src.errors import ConfigError


class Source(Protocol):
    """Sound in chunks. The engine asks for the next chunk when it would have been spoken."""

    @property
    def sample_rate_hz(self) -> int:
        """Of all chunks."""
        ...

    @property
    def chunk_samples(self) -> int:
        """Size of the largest chunk; its length is part of the latency."""
        ...

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """(s,) mono pieces in [-1, 1] from the start to the end."""
        ...


class FileSource:
    """A recording, or the sound of a video, delivered as a microphone would."""

    def __init__(self, *, path: Path | str, chunk_ms: float, sample_rate_hz: int) -> None:
        """Reads the whole file, so that a bad one stops the run before it starts.

        Raises:
            DataError: no sound in it, empty, truncated or unreadable.
            ConfigError: chunks without length.
        """
        self._chunk_samples = round(sample_rate_hz * chunk_ms / 1000.0)
        if self._chunk_samples < 1:
            raise ConfigError(f"chunk_ms={chunk_ms:g} holds no sample at {sample_rate_hz} Hz. Set it to 10 or so.")
        self._sample_rate_hz = sample_rate_hz
        self.waveform = load_recording(Path(path), sample_rate_hz).waveform

    @property
    def sample_rate_hz(self) -> int:
        """Of all chunks."""
        return self._sample_rate_hz

    @property
    def chunk_samples(self) -> int:
        """Size of every chunk but the last."""
        return self._chunk_samples

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """(s,) pieces of the file."""
        for start in range(0, len(self.waveform), self._chunk_samples):
            yield self.waveform[start : start + self._chunk_samples]
