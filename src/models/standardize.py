"""Statistics inside the network: raw features come in, motion in the units of its spec goes out.

They are buffers, so they travel in the checkpoint with the weights and never in a side file.
"""

import torch
from torch import Tensor, nn

from src.errors import ConfigError

_SMALLEST_STD = 1e-4
"""Deviations are held above this: a channel that never moves in the data must not divide by zero."""


class Standardizer(nn.Module):
    """Subtracts means and divides by deviations on the way in; the opposite on the way out.

    Attributes:
        silence: (F,) raw features of digital silence, which follows the end of a recording.
        motion_mean, motion_std: (C,) in the units of the motion spec.
    """

    feature_mean: Tensor
    feature_std: Tensor
    silence: Tensor
    motion_mean: Tensor
    motion_std: Tensor

    def __init__(self, *, in_features: int, out_channels: int) -> None:
        """Starts as the identity, with silence at 0."""
        super().__init__()
        self.register_buffer("feature_mean", torch.zeros(in_features))
        self.register_buffer("feature_std", torch.ones(in_features))
        self.register_buffer("silence", torch.zeros(in_features))
        self.register_buffer("motion_mean", torch.zeros(out_channels))
        self.register_buffer("motion_std", torch.ones(out_channels))

    def set_statistics(
        self, *, feature_mean: Tensor, feature_std: Tensor, silence: Tensor, motion_mean: Tensor, motion_std: Tensor
    ) -> None:
        """Take the statistics of the training data: (F,) of features, (C,) of motion.

        Raises:
            ConfigError: a size differs from the network's.
        """
        given = {
            "feature_mean": feature_mean,
            "feature_std": feature_std.clamp(min=_SMALLEST_STD),
            "silence": silence,
            "motion_mean": motion_mean,
            "motion_std": motion_std.clamp(min=_SMALLEST_STD),
        }
        for name, value in given.items():
            buffer = getattr(self, name)
            if value.shape != buffer.shape:
                raise ConfigError(
                    f"models: {name} of the data has shape {tuple(value.shape)}, the network expects "
                    f"{tuple(buffer.shape)}. Set in_features and out_channels to what the data gives."
                )
            buffer.copy_(value)

    def features(self, features: Tensor) -> Tensor:
        """(..., F) raw -> standardised."""
        return (features - self.feature_mean) / self.feature_std

    def motion(self, standardised: Tensor) -> Tensor:
        """(..., C) standardised -> units of the spec."""
        return standardised * self.motion_std + self.motion_mean

    def standardised_motion(self, motion: Tensor) -> Tensor:
        """(..., C) units of the spec -> standardised; the inverse of `motion`."""
        return (motion - self.motion_mean) / self.motion_std
