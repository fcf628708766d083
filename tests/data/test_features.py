"""Features of a stream equal those of the whole recording, and mean what the module says."""

import numpy as np
import pytest
import torch

from src.data.features import HopStacker, LogMel
from src.errors import ConfigError, DataError, StreamError

CONFIG = {
    "sample_rate_hz": 16_000,
    "n_mels": 80,
    "hop_length": 160,
    "window_length": 400,
    "f_min_hz": 60.0,
    "f_max_hz": 7600.0,
    "log_floor": 1e-5,
}


@pytest.fixture(scope="module")
def mel() -> LogMel:
    return LogMel(**CONFIG)


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    """Noise whose loudness wanders over 80 dB."""
    generator = np.random.default_rng(seed)
    loudness = 10 ** np.interp(np.arange(num_samples), np.linspace(0, num_samples, 9), generator.uniform(-4, 0, 9))
    return (generator.uniform(-1, 1, num_samples) * loudness).astype(np.float32)


@pytest.mark.parametrize("piece", [1, 37, 160, 161, 401, 640, 1600, 9_999, 100_000])
@pytest.mark.parametrize("num_samples", [1, 199, 200, 16_000, 16_077])
def test_a_stream_gives_the_bits_of_the_whole_recording(mel: LogMel, num_samples: int, piece: int) -> None:
    waveform = noise(num_samples)
    stream = mel.stream()
    parts = [stream.push(waveform[start : start + piece]) for start in range(0, num_samples, piece)]
    assert np.array_equal(np.concatenate([*parts, stream.finish()]), mel.extract(waveform))


@pytest.mark.parametrize("num_hops", [1, 3, 4, 1023, 1024, 1025, 2049])
def test_no_hop_depends_on_how_many_are_computed_with_it(mel: LogMel, num_hops: int) -> None:
    waveform = noise(2_100 * 160)
    whole = mel.extract(waveform)
    prefix = mel.extract(waveform[: num_hops * 160 + 400])
    assert np.array_equal(prefix[:num_hops], whole[:num_hops])


