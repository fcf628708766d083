"""A file is delivered whole, in pieces."""

import wave
from pathlib import Path

import numpy as np
import pytest

from src.errors import ConfigError, DataError
from src.realtime.sources.file import FileSource


def write_wav(path: Path, waveform: np.ndarray, sample_rate_hz: int = 16_000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        file.writeframes((waveform * 32767).astype(np.int16).tobytes())
    return path


def test_chunks_together_are_the_recording(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.sin(np.arange(5001) / 20) / 2)
    source = FileSource(path=path, chunk_ms=10, sample_rate_hz=16_000)
    chunks = list(source.chunks())
    assert {len(chunk.samples) for chunk in chunks[:-1]} == {source.chunk_samples} == {160}
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), source.waveform)
    assert len(source.waveform) == 5001
    assert [chunk.at_s for chunk in chunks[:2]] == [0.01, 0.02], "each when its last sample was spoken"
    assert chunks[-1].at_s == source.duration_s


def test_another_rate_is_converted(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.sin(np.arange(44_100) / 20) / 2, 44_100)
    assert len(FileSource(path=path, chunk_ms=10, sample_rate_hz=16_000).waveform) == pytest.approx(16_000, abs=2)


def test_a_file_keeps_its_own_rate_when_told_so(tmp_path: Path) -> None:
    samples = np.sin(np.arange(4410) / 20) / 2
    source = FileSource(path=write_wav(tmp_path / "a.wav", samples, 44_100), chunk_ms=10, sample_rate_hz=None)
    assert (source.sample_rate_hz, source.chunk_samples, len(source.waveform)) == (44_100, 441, 4410)
    np.testing.assert_allclose(source.waveform, samples, atol=1e-4)


def test_a_missing_or_empty_file_and_an_empty_chunk_stop_before_anything_runs(tmp_path: Path) -> None:
    for rate in (16_000, None):
        with pytest.raises(DataError, match="no such file"):
            FileSource(path=tmp_path / "none.wav", chunk_ms=10, sample_rate_hz=rate)
    empty = write_wav(tmp_path / "empty.wav", np.zeros(0))
    with pytest.raises(DataError, match=r"empty\.wav"):
        FileSource(path=empty, chunk_ms=10, sample_rate_hz=16_000)
    with pytest.raises(ConfigError, match="holds no sample"):
        FileSource(path=empty, chunk_ms=0.01, sample_rate_hz=16_000)
