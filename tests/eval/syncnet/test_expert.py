"""Wav2Lip's expert: unit vectors, and a mel spectrogram within its range."""

import numpy as np
import pytest
import torch

from src.errors import DataError
from src.eval.syncnet.expert import SyncExpert, mel_filters, mel_spectrogram


@torch.no_grad()
def test_embeddings_have_length_one() -> None:
    torch.manual_seed(0)
    audio, faces = SyncExpert().eval()(torch.randn(2, 1, 80, 16), torch.rand(2, 15, 48, 96))
    assert audio.shape == faces.shape == (2, 512)
    for vectors in (audio, faces):
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_mel_of_silence_is_the_lowest_value_and_a_tone_is_in_its_band() -> None:
    silence = mel_spectrogram(np.zeros(16_000))
    assert silence.shape == (80, 81)
    assert (silence == -4).all()
    tone = mel_spectrogram(0.5 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000))
    loudest = int(tone.mean(axis=1).argmax())
    assert abs(int(mel_filters()[loudest].argmax()) * 20 - 1000) <= 40
    assert tone.max() <= 4


def test_sound_too_short_to_be_mirrored_is_refused() -> None:
    with pytest.raises(DataError, match="more than 400"):
        mel_spectrogram(np.zeros(400))
