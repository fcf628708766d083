"""A pipe of raw samples is heard whole, whatever its kind and its pace."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from src.errors import ConfigError, StreamError
from src.realtime.sources.stdin import StdinSource
from tests.realtime.sources.pipes import piped_stdin


def source(**changes: object) -> StdinSource:
    settings: dict = {"sample_rate_hz": 16_000, "format": "s16le", "channels": 1, "chunk_ms": 10.0, "buffer_s": 0.5}
    return StdinSource(**{**settings, **changes})


def heard(pipe: StdinSource) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in pipe.chunks()])


SAMPLES = (np.sin(np.arange(3001) / 20) / 2).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("format", "dtype", "scale"), [("s16le", "<i2", 32768), ("f32le", "<f4", 1)])
def test_every_sample_of_the_pipe_is_heard_once(
    format: str, dtype: str, scale: int, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.repeat((SAMPLES * scale).astype(dtype), channels)
    with piped_stdin(monkeypatch) as pipe:
        pipe.write(frames.tobytes())
        pipe.end()
        np.testing.assert_allclose(heard(source(format=format, channels=channels)), SAMPLES, atol=1e-4)


def test_samples_arrive_when_they_would_have_been_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    with piped_stdin(monkeypatch) as pipe:
        pipe.write((SAMPLES * 32767).astype("<i2").tobytes())
        pipe.end()
        end = 0
        for chunk in source().chunks():
            end += len(chunk.samples)
            assert chunk.at_s == pytest.approx(end / 16_000)
    assert end == len(SAMPLES)


def test_a_pipe_that_is_faster_than_speech_waits_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.arange(200_000).astype("<i2")
    with piped_stdin(monkeypatch) as pipe:
        written = threading.Event()

        def write() -> None:
            pipe.write(whole.tobytes())  # far more than queue and pipe hold
            written.set()
            pipe.end()

        writer = threading.Thread(target=write)
        chunks = source(buffer_s=0.1).chunks()
        first = next(chunks)
        writer.start()
        pieces = [first.samples] + [next(chunks).samples for _ in range(20)]
        assert not written.is_set()
        pieces += [chunk.samples for chunk in chunks]
        writer.join()
    np.testing.assert_array_equal((np.concatenate(pieces) * 32768).astype("<i2"), whole)


def test_half_a_sample_at_the_end_is_said_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with piped_stdin(monkeypatch) as pipe:
        pipe.write(bytes(2 * 100 + 1))
        pipe.end()
        assert len(heard(source())) == 100
    assert "ended inside a sample: 1 of 2 bytes. Check speech.format" in caplog.text


def test_a_pipe_without_sound_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with piped_stdin(monkeypatch) as pipe:
        pipe.end()
        with pytest.raises(StreamError, match="ended without any sound. See what the program before the pipe says"):
            heard(source())


def test_whole_numbers_taken_for_floats_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with piped_stdin(monkeypatch) as pipe:
        pipe.write(np.full(100, 20_000, "<f4").tobytes())
        pipe.end()
        with pytest.raises(StreamError, match=r"standard input: .*Check speech\.format"):
            heard(source(format="f32le"))


def test_a_terminal_is_no_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(StreamError, match=r"standard input is no pipe.*`ffmpeg -i talk.mp4 -f s16le -ac 1 -ar 16000 -"):
        heard(source())


@pytest.mark.parametrize("changes", [{"format": "mp3"}, {"channels": 0}, {"buffer_s": 0}, {"chunk_ms": 0.01}])
def test_numbers_that_cannot_be_are_refused(changes: dict) -> None:
    with pytest.raises(ConfigError, match="Correct them|Set it to"):
        source(**changes)


def test_another_program_writes_and_this_one_listens() -> None:
    listens = (
        "from src.realtime.sources.stdin import StdinSource\n"
        "source = StdinSource(sample_rate_hz=48_000, format='s16le', channels=2, chunk_ms=10.0, buffer_s=1.0)\n"
        "print(sum(len(chunk.samples) for chunk in source.chunks()))"
    )
    done = subprocess.run([sys.executable, "-c", listens], input=bytes(4 * 12_345), capture_output=True, check=True)
    assert done.stdout == b"12345\n"
