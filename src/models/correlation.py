"""Pearson correlation and size of predicted motion per channel, clip by clip."""

from dataclasses import dataclass

import torch
from torch import Tensor

_SMALLEST_STD = 1e-5
"""A reference that moves less than this, in units of the spec, has no correlation with anything."""


@dataclass(frozen=True)
class ClipScore:
    """How well one clip was predicted.

    Attributes:
        frames: of it that count.
        r: correlation of prediction and reference per channel; None where the reference stands still, and for all
            channels of a clip that is too short.
        std_ratio: deviation of the prediction over that of the reference, likewise: below 1 the motion is timid.
    """

    frames: int
    r: tuple[float | None, ...]
    std_ratio: tuple[float | None, ...]


class ClipCorrelation:
    """Accumulates scores of clips; the result are their means, weighted by the frames of the clips.

    Within clips, so that differences between faces can't pass for lip motion. A clip in which the
    reference stands still is left out for that channel; a prediction that stands still scores 0.

    Attributes:
        clips: one score per clip, in the order in which they came.
    """

    clips: list[ClipScore]

    def __init__(self, *, num_channels: int, min_frames: int) -> None:
        """Clips with fewer than `min_frames` masked-in frames are left out: theirs would be noise."""
        self._num_channels = num_channels
        self._min_frames = min_frames
        self.reset()

    def reset(self) -> None:
        """Forget all clips."""
        self.clips = []
        self.sums = torch.zeros(3, self._num_channels, dtype=torch.float64)

    def update(self, prediction: Tensor, reference: Tensor, mask: Tensor) -> None:
        """Add clips: (B, T, C) in units of the spec and (B, T) bool."""
        batch = (prediction.detach().cpu(), reference.cpu(), mask.cpu())  # one copy, not one per clip
        for predicted, wanted, counts in zip(*batch, strict=True):
            frames = int(counts.sum())
            if frames < self._min_frames:
                nothing = (None,) * self._num_channels
                self.clips.append(ClipScore(frames, nothing, nothing))
                continue
            x, y = predicted[counts].double(), wanted[counts].double()
            x, y = x - x.mean(dim=0), y - y.mean(dim=0)
            std_x, std_y = x.square().mean(dim=0).sqrt(), y.square().mean(dim=0).sqrt()
            moves = std_y > _SMALLEST_STD
            r = (x * y).mean(dim=0) / (std_x * std_y).clamp(min=1e-12)
            ratio = std_x / std_y.clamp(min=_SMALLEST_STD)
            self.clips.append(ClipScore(frames, _where(moves, r), _where(moves, ratio)))
            self.sums += torch.stack([r, ratio, torch.ones_like(r)]) * moves * frames

    def compute(self) -> tuple[Tensor, Tensor]:
        """(C,) mean correlation and mean ratio of deviations per channel; 0 for a channel that never moved.

        Those of several accumulators follow from the sum of their `sums`, which `means` takes.
        """
        return self.means(self.sums)

    @staticmethod
    def means(sums: Tensor) -> tuple[Tensor, Tensor]:
        """See `compute`. `sums` are (3, C): correlations and ratios times frames, and frames."""
        r, ratio, frames = sums
        return r / frames.clamp(min=1), ratio / frames.clamp(min=1)


def _where(moves: Tensor, values: Tensor) -> tuple[float | None, ...]:
    return tuple(value if does else None for value, does in zip(values.tolist(), moves.tolist(), strict=True))
