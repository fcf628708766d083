"""What a motion network is trained for; each term is a small class with a weight.

Errors are measured on standardised channels, so that degrees and ratios weigh alike, then weighted per
channel and averaged over the frames of the mask. Terms that look at changes count a frame only if the
frames it is compared with are in the mask too. Terms that know lips from other channels, or speech from
silence, are in `speech_losses`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import Tensor, nn
from torch.nn import functional as F

from src.errors import ConfigError

_TINY = 1e-6
"""Keeps a division by the spread of motion that does not move finite."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a network said, what was true, and what is known of the frames.

    Attributes:
        prediction, target: (B, T, C) standardised motion.
        mask: (B, T) bool, frames that count.
        loudness: (B, T) how far the sound of a frame is from digital silence, in deviations of the features, averaged
            over them; 0 or more.
        channel_weights: (C,), 0 or more, not all 0.
        lip: the channel that opens the mouth.
        lip_mean, lip_std: scalars that turn it into units of the spec: `lip_std * target[..., lip] + lip_mean`.
    """

    prediction: Tensor
    target: Tensor
    mask: Tensor
    loudness: Tensor
    channel_weights: Tensor
    lip: int
    lip_mean: Tensor
    lip_std: Tensor

    def clips(self) -> Iterator["Comparison"]:
        """Each row of the batch alone."""
        rows = (self.prediction, self.target, self.mask, self.loudness)
        for prediction, target, mask, loudness in zip(*(values.split(1) for values in rows), strict=True):
            yield replace(self, prediction=prediction, target=target, mask=mask, loudness=loudness)

    @property
    def opening(self) -> Tensor:
        """(B, T) true opening of the mouth in units of the spec."""
        return self.lip_std * self.target[..., self.lip] + self.lip_mean


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
    def forward(self, of: Comparison) -> Tensor:
        """The unweighted term, a scalar; 0 if the mask is empty."""


class FrameLoss(MotionLoss):
    """A term that is a mean over frames, or over changes from frame to frame."""

    @abstractmethod
    def errors(self, of: Comparison) -> tuple[Tensor, Tensor]:
        """Errors (B, N, C) of each frame or change, and which of them count (B, N)."""

    def forward(self, of: Comparison) -> Tensor:
        """See `MotionLoss.forward`."""
        errors, counts = self.errors(of)
        return masked_mean((errors * of.channel_weights).sum(dim=2) / of.channel_weights.sum(), counts)


def masked_mean(values: Tensor, counts: Tensor) -> Tensor:
    """Mean of the values (B, N) that count; 0 if none does."""
    # where, not multiplication: whatever a masked frame holds stays out, NaN included.
    return values.where(counts, values.new_zeros(())).sum() / counts.sum().clamp(min=1)


class L1(FrameLoss):
    """Absolute error: the median, firm about the closed mouth."""

    def errors(self, of: Comparison) -> tuple[Tensor, Tensor]:
        """See `FrameLoss.errors`."""
        return (of.prediction - of.target).abs(), of.mask


class L2(FrameLoss):
    """Squared error: the mean, best for correlation and blind to outliers in the labels."""

    def errors(self, of: Comparison) -> tuple[Tensor, Tensor]:
        """See `FrameLoss.errors`."""
        return (of.prediction - of.target).square(), of.mask


class Huber(FrameLoss):
    """Squared near zero, absolute beyond `delta` standard deviations."""

    def __init__(self, *, weight: float, delta: float) -> None:
        super().__init__(weight=weight)
        self._delta = delta

    def errors(self, of: Comparison) -> tuple[Tensor, Tensor]:
        """See `FrameLoss.errors`."""
        return F.huber_loss(of.prediction, of.target, reduction="none", delta=self._delta), of.mask


class Velocity(FrameLoss):
    """Squared error of the change from frame to frame: timing, against over-smooth motion."""

    def errors(self, of: Comparison) -> tuple[Tensor, Tensor]:
        """See `FrameLoss.errors`."""
        return (of.prediction.diff(dim=1) - of.target.diff(dim=1)).square(), of.mask[:, 1:] & of.mask[:, :-1]


class Smoothness(FrameLoss):
    """Squared acceleration of the prediction alone: against jitter. Keep its weight far below Velocity's."""

    def errors(self, of: Comparison) -> tuple[Tensor, Tensor]:
        """See `FrameLoss.errors`."""
        return of.prediction.diff(n=2, dim=1).square(), of.mask[:, 2:] & of.mask[:, 1:-1] & of.mask[:, :-2]


class Concordance(MotionLoss):
    """One minus the concordance correlation of each channel over the batch: shape, mean and size at once.

    A squared error makes timid lips: where sound leaves doubt, the best guess is the mean, and movement
    shrinks by the correlation that can be reached. Concordance asks for the size of the true movement.

    Reference:
        Lin: A concordance correlation coefficient to evaluate reproducibility, Biometrics 1989.
    """

    def forward(self, of: Comparison) -> Tensor:
        """See `MotionLoss.forward`; between 0 and 2."""
        predicted, wanted = of.prediction[of.mask], of.target[of.mask]  # (N, C)
        if len(predicted) < 2:
            return 0 * predicted.sum()  # nothing to compare, but a place in the graph
        shared = ((predicted - predicted.mean(dim=0)) * (wanted - wanted.mean(dim=0))).mean(dim=0)
        spread = predicted.var(dim=0, correction=0) + wanted.var(dim=0, correction=0)
        apart = (predicted.mean(dim=0) - wanted.mean(dim=0)).square()
        concordance = 2 * shared / (spread + apart + _TINY)
        return ((1 - concordance) * of.channel_weights).sum() / of.channel_weights.sum()
