"""Uploads of strangers: cut off, and read as sound and as nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.io import wavfile

from src.errors import DataError
from src.realtime.server.uploads import TooLargeError, decode_upload, save_upload


async def pieces(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield bytes(size)


def test_an_upload_is_written_as_it_comes(tmp_path: Path) -> None:
    path = asyncio.run(save_upload(pieces(3, 4, 0, 3), 10, tmp_path))
    assert path.parent == tmp_path
    assert path.read_bytes() == bytes(10)


def test_an_upload_beyond_the_limit_is_not_read_to_its_end_and_leaves_nothing(tmp_path: Path) -> None:
    taken = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            taken.append(1)
            yield bytes(100)

    with pytest.raises(TooLargeError, match="larger than 0.001 MB"):
        asyncio.run(save_upload(endless(), 1000, tmp_path))
    assert len(taken) == 11
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(10)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(save_upload(broken(), 1000, tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg", "flac", "m4a", "webm"])
def test_usual_recordings_are_understood_whatever_they_are_called(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"speech.{suffix}"
    with av.open(str(path), "w") as container:
        codec = {"wav": "pcm_s16le", "mp3": "libmp3lame", "flac": "flac", "m4a": "aac"}.get(suffix, "libopus")
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        samples = (8000 * np.sin(np.arange(48_000) / 20)).astype(np.int16)
        sound = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        sound.sample_rate = 48_000
        for frame in [*av.AudioResampler(stream.format, "mono", 48_000, stream.frame_size or 0).resample(sound), None]:
            container.mux(stream.encode(frame))
    named = path.rename(tmp_path / "upload-xyz")
    recording = decode_upload(named, sample_rate_hz=16_000, longest_s=2)
    assert recording.duration_s == pytest.approx(1.0, abs=0.1)
    assert np.abs(recording.waveform).max() > 0.2


@pytest.mark.parametrize(
    "content",
    [b"", b"no sound", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nSECRET\n#EXT-X-ENDLIST\n",
     b"ffconcat version 1.0\nfile SECRET\n", b"RIFF\x00\x00\x00\x00WAVE", b"\x1aE\xdf\xa3" * 50],
)  # fmt: skip
def test_what_is_no_recording_is_refused_and_opens_no_other_file(tmp_path: Path, content: bytes) -> None:
    secret = tmp_path / "secret.wav"
    wavfile.write(secret, 16_000, np.full(16_000, 9000, np.int16))
    upload = tmp_path / "upload-1"
    upload.write_bytes(content.replace(b"SECRET", str(secret).encode()))
    with pytest.raises(DataError) as refused:
        decode_upload(upload, sample_rate_hz=16_000, longest_s=10)
    assert str(tmp_path) not in str(refused.value)


def test_a_small_file_of_long_silence_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    upload = tmp_path / "upload-1"
    with av.open(str(upload), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        silence.sample_rate = 16_000
        for number in range(500):
            silence.pts = 4096 * number
            container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    assert upload.stat().st_size < 100_000
    with pytest.raises(DataError, match=r"the recording is longer than 5 s\. Cut it"):
        decode_upload(upload, sample_rate_hz=16_000, longest_s=5)
    assert decode_upload(upload, sample_rate_hz=16_000, longest_s=129).duration_s == pytest.approx(128)
