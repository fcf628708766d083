"""What a motion network is trained for; each term is a small class with a weight.

Errors are measured on standardised channels, so that degrees and ratios weigh alike, then weighted per
channel and averaged over the frames of the mask. Terms that look at changes count a frame only if the
frames it is compared with are in the mask too.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn
from torch.nn import functional as F

from src.errors import ConfigError

_TINY = 1e-6
"""Keeps a division by the spread of motion that does not move finite."""


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
    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor, channel_weights: Tensor) -> Tensor:
        """The unweighted term, a scalar; 0 if the mask is empty.

        Args:
            prediction, target: (B, T, C) standardised motion.
            mask: (B, T) bool, frames that count.
            channel_weights: (C,), 0 or more, not all 0.
        """


class FrameLoss(MotionLoss):
    """A term that is a mean over frames, or over changes from frame to frame."""

    @abstractmethod
    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Errors (B, N, C) of each frame or change, and which of them count (B, N)."""

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor, channel_weights: Tensor) -> Tensor:
        """See `MotionLoss.forward`."""
        errors, counts = self.errors(prediction, target, mask)
        per_frame = (errors * channel_weights).sum(dim=2) / channel_weights.sum()
        # where, not multiplication: whatever a masked frame holds stays out, NaN included.
        return per_frame.where(counts, per_frame.new_zeros(())).sum() / counts.sum().clamp(min=1)


class L1(FrameLoss):
    """Absolute error: the median, firm about the closed mouth."""

    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See `FrameLoss.errors`."""
        return (prediction - target).abs(), mask


class L2(FrameLoss):
    """Squared error: the mean, best for correlation and blind to outliers in the labels."""

    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See `FrameLoss.errors`."""
        return (prediction - target).square(), mask


class Huber(FrameLoss):
    """Squared near zero, absolute beyond `delta` standard deviations."""

    def __init__(self, *, weight: float, delta: float) -> None:
        super().__init__(weight=weight)
        self._delta = delta

    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See `FrameLoss.errors`."""
        return F.huber_loss(prediction, target, reduction="none", delta=self._delta), mask


class Velocity(FrameLoss):
    """Squared error of the change from frame to frame: timing, against over-smooth motion."""

    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See `FrameLoss.errors`."""
        return (prediction.diff(dim=1) - target.diff(dim=1)).square(), mask[:, 1:] & mask[:, :-1]


class Concordance(MotionLoss):
    """One minus the concordance correlation of each channel over the batch: shape, mean and size at once.

    A squared error makes timid lips: where sound leaves doubt, the best guess is the mean, and movement
    shrinks by the correlation that can be reached. Concordance asks for the size of the true movement.

    Reference:
        Lin: A concordance correlation coefficient to evaluate reproducibility, Biometrics 1989.
    """

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor, channel_weights: Tensor) -> Tensor:
        """See `MotionLoss.forward`; between 0 and 2."""
        predicted, wanted = prediction[mask], target[mask]  # (N, C)
        if len(predicted) < 2:
            return 0 * predicted.sum()  # nothing to compare, but a place in the graph
        shared = ((predicted - predicted.mean(dim=0)) * (wanted - wanted.mean(dim=0))).mean(dim=0)
        spread = predicted.var(dim=0, correction=0) + wanted.var(dim=0, correction=0)
        apart = (predicted.mean(dim=0) - wanted.mean(dim=0)).square()
        concordance = 2 * shared / (spread + apart + _TINY)
        return ((1 - concordance) * channel_weights).sum() / channel_weights.sum()


class Smoothness(FrameLoss):
    """Squared acceleration of the prediction alone: against jitter. Keep its weight far below Velocity's."""

    def errors(self, prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See `FrameLoss.errors`."""
        return prediction.diff(n=2, dim=1).square(), mask[:, 2:] & mask[:, 1:-1] & mask[:, :-2]
