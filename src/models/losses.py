"""What a motion network is trained for; each term is a small class with a weight.

Errors are measured on standardised channels, so that degrees and ratios weigh alike, then weighted per
channel and averaged over the frames of the mask. Terms that look at changes count a frame only if the
frames it is compared with are in the mask too.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn
from torch.nn import functional as F

from src.errors import ConfigError


class MotionLoss(nn.Module, ABC):
    """One weighted term.

    Attributes:
        weight: factor of this term in the sum that is minimised.
    """

    def __init__(self, *, weight: float) -> None:
        super().__init__()
        if weight < 0:
            raise ConfigError(f"losses: a weight is {weight}, expected 0 or more. Correct it.")
        self.weight = weight

    @abstractmethod
    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Errors (B, N, C) of each frame or change, and which of them count (B, N)."""

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor, channel_weights: Tensor) -> Tensor:
        """The unweighted term, a scalar; 0 if the mask is empty.

        Args:
            prediction, target: (B, T, C) standardised motion.
            mask: (B, T) bool, frames that count.
            channel_weights: (C,), 0 or more, not all 0.
        """
        errors, counts = self.errors(prediction, target, mask)
        per_frame = (errors * channel_weights).sum(dim=2) / channel_weights.sum()
        # where, not multiplication: whatever a masked frame holds stays out, NaN included.
        return per_frame.where(counts, per_frame.new_zeros(())).sum() / counts.sum().clamp(min=1)


class L1(MotionLoss):
    """Absolute error: the median, firm about the closed mouth."""

    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See `MotionLoss.errors`."""
        return (prediction - target).abs(), mask


class L2(MotionLoss):
    """Squared error: the mean, best for correlation and blind to outliers in the labels."""

    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See `MotionLoss.errors`."""
        return (prediction - target).square(), mask


class Huber(MotionLoss):
    """Squared near zero, absolute beyond `delta` standard deviations."""

    def __init__(self, *, weight: float, delta: float) -> None:
        super().__init__(weight=weight)
        self._delta = delta

    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See `MotionLoss.errors`."""
        return F.huber_loss(prediction, target, reduction="none", delta=self._delta), mask


class Velocity(MotionLoss):
    """Squared error of the change from frame to frame: timing, against over-smooth motion."""

    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See `MotionLoss.errors`."""
        return (prediction.diff(dim=1) - target.diff(dim=1)).square(), mask[:, 1:] & mask[:, :-1]


class Smoothness(MotionLoss):
    """Squared acceleration of the prediction alone: against jitter. Keep its weight far below Velocity's."""

    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See `MotionLoss.errors`."""
        return prediction.diff(n=2, dim=1).square(), mask[:, 2:] & mask[:, 1:-1] & mask[:, :-2]
