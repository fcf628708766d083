"""The colour SyncNet that Wav2Lip trains against ("expert discriminator"): lower half of a face, and 0.2 s of mel.

Not part of LSE-C and LSE-D. Both encoders end in vectors of length one; their cosine is used as the probability that
sound and lips belong together. Layer names and indices are those of `lipsync_expert.pth`.

Reference:
    Prajwal et al.: A Lip Sync Expert Is All You Need for Speech to Lip Generation In The Wild, ACM MM 2020.
"""

from functools import cache

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from src.errors import DataError

SAMPLE_RATE_HZ = 16_000
NUM_FFT = 800
HOP_SAMPLES = 200
NUM_MELS = 80
LOWEST_HZ, HIGHEST_HZ = 55.0, 7600.0
PRE_EMPHASIS = 0.97

_QUIETEST = 1e-5
_REFERENCE_DB, _LOWEST_DB = 20.0, -100.0
_HIGHEST = 4.0


class Block(nn.Module):
    """Convolution, batch norm, the input added where `residual`, ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int | tuple[int, int] = 1,
        padding: int = 0,
        residual: bool = False,
    ) -> None:
        """One layer of an encoder; sizes as in PyTorch."""
        super().__init__()
        self.residual = residual
        self.conv_block = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel, stride, padding), nn.BatchNorm2d(out_channels)
        )

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, H, W) non-negative."""
        out = self.conv_block(values)
        return F.relu(out + values if self.residual else out)


class SyncExpert(nn.Module):
    """16.4 million parameters. Use it in `eval()` mode."""

    def __init__(self) -> None:
        """Layers with PyTorch's own initial weights, until a file is loaded."""
        super().__init__()
        self.face_encoder = nn.Sequential(
            Block(15, 32, kernel=7, padding=3),
            Block(32, 64, kernel=5, stride=(1, 2), padding=1),
            *_residual(64, 2),
            Block(64, 128, kernel=3, stride=2, padding=1),
            *_residual(128, 3),
            Block(128, 256, kernel=3, stride=2, padding=1),
            *_residual(256, 2),
            Block(256, 512, kernel=3, stride=2, padding=1),
            *_residual(512, 2),
            Block(512, 512, kernel=3, stride=2, padding=1),
            Block(512, 512, kernel=3),
            Block(512, 512, kernel=1),
        )
        self.audio_encoder = nn.Sequential(
            Block(1, 32, kernel=3, padding=1),
            *_residual(32, 2),
            Block(32, 64, kernel=3, stride=(3, 1), padding=1),
            *_residual(64, 2),
            Block(64, 128, kernel=3, stride=3, padding=1),
            *_residual(128, 2),
            Block(128, 256, kernel=3, stride=(3, 2), padding=1),
            *_residual(256, 2),
            Block(256, 512, kernel=3),
            Block(512, 512, kernel=1),
        )

    def forward(self, mel: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 512) unit vectors of sound and of faces; their scalar product is the score.

        Args:
            mel: (B, 1, 80, 16) columns of `mel_spectrogram`.
            faces: (B, 15, 48, 96) lower halves in 0..1; channel 3 t + c is colour c (blue, green, red) of image t.
        """
        return (
            F.normalize(self.audio_encoder(mel).flatten(1), dim=1),
            F.normalize(self.face_encoder(faces).flatten(1), dim=1),
        )


def mel_spectrogram(waveform: NDArray[np.floating]) -> NDArray[np.float32]:
    """(80, K) columns every 12.5 ms, in -4..4; K = 1 + S // 200.

    Args:
        waveform: (S,) mono at 16 kHz in [-1, 1], more than 400 samples: the ends are mirrored, as librosa 0.7 did.

    Raises:
        DataError: it is too short to be mirrored, or not one channel.
    """
    if waveform.ndim != 1 or len(waveform) <= NUM_FFT // 2:
        raise DataError(f"sound of shape {waveform.shape}: expected mono samples (S,), more than {NUM_FFT // 2}.")
    sound = waveform.astype(np.float64)
    emphasised = np.append(sound[0], sound[1:] - PRE_EMPHASIS * sound[:-1])
    padded = np.pad(emphasised, NUM_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, NUM_FFT)[::HOP_SAMPLES]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(NUM_FFT) / NUM_FFT)
    magnitudes = np.abs(np.fft.rfft(frames * window))  # (K, 401)
    decibels = 20 * np.log10(np.maximum(_QUIETEST, mel_filters() @ magnitudes.T)) - _REFERENCE_DB
    scaled = 2 * _HIGHEST * (decibels - _LOWEST_DB) / -_LOWEST_DB - _HIGHEST
    return np.clip(scaled, -_HIGHEST, _HIGHEST).astype(np.float32)


@cache
def mel_filters() -> NDArray[np.float64]:
    """(80, 401) triangles of equal area on Slaney's mel scale, by filter and bin. Shared: don't write to it."""
    lowest, highest = (float(_slaney_mel(np.array(hz))) for hz in (LOWEST_HZ, HIGHEST_HZ))
    corners = _slaney_hz(np.linspace(lowest, highest, NUM_MELS + 2))
    left, centre, right = (corners[start : start + NUM_MELS, None] for start in range(3))
    bins = np.linspace(0, SAMPLE_RATE_HZ / 2, NUM_FFT // 2 + 1)[None]
    triangles = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)).clip(min=0)
    return np.asarray(triangles * 2 / (right - left), dtype=np.float64)


def _slaney_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear up to 1 kHz, 15 mel; then 27 mel per factor of 6.4."""
    return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4))


def _slaney_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))


def _residual(channels: int, count: int) -> list[Block]:
    return [Block(channels, channels, kernel=3, padding=1, residual=True) for _ in range(count)]