@pytest.mark.parametrize("num_samples", [0, 1, 159, 160, 161, 640, 641, 16_000])
def test_there_is_a_hop_for_every_hop_begun_and_a_frame_for_every_frame_begun(mel: LogMel, num_samples: int) -> None:
    features = mel.extract(np.zeros(num_samples, np.float32))
    assert features.shape == (-(-num_samples // 160), 80)
    assert mel.stack(features).shape == (-(-num_samples // 640), 320)


def test_a_click_is_loudest_in_the_hop_centred_on_it(mel: LogMel) -> None:
    waveform = np.zeros(16_000, np.float32)
    waveform[50 * 160] = 1.0
    energy = mel.extract(waveform).sum(axis=1)
    assert energy.argmax() == 50
    silent = mel.silence_row.sum()
    heard = np.flatnonzero(energy > silent + 1e-3)
    assert heard.tolist() == [49, 50, 51]  # a window of 400 samples reaches 200 to each side


@pytest.mark.parametrize("frequency_hz", [200.0, 1000.0, 4000.0])
def test_a_tone_lies_in_the_band_of_its_frequency(mel: LogMel, frequency_hz: float) -> None:
    tone = 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(16_000) / 16_000)
    band = mel.extract(tone.astype(np.float32))[50].argmax()

    def mel_of(hz: float) -> float:  # Slaney: linear below 1 kHz, then 27 steps of ln(6.4)
        return hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)

    low, high = mel_of(60.0), mel_of(7600.0)
    expected = (mel_of(frequency_hz) - low) / (high - low) * 81 - 1
    assert abs(band - expected) <= 1.0


def test_ten_times_the_amplitude_adds_ln_100(mel: LogMel) -> None:
    quiet = noise(8_000) * 0.1 + 0.01 * np.sin(np.arange(8_000)).astype(np.float32)
    difference = mel.extract(10 * quiet) - mel.extract(quiet)
    loud = mel.extract(quiet) > np.log(1e-5) + 8
    assert loud.sum() > 500
    np.testing.assert_allclose(difference[loud], np.log(100), atol=2e-3)


def test_silence_has_the_silence_row(mel: LogMel) -> None:
    assert np.array_equal(mel.extract(np.zeros(1_000, np.float32)), np.tile(mel.silence_row, (7, 1)))


def stacked(hops: np.ndarray, silence_row: np.ndarray, per_and_before_frame: tuple[int, int] = (4, 2)) -> np.ndarray:
    stacker = HopStacker(silence_row, *per_and_before_frame)
    return np.concatenate([stacker.push(hops), stacker.finish()])


def test_frame_i_sees_hops_4i_minus_2_to_4i_plus_1() -> None:
    hops = np.arange(10, dtype=np.float32)[:, None]
    frames = stacked(hops, np.array([-1.0], np.float32))
    assert frames.tolist() == [[-1, -1, 0, 1], [2, 3, 4, 5], [6, 7, 8, 9]]
    assert stacked(hops[:9], np.array([-1.0], np.float32))[-1].tolist() == [6, 7, 8, -1]
    assert stacked(hops, np.array([-1.0], np.float32), (2, 1)).tolist() == [[-1, 0], [1, 2], [3, 4], [5, 6], [7, 8]]


def test_rows_of_a_stream_are_those_of_the_whole_recording(mel: LogMel) -> None:
    waveform, stream = noise(16_077), mel.frame_stream()
    parts = [stream.push(waveform[start : start + 401]) for start in range(0, len(waveform), 401)]
    rows = np.concatenate([*parts, stream.finish()])
    assert np.array_equal(rows, mel.extract_frames(waveform))
    assert np.array_equal(rows[0, : 2 * 80], np.tile(mel.silence_row, 2))
    assert np.array_equal(mel.silence_frame, np.tile(mel.silence_row, 4))


def test_a_hop_based_extractor_is_its_own_front(mel: LogMel) -> None:
    hops = torch.zeros(1, 2, 80)
    assert mel.front is mel
    assert mel.finish_hops(hops) is hops
    assert (mel.num_layers, mel.is_costly, mel.first_centre_s) == (1, False, 0.0)
    assert mel.lookahead_s == 0.0125


@pytest.mark.parametrize("piece", [1, 2, 3, 4, 5, 11])
@pytest.mark.parametrize("num_hops", [1, 4, 22, 23, 24, 25])
def test_stacking_in_pieces_gives_the_frames_of_the_whole(num_hops: int, piece: int) -> None:
    hops = np.random.default_rng(0).normal(size=(num_hops, 3)).astype(np.float32)
    silence = np.full(3, -9, np.float32)
    stacker = HopStacker(silence, 4, 2)
    parts = [stacker.push(hops[start : start + piece]) for start in range(0, num_hops, piece)]
    assert np.array_equal(np.concatenate([*parts, stacker.finish()]), stacked(hops, silence))


def test_a_frame_comes_out_once_the_sound_of_its_latency_is_in(mel: LogMel) -> None:
    stream = mel.frame_stream()
    waveform = noise(6_400)
    assert mel.latency_ms == 22.5  # one hop after the frame and half a window
    ready_ms = []
    for index in range(6_400):
        frames = stream.push(waveform[index : index + 1])
        ready_ms += [(index + 1) / 16] * len(frames)
    assert ready_ms == [40 * frame + mel.latency_ms for frame in range(10)]


def test_hop_and_stacking_fill_a_motion_frame(mel: LogMel) -> None:
    assert (mel.hops_per_frame, mel.hops_before_frame, mel.row_size) == (4, 2, 320)
    assert mel.hop_s * mel.hops_per_frame == pytest.approx(0.04)
    assert mel.window_s == pytest.approx(0.025)


def test_the_hash_names_the_configuration() -> None:
    same, other = LogMel(**CONFIG), LogMel(**{**CONFIG, "log_floor": 1e-6})
    assert LogMel(**CONFIG).config_hash == same.config_hash != other.config_hash
    target, rest = same.config["_target_"], {name: same.config[name] for name in CONFIG}
    assert target == "src.data.features.LogMel"
    assert LogMel(**rest).config_hash == same.config_hash


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hop_length": 200}, "Set hop_length=160"),
        ({"window_length": 401}, "expected an even number"),
        ({"f_max_hz": 9000.0}, "f_min_hz < f_max_hz <= 8000"),
        ({"log_floor": 0.0}, "log_floor > 0"),
    ],
)
def test_wrong_numbers_are_refused_in_words(wrong: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LogMel(**{**CONFIG, **wrong})


@pytest.mark.parametrize("samples", [np.zeros((2, 100), np.float32), np.array([0.0, np.nan], np.float32)], ids=str)
def test_sound_that_is_no_row_of_finite_numbers_is_refused(mel: LogMel, samples: np.ndarray) -> None:
    with pytest.raises(DataError, match="one row"):
        mel.extract(samples)


def test_a_finished_stream_takes_no_more_sound(mel: LogMel) -> None:
    stream = mel.stream()
    stream.finish()
    with pytest.raises(StreamError, match="Start a new stream"):
        stream.push(np.zeros(10, np.float32))
