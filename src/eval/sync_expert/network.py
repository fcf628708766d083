"""The two encoders of the sync expert, and what they are given.

A window of W frames of sound and a window of W frames of mouth each become a vector of length 1. Both encoders are
convolutions without padding, so whole clips are embedded in one pass, and a window knows nothing beyond its frames.

Neither hears how loud a recording is nor sees how wide a mouth opens in all: sound is taken relative to the loud frames
of its clip, the mouth relative to its own mean and spread in the clip. A timid model is measured by when it moves; how
much it moves is another metric's subject.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from src.errors import ConfigError
from src.motion import CORE7, Motion, core7_of

MOUTH_CHANNELS = ("jaw_open", "mouth_wide", "mouth_narrow")
"""What is looked at of `core7`; the last two are one movement, of which their difference is taken."""

LEAST_SPREAD = np.array([0.005, 0.002])
"""Standard deviations of opening and width, in face sizes, below which a movement is not blown up any further: there
it is noise of labels."""

CONSTANT_SPREAD = 1e-3
"""An opening that moves less in a clip, in face sizes, has no movement to compare."""

_LOUD_PERCENTILE = 95
_WIDEST_KERNEL = 5


class SyncNetwork(nn.Module):
    """Windows of sound and of mouth motion as vectors that are near each other where they belong together."""

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(
        self, *, row_size: int, window_frames: int, hidden_size: int, embedding_size: int, dropout: float
    ) -> None:
        """Make it with weights of the current seed.

        Args:
            row_size: R, features of a motion frame.
            window_frames: W.
            hidden_size: channels of each layer.
            embedding_size: E.
            dropout: before each convolution, in training.

        Raises:
            ConfigError: a size makes no sense.
        """
        super().__init__()
        if window_frames < 2 or min(row_size, hidden_size, embedding_size) < 1 or not 0 <= dropout < 1:
            raise ConfigError(
                f"sync expert: window_frames={window_frames}, row_size={row_size}, hidden_size={hidden_size}, "
                f"embedding_size={embedding_size}, dropout={dropout}; expected 2 or more, 1 or more each, and 0 to "
                "below 1. Correct them."
            )
        self.config: dict[str, Any] = {
            "row_size": row_size, "window_frames": window_frames, "hidden_size": hidden_size,
            "embedding_size": embedding_size, "dropout": dropout,
        }  # fmt: skip
        self.window_frames = window_frames
        sizes = (window_frames, hidden_size, embedding_size, dropout)
        self.sound_encoder = _encoder(row_size, *sizes)
        self.mouth_encoder = _encoder(2, *sizes)
        self.register_buffer("feature_mean", torch.zeros(row_size))
        self.register_buffer("feature_std", torch.ones(row_size))

    def embed_sound(self, rows: Tensor) -> Tensor:
        """(B, N, E) of the N = T - W + 1 windows of (B, T, R) rows less the `level` of their clip."""
        return _embedded(self.sound_encoder, (rows - self.feature_mean) / self.feature_std)

    def embed_mouth(self, mouth: Tensor) -> Tensor:
        """(B, N, E) of the windows of (B, T, 2) by `mouth_shape`."""
        return _embedded(self.mouth_encoder, mouth)


def level(rows: NDArray[np.floating]) -> float:
    """How loud the loud frames of a clip are: a gain adds to this what it adds to all features.

    Args:
        rows: (T, R) log-mel energies of the whole clip.

    Returns:
        The 95th percentile over frames of their mean.
    """
    return float(np.percentile(rows.mean(axis=1), _LOUD_PERCENTILE))


def mouth_shape(motion: Motion, counted: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """Opening and width of a mouth relative to what they do in the clip.

    Args:
        motion: T frames of `core7`, or what projects onto it.
        counted: (T,) frames that mean and spread are taken over.

    Returns:
        (T, 2) of mean 0 and spread 1, less where a channel hardly moves; None for a mouth that doesn't move.
    """
    values = core7_of(motion).values.astype(np.float64)
    opening, wide, narrow = (values[:, CORE7.index(name)] for name in MOUTH_CHANNELS)
    shape = np.stack([opening, wide - narrow], axis=1)
    if not counted.any() or shape[counted, 0].std() < CONSTANT_SPREAD:
        return None
    spread = np.maximum(shape[counted].std(axis=0), LEAST_SPREAD)
    return np.asarray((shape - shape[counted].mean(axis=0)) / spread, np.float32)


class _ChannelNorm(nn.Module):
    """Layer norm over the channels of each frame by itself: norms over time would see beyond the window."""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(num_channels)

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, T)."""
        normed: Tensor = self.norm(values.transpose(1, 2))
        return normed.transpose(1, 2)


def _encoder(
    in_channels: int, window_frames: int, hidden_size: int, embedding_size: int, dropout: float
) -> nn.Sequential:
    """(B, in, T) into (B, E, T - W + 1)."""
    layers: list[nn.Module] = [nn.Conv1d(in_channels, hidden_size, 1), _ChannelNorm(hidden_size), nn.GELU()]
    left = window_frames - 1
    while left:
        kernel = 1 + min(_WIDEST_KERNEL - 1, left)
        convolution = nn.Conv1d(hidden_size, hidden_size, kernel)
        layers += [nn.Dropout(dropout), convolution, _ChannelNorm(hidden_size), nn.GELU()]
        left -= kernel - 1
    return nn.Sequential(*layers, nn.Conv1d(hidden_size, embedding_size, 1))


def _embedded(encoder: nn.Sequential, values: Tensor) -> Tensor:
    return F.normalize(encoder(values.transpose(1, 2)), dim=1).transpose(1, 2)
