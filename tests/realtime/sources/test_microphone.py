"""What is said into a microphone comes in time; what can't be heard is said."""

import numpy as np
import pytest

from src.errors import ConfigError, StreamError
from src.realtime.sources import microphone
from src.realtime.sources.microphone import MicrophoneSource
from tests.realtime.sinks.fake_card import FakeLibrary


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    fake = FakeLibrary()
    monkeypatch.setattr(microphone, "sound_library", lambda: fake)
    return fake


def source(**changes: object) -> MicrophoneSource:
    settings: dict = {"device": None, "sample_rate_hz": None, "chunk_ms": 10.0, "buffer_ms": 500.0, "latency": "low"}
    return MicrophoneSource(**{**settings, **changes})


def test_sound_comes_as_it_is_spoken_at_the_rate_of_the_device(library: FakeLibrary) -> None:
    heard = source()
    assert (heard.sample_rate_hz, heard.chunk_samples) == (48_000, 480)
    chunks = heard.chunks()
    assert len(next(chunks).samples) == 0
    (stream,) = library.streams
    spoken = np.linspace(-0.5, 0.5, 960, dtype=np.float32)
    stream.say(spoken[:480, None])
    stream.say(spoken[480:, None])
    first, second = next(chunks), next(chunks)
    np.testing.assert_array_equal(np.concatenate([first.samples, second.samples]), spoken)
    assert (first.at_s, stream.settings["blocksize"], stream.settings["device"]) == (None, 480, 3)
    chunks.close()  # type: ignore[attr-defined]
    assert stream.closed


def test_a_stereo_device_is_averaged_and_a_wanted_rate_is_taken(library: FakeLibrary) -> None:
    library.takes = {(16_000, 2)}
    heard = source(sample_rate_hz=16_000)
    assert heard.sample_rate_hz == 16_000
    chunks = heard.chunks()
    next(chunks)
    library.streams[0].say(np.tile(np.array([[0.5, 0.0]], np.float32), (160, 1)))
    np.testing.assert_array_equal(next(chunks).samples, np.full(160, 0.25, np.float32))


def test_what_nobody_asks_for_in_time_is_dropped_the_oldest_first_and_counted(
    library: FakeLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    heard = source(buffer_ms=30.0)
    chunks = heard.chunks()
    next(chunks)
    for number in range(5):
        library.streams[0].say(np.full((480, 1), number / 10, np.float32))
    assert [round(float(next(chunks).samples[0]), 1) for _ in range(3)] == [0.2, 0.3, 0.4]
    assert heard.num_dropped == 960
    chunks.close()  # type: ignore[attr-defined]
    assert "0.02 s of the microphone were dropped: the engine did not keep up" in caplog.text


def test_a_device_that_is_unplugged_is_an_error_after_what_it_said(library: FakeLibrary) -> None:
    chunks = source().chunks()
    next(chunks)
    library.streams[0].say(np.full((480, 1), 0.5, np.float32))
    library.streams[0].active = False
    assert len(next(chunks).samples) == 480
    with pytest.raises(StreamError, match=r"'Fake card' gives no sound any more: it was unplugged.*speech\.device"):
        next(chunks)
    assert library.streams[0].closed


def test_a_device_that_falls_silent_is_an_error(library: FakeLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "LOST_AFTER_S", 0.0)
    with pytest.raises(StreamError, match="gives no sound any more"):
        list(source().chunks())


def test_no_device_stops_before_anything_runs(library: FakeLibrary) -> None:
    library.missing = True
    with pytest.raises(StreamError, match=r"no sound input.*or speak from a file with realtime/source=file"):
        source()


def test_a_device_that_does_not_open_says_so(library: FakeLibrary) -> None:
    library.refusal = library.PortAudioError("Device unavailable")
    with pytest.raises(StreamError, match=r"does not open \(Device unavailable\).*allow this one to use it"):
        next(iter(source().chunks()))


def test_a_device_that_does_not_start_says_so(library: FakeLibrary) -> None:
    library.faults.add("does not start")
    with pytest.raises(StreamError, match=r"does not open \(Unanticipated host error\)"):
        next(iter(source().chunks()))


def test_a_driver_that_gives_no_numbers_is_an_error_in_the_run(library: FakeLibrary) -> None:
    chunks = source().chunks()
    next(chunks)
    library.streams[0].say(np.full((480, 1), np.nan, np.float32))
    with pytest.raises(StreamError, match="holds NaN or infinity"):
        next(chunks)


def test_a_queue_shorter_than_a_chunk_is_refused(library: FakeLibrary) -> None:
    with pytest.raises(ConfigError, match=r"speech\.buffer_ms=5 is less than one chunk"):
        source(buffer_ms=5.0)
