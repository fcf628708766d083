"""The front end inside a graph gives the rows of the NumPy features, block by block."""

import numpy as np
import pytest
import torch

from src.data.features import FeatureExtractor, LogMel, Mfcc
from src.errors import CheckpointError
from src.models.mel_front_end import build_front_end
from tests.models.small_networks import MEL
from tests.realtime.test_predictor import noise

EXTRACTORS = {
    "mel": LogMel(**MEL),
    "mel of the default size": LogMel(**{**MEL, "n_mels": 80}),
    "long windows": LogMel(**{**MEL, "window_length": 800}),
    "mfcc": Mfcc(n_mfcc=13, keep_c0=True, **MEL),
    "mfcc without c0": Mfcc(n_mfcc=12, keep_c0=False, **MEL),
}


def rows_in_blocks(extractor: FeatureExtractor, waveform: np.ndarray) -> np.ndarray:
    """(T, F) of as many whole blocks as there are."""
    front_end = build_front_end(extractor.config, extractor.hops_before_frame)
    sound = torch.from_numpy(np.concatenate([np.zeros(front_end.lead_in_samples, np.float32), waveform]))
    state, rows = front_end.init_state(), []
    with torch.inference_mode():
        for block in sound[: len(sound) // 640 * 640].reshape(-1, 1, 640):
            row, state = front_end(block, *state)
            rows.append(row[0, 0].numpy())
    return np.array(rows)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_blocks_of_sound_give_the_rows_of_the_features(name: str) -> None:
    extractor = EXTRACTORS[name]
    waveform = np.concatenate([noise(20_000), np.zeros(8_000, np.float32), noise(5_000), np.zeros(3_000, np.float32)])
    expected = extractor.frame_stream().push(waveform)
    found = rows_in_blocks(extractor, waveform)
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_a_block_completes_its_row_as_soon_as_the_features_can_have_it(name: str) -> None:
    extractor = EXTRACTORS[name]
    front_end = build_front_end(extractor.config, extractor.hops_before_frame)
    assert front_end.needed_samples == round(extractor.latency_ms * 16)
    assert front_end.lead_in_samples + front_end.needed_samples == front_end.block_samples == 640
    stream = extractor.frame_stream()
    assert len(stream.push(noise(front_end.needed_samples - 1))) == 0
    assert len(stream.push(noise(1))) == 1


def test_other_features_and_endless_windows_are_refused() -> None:
    with pytest.raises(CheckpointError, match="can be part of the graph"):
        build_front_end({"_target_": "src.data.features.SslFeatures"}, 0)
    extractor = LogMel(**{**MEL, "window_length": 1000})
    with pytest.raises(CheckpointError, match="too long for a front end"):
        build_front_end(extractor.config, extractor.hops_before_frame)
