"""A recording, delivered as a microphone would."""

from collections.abc import Iterator
from pathlib import Path

from src.data.audio import load_recording, opened
from src.realtime.frame import Chunk
from src.realtime.sources.chunk_size import chunk_size


class FileSource:
    """A recording, or the sound of a video."""

    def __init__(self, *, path: Path | str, chunk_ms: float, sample_rate_hz: int | None) -> None:
        """Reads the whole file, so that a bad one stops the run before it starts.

        Args:
            path: anything with sound that FFmpeg reads.
            chunk_ms: length of the pieces.
            sample_rate_hz: the file is converted to it on reading; null keeps its own, and the engine converts.

        Raises:
            DataError: no sound in it, empty, truncated or unreadable.
            ConfigError: chunks without length.
        """
        if sample_rate_hz is None:
            with opened(Path(path)) as container:
                sample_rate_hz = container.streams.audio[0].rate if container.streams.audio else 16_000
        self._chunk_samples = chunk_size(chunk_ms, sample_rate_hz)
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

    @property
    def duration_s(self) -> float:
        """Seconds of the recording."""
        return len(self.waveform) / self._sample_rate_hz

    def chunks(self) -> Iterator[Chunk]:
        """(s,) pieces of the file, each when its last sample would have been spoken."""
        for start in range(0, len(self.waveform), self._chunk_samples):
            samples = self.waveform[start : start + self._chunk_samples]
            yield Chunk(samples, at_s=(start + len(samples)) / self._sample_rate_hz)
