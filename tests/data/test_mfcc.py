"""Cepstral coefficients are the cosine transform of the log-mel hops, on every road."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from scipy.fft import dct

from scripts.entry import CONFIG_FOLDER
from src.data.features import LogMel, Mfcc
from src.errors import ConfigError
from tests.data.test_features import CONFIG, noise


def extractor(n_mfcc: int = 13, keep_c0: bool = True) -> Mfcc:
    return Mfcc(n_mfcc=n_mfcc, keep_c0=keep_c0, **CONFIG)


@pytest.mark.parametrize("piece", [1, 161, 640, 9_999, 100_000])
@pytest.mark.parametrize("num_samples", [1, 200, 16_077])
def test_a_stream_gives_the_bits_of_the_whole_recording(num_samples: int, piece: int) -> None:
    mfcc, waveform = extractor(), noise(num_samples)
    stream, rows = mfcc.stream(), mfcc.frame_stream()
    pieces = [waveform[start : start + piece] for start in range(0, num_samples, piece)]
    hops = np.concatenate([*map(stream.push, pieces), stream.finish()])
    frames = np.concatenate([*map(rows.push, pieces), rows.finish()])
    assert np.array_equal(hops, mfcc.extract(waveform))
    assert np.array_equal(frames, mfcc.extract_frames(waveform))
    assert frames.shape == (-(-num_samples // 640), mfcc.row_size)
    assert mfcc.row_size == 52


@pytest.mark.parametrize("keep_c0", [True, False])
def test_values_are_scipys_orthonormal_dct_of_the_log_mel(keep_c0: bool) -> None:
    waveform = noise(16_000)
    expected = dct(LogMel(**CONFIG).extract(waveform).astype(np.float64), type=2, norm="ortho", axis=1)
    first = 0 if keep_c0 else 1
    np.testing.assert_allclose(
        extractor(keep_c0=keep_c0).extract(waveform), expected[:, first : first + 13], rtol=0, atol=1e-4
    )


def test_hops_of_the_front_are_finished_in_batches_as_in_the_extractor() -> None:
    mfcc = extractor()
    hops = [mfcc.front.extract(noise(9_600, seed)) for seed in range(3)]
    finished = mfcc.finish_hops(torch.from_numpy(np.stack(hops)))
    assert finished.shape == (3, 60, 13)
    for seed, rows in enumerate(finished):
        assert np.array_equal(rows.numpy(), mfcc.extract(noise(9_600, seed)))


def test_silence_has_the_silence_row_and_times_are_those_of_the_front() -> None:
    mfcc = extractor()
    silent = mfcc.extract(np.zeros(1_000, np.float32))
    assert np.array_equal(silent, np.tile(mfcc.silence_row, (7, 1)))
    np.testing.assert_allclose(mfcc.silence_row[1:], 0, atol=1e-4)
    assert mfcc.latency_ms == mfcc.front.latency_ms == 22.5
    assert (mfcc.hops_per_frame, mfcc.hops_before_frame, mfcc.lookahead_s) == (4, 2, 0.0125)


def test_the_hash_names_coefficients_and_front() -> None:
    mfcc = extractor()
    others = [extractor(12), extractor(keep_c0=False), Mfcc(n_mfcc=13, keep_c0=True, **{**CONFIG, "log_floor": 1e-6})]
    assert len({mfcc.config_hash, mfcc.front.config_hash, *(other.config_hash for other in others)}) == 5
    assert mfcc.config["_target_"] == "src.data.features.Mfcc"
    rebuilt = Mfcc(**{name: value for name, value in mfcc.config.items() if name != "_target_"})
    assert rebuilt.config_hash == mfcc.config_hash


@pytest.mark.parametrize("wrong", [{"n_mfcc": 0}, {"n_mfcc": 81}, {"n_mfcc": 80, "keep_c0": False}], ids=str)
def test_more_coefficients_than_bands_are_refused(wrong: dict) -> None:
    with pytest.raises(ConfigError, match="n_mfcc="):
        extractor(**wrong)


@pytest.mark.parametrize(("name", "size"), [("mel", 80), ("mfcc", 13)])
def test_the_configuration_builds_the_extractor(name: str, size: int) -> None:
    with initialize_config_dir(str(Path(CONFIG_FOLDER) / "features"), version_base="1.3"):
        built = instantiate(compose(name))
    assert built.size == size
    assert built.latency_ms == 22.5
    assert built.front.config == LogMel(**CONFIG).config
