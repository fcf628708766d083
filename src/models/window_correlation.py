"""Correlation within windows as a loss: the shape of the movement alone."""

from torch import Tensor

from src.errors import ConfigError
from src.models.losses import Comparison, MotionLoss


class WindowCorrelation(MotionLoss):
    """One minus the correlation of each channel within each window, weighted by the frames that count.

    What scores look at: neither how wide a face opens its mouth on average nor how much it moves can be heard, and
    a loss over the whole batch spends itself on both. Needs a term beside it that knows mean and size.
    """

    def __init__(self, *, weight: float, min_frames: int, still: float) -> None:
        """Take the settings.

        Args:
            weight: see `MotionLoss`.
            min_frames: windows with fewer frames that count are left out: theirs would be noise.
            still: standard deviations; a window whose prediction and target both move about this much counts half.

        Raises:
            ConfigError: `min_frames` is below 2 or `still` is not above 0.
        """
        super().__init__(weight=weight)
        if min_frames < 2 or still <= 0:
            raise ConfigError(
                f"losses: WindowCorrelation has min_frames {min_frames} and still {still}; expected 2 or more and a "
                "number above 0. Correct them."
            )
        self._min_frames, self._still = min_frames, still

    def forward(self, of: Comparison) -> Tensor:
        """See `MotionLoss.forward`; between 0 and 2."""
        frames = of.mask.sum(dim=1)
        predicted, wanted = _centred(of.prediction, of.mask), _centred(of.target, of.mask)
        count = frames.clamp(min=1)[:, None]
        shared = (predicted * wanted).sum(dim=1) / count  # (B, C)
        spread = predicted.square().sum(dim=1) * wanted.square().sum(dim=1) / count.square()
        # The floor keeps noise of lips at rest from mattering as much as speech, and the slope of the root finite.
        correlation = shared / (spread + self._still**4).sqrt()
        weight = frames.where(frames >= self._min_frames, 0)[:, None] * of.channel_weights
        return ((1 - correlation) * weight).sum() / weight.sum().clamp(min=1)


def _centred(motion: Tensor, mask: Tensor) -> Tensor:
    """(B, T, C) minus the mean of each row's frames that count, 0 in all others."""
    inside, nothing = mask[:, :, None], motion.new_zeros(())
    mean = motion.where(inside, nothing).sum(dim=1, keepdim=True) / inside.sum(dim=1, keepdim=True).clamp(min=1)
    return (motion - mean).where(inside, nothing)
