"""Pearson correlation of prediction and reference per channel, clip by clip."""

import torch
from torch import Tensor

_SMALLEST_STD = 1e-5
"""A reference that moves less than this, in units of the spec, has no correlation with anything."""


class ClipCorrelation:
    """Accumulates one correlation per clip; the result is their mean, weighted by the frames of the clips.

    Within clips, so that differences between faces can't pass for lip motion. A clip in which the
    reference stands still is left out for that channel; a prediction that stands still scores 0.
    """

    def __init__(self, *, num_channels: int, min_frames: int) -> None:
        """Clips with fewer than `min_frames` masked-in frames are left out: theirs would be noise."""
        self._num_channels = num_channels
        self._min_frames = min_frames
        self.reset()

    def reset(self) -> None:
        """Forget all clips."""
        self._total = torch.zeros(self._num_channels, dtype=torch.float64)
        self._frames = torch.zeros(self._num_channels, dtype=torch.float64)

    def update(self, prediction: Tensor, reference: Tensor, mask: Tensor) -> None:
        """Add clips: (B, T, C) in units of the spec and (B, T) bool."""
        batch = (prediction.detach().cpu(), reference.cpu(), mask.cpu())  # one copy, not one per clip
        for predicted, wanted, counts in zip(*batch, strict=True):
            if counts.sum() < self._min_frames:
                continue
            x, y = predicted[counts].double(), wanted[counts].double()
            x, y = x - x.mean(dim=0), y - y.mean(dim=0)
            moves = y.square().mean(dim=0).sqrt() > _SMALLEST_STD
            scale = (x.square().sum(dim=0) * y.square().sum(dim=0)).sqrt()
            r = (x * y).sum(dim=0) / scale.clamp(min=1e-12)
            self._total += torch.where(moves, r * len(x), 0.0)
            self._frames += torch.where(moves, len(x), 0)

    def compute(self) -> Tensor:
        """(C,) mean correlation per channel; 0 for a channel that never moved."""
        return self._total / self._frames.clamp(min=1)
