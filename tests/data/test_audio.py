import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from src.data.audio import load_recording
from src.data.rejection import MediaError, Reason


def sine(seconds: float, rate: int, frequency_hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write_wav(path: Path, channels: list[np.ndarray], rate: int, codec: str = "pcm_s16le") -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo" if len(channels) == 2 else "mono")
        interleaved = np.stack(channels, axis=1).reshape(1, -1).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=stream.layout.name)
        frame.rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("codec", "tolerance"), [("pcm_u8", 0.01), ("pcm_s16le", 1e-3), ("pcm_s24le", 1e-3), ("pcm_f32le", 1e-3)]
)
@pytest.mark.parametrize("rate", [8000, 44_100])
def test_every_depth_and_rate_gives_the_same_sound_at_16_khz(
    tmp_path: Path, codec: str, tolerance: float, rate: int
) -> None:
    tone = sine(0.5, rate)
    recording = load_recording(write_wav(tmp_path / "tone.wav", [tone, tone], rate, codec))
    assert (recording.waveform.dtype, recording.sample_rate_hz, recording.start_s) == (np.float32, 16_000, 0.0)
    assert len(recording.waveform) == 8000
    inside = slice(200, -200)  # the resampler's filter sees silence beyond the ends
    np.testing.assert_allclose(recording.waveform[inside], sine(0.5, 16_000)[inside], atol=tolerance)


def test_channels_are_averaged_so_loud_stereo_does_not_clip(tmp_path: Path) -> None:
    loud, silent = 1.9 * sine(0.2, 16_000), np.zeros(3200, np.float32)
    both = load_recording(write_wav(tmp_path / "both.wav", [loud, loud], 16_000, "pcm_f32le")).waveform
    left = load_recording(write_wav(tmp_path / "left.wav", [loud, silent], 16_000, "pcm_f32le")).waveform
    np.testing.assert_allclose(both, loud, atol=1e-6)
    np.testing.assert_allclose(left, loud / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "codec"), [("clip.mp4", "aac"), ("clip.mkv", "aac"), ("clip.mov", "pcm_s16le"), ("clip.mkv", "libopus")]
)
def test_the_start_of_the_sound_in_its_container_is_kept(tmp_path: Path, write_video, name: str, codec: str) -> None:
    click = np.zeros(48_000, np.float32)
    click[24_000] = 1.0
    black = [np.zeros((64, 64, 3), np.uint8)] * 10
    path = write_video(
        tmp_path / name, black, np.arange(10) / 25, click, audio_start_s=0.3, sample_rate_hz=48_000, audio_codec=codec
    )
    recording = load_recording(path)
    heard_s = recording.start_s + np.abs(recording.waveform).argmax() / 16_000
    assert heard_s == pytest.approx(0.8, abs=0.002)  # containers round to a millisecond


def write_with_hole(path: Path, tone: np.ndarray, second_start_s: float) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for start_s in (0.0, second_start_s):
            frame = av.AudioFrame.from_ndarray(tone[None], format="flt", layout="mono")
            frame.rate, frame.pts, frame.time_base = 16_000, round(start_s * 16_000), Fraction(1, 16_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_a_hole_in_the_time_stamps_is_silence(tmp_path: Path) -> None:
    tone = sine(0.5, 16_000)
    waveform = load_recording(write_with_hole(tmp_path / "hole.mka", tone, 1.0)).waveform
    assert len(waveform) == 24_000
    np.testing.assert_allclose(waveform[8000:16_000], 0, atol=1e-6)
    np.testing.assert_allclose(waveform[16_000:], tone, atol=1e-3)


def test_a_jump_of_days_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = write_with_hole(tmp_path / "jump.mka", sine(0.5, 16_000), 300_000.0)
    with pytest.raises(MediaError, match="time stamps of the sound jump by 300000 s") as caught:
        load_recording(path)
    assert caught.value.reason == Reason.UNREADABLE


@pytest.mark.parametrize("samples", [1, 159, 44_101])
def test_the_result_covers_the_sound_to_its_last_sample(tmp_path: Path, samples: int) -> None:
    path = write_wav(tmp_path / "short.wav", [np.full(samples, 0.25, np.float32)], 44_100)
    assert len(load_recording(path).waveform) == -(-samples * 16_000 // 44_100)


@pytest.mark.parametrize("samples", [16_000, 17_000, 20_480])
def test_the_silence_that_fills_an_encoders_last_packet_is_left_out(tmp_path: Path, write_video, samples: int) -> None:
    images = [np.zeros((64, 64, 3), np.uint8)] * 10
    path = write_video(
        tmp_path / "clip.mp4", images, np.arange(10) / 25, sine(samples / 16_000, 16_000), audio_codec="aac"
    )
    assert abs(len(load_recording(path).waveform) - samples) <= 16  # mp4 declares lengths in milliseconds


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such file") as caught:
        load_recording(tmp_path / "gone.wav")
    assert caught.value.reason == Reason.UNREADABLE
    assert "gone.wav" in str(caught.value)


def test_what_is_no_media_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("not a recording")
    with pytest.raises(MediaError, match="not a media file") as caught:
        load_recording(path)
    assert caught.value.reason == Reason.UNREADABLE


def test_an_empty_wav_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
    with pytest.raises(MediaError, match="empty") as caught:
        load_recording(path)
    assert caught.value.reason == Reason.NO_AUDIO


def test_a_video_without_sound_is_refused(tmp_path: Path, write_video) -> None:
    path = write_video(tmp_path / "silent.mp4", [np.zeros((64, 64, 3), np.uint8)] * 5, np.arange(5) / 25)
    with pytest.raises(MediaError, match="no sound track") as caught:
        load_recording(path)
    assert caught.value.reason == Reason.NO_AUDIO


def test_sound_that_stops_decoding_is_refused(tmp_path: Path, write_video) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 80_000).astype(np.float32)
    images = [np.zeros((64, 64, 3), np.uint8)] * 125
    path = write_video(tmp_path / "cut.mp4", images, np.arange(125) / 25, noise, audio_codec="aac", faststart=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match="cut off") as caught:
        load_recording(path)
    assert caught.value.reason == Reason.TRUNCATED


def test_an_mp4_cut_before_its_index_is_refused(tmp_path: Path, write_video) -> None:
    images = [np.zeros((64, 64, 3), np.uint8)] * 25
    path = write_video(tmp_path / "cut.mp4", images, np.arange(25) / 25, sine(1.0, 16_000), audio_codec="aac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match="cut off before its index"):
        load_recording(path)


def test_a_title_in_another_encoding_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "latin.mka"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Cafe du coin"
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sine(0.5, 16_000)[None], format="flt", layout="mono")
        frame.rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"Cafe", b"Caf\xe9"))
    assert len(load_recording(path).waveform) == 8000
