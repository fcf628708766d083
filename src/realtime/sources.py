"""Where live sound comes from."""

from collections.abc import Iterator
from pathlib import Path

from src.data.audio import load_recording
from src.errors import ConfigError
from src.realtime.frame import Chunk


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

    @property
    def duration_s(self) -> float:
        """Seconds of the recording."""
        return len(self.waveform) / self._sample_rate_hz

    def chunks(self) -> Iterator[Chunk]:
        """(s,) pieces of the file, each when its last sample would have been spoken."""
        for start in range(0, len(self.waveform), self._chunk_samples):
            samples = self.waveform[start : start + self._chunk_samples]
            yield Chunk(samples, at_s=(start + len(samples)) / self._sample_rate_hz)
