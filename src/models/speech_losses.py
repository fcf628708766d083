"""Terms that know lips from other channels and speech from silence: closures, rest, timing.

What viewers notice first is a mouth that stays open on /b/, moves while nobody speaks or is late; an error averaged
over all frames and channels hardly counts these.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from src.errors import ConfigError
from src.models.losses import Comparison, MotionLoss, masked_mean

_TINY = 1e-6
"""Keeps a division by the spread of motion that does not move finite."""


class LipDistance(MotionLoss):
    """Squared error of the mouth's opening, the more the further the true mouth is closed.

    A frame weighs `1 + closure_gain * exp(-opening / scale)`: a closed mouth counts `1 + closure_gain` times as much
    as a wide open one. The error is in standard deviations, as in other terms; the opening in units of the spec.

    Reference:
        Lip distance loss of the training framework of NVIDIA's Audio2Face-3D (arXiv 2508.16401): exp(-opening), at a
        weight of 100 beside 1 for the squared error of all vertices, most of which hardly move with the lips.
    """

    def __init__(self, *, weight: float, closure_gain: float, scale: float) -> None:
        """Take the settings.

        Args:
            weight: see `MotionLoss`.
            closure_gain: what a closed mouth counts beyond an open one, 0 or more.
            scale: opening at which that has fallen to a third, in units of the spec, above 0.

        Raises:
            ConfigError: one of them is out of its range.
        """
        super().__init__(weight=weight)
        if closure_gain < 0 or scale <= 0:
            raise ConfigError(
                f"losses: closure_gain is {closure_gain} and scale {scale}; expected 0 or more and above 0. Correct it."
            )
        self._closure_gain, self._scale = closure_gain, scale

    def forward(self, of: Comparison) -> Tensor:
        """See `MotionLoss.forward`."""
        # A face may rest more open than neutral, but none is more closed than closed.
        closure = (-of.opening.clamp(min=0) / self._scale).exp()
        error = (of.prediction[..., of.lip] - of.target[..., of.lip]).square()
        return masked_mean((1 + self._closure_gain * closure) * error, of.mask)


class VolumeStability(MotionLoss):
    """Squared change from frame to frame of the prediction where it is quiet: lips that twitch at noise.

    A change weighs `exp(-loudness / scale)`, with the loudest of its two frames and `reach_frames` around them: lips
    open before a voice sets in and close after it ends, and that is no twitch.

    Reference:
        Volume stability loss of the training framework of NVIDIA's Audio2Face-3D (arXiv 2508.16401): exp(-5000 * mean
        |sample|), without a reach.
    """

    def __init__(self, *, weight: float, scale: float, reach_frames: int) -> None:
        """Take the settings.

        Args:
            weight: see `MotionLoss`.
            scale: loudness at which a change counts a third of what it does in digital silence, above 0; see
                `Comparison.loudness`.
            reach_frames: how far from a loud frame lips may move freely, 0 or more.

        Raises:
            ConfigError: one of them is out of its range.
        """
        super().__init__(weight=weight)
        if scale <= 0 or reach_frames < 0:
            raise ConfigError(
                f"losses: scale is {scale} and reach_frames {reach_frames}; expected above 0 and 0 or more. Correct it."
            )
        self._scale, self._reach_frames = scale, reach_frames

    def forward(self, of: Comparison) -> Tensor:
        """See `MotionLoss.forward`."""
        reach = self._reach_frames
        if of.loudness.shape[1] < 2:
            return 0 * of.prediction.sum()  # nothing to compare, but a place in the graph
        around = F.max_pool1d(F.pad(of.loudness, (reach, reach)), 2 * reach + 2, stride=1)  # (B, T - 1)
        changes = (of.prediction.diff(dim=1).square() * of.channel_weights).sum(dim=2) / of.channel_weights.sum()
        return masked_mean((-around / self._scale).exp() * changes, of.mask[:, 1:] & of.mask[:, :-1])


class Sync(MotionLoss):
    """The predicted mouth must resemble the true one now, more than a moment before or after.

    Per window, the correlation of the lip channels at every shift up to `max_shift_frames` is a score; the term is
    the cross-entropy of choosing no shift. Windows in which the true mouth stands still, or that have too few frames
    at some shift, tell nothing and are left out. It doesn't become 0, as a mouth resembles itself a frame later.

    Reference:
        Chung, Zisserman: Out of time, ACCV 2016 workshops, for shifted sound as the negative example; van den Oord et
        al.: Representation learning with contrastive predictive coding, 2018, for the loss.
    """

    def __init__(self, *, weight: float, max_shift_frames: int, temperature: float, min_frames: int) -> None:
        """Take the settings.

        Args:
            weight: see `MotionLoss`.
            max_shift_frames: 1 or more, both ways.
            temperature: correlations are divided by it, above 0; smaller is stricter.
            min_frames: fewest frames of a window that a correlation is taken of, 2 or more.

        Raises:
            ConfigError: one of them is out of its range.
        """
        super().__init__(weight=weight)
        if max_shift_frames < 1 or temperature <= 0 or min_frames < 2:
            raise ConfigError(
                f"losses: max_shift_frames is {max_shift_frames}, temperature {temperature} and min_frames "
                f"{min_frames}; expected 1 or more, above 0 and 2 or more. Correct it."
            )
        self._max_shift_frames, self._temperature, self._min_frames = max_shift_frames, temperature, min_frames

    def forward(self, of: Comparison) -> Tensor:
        """See `MotionLoss.forward`."""
        zero = of.prediction.new_zeros(())
        predicted, wanted = (x[..., of.lip].where(of.mask, zero) for x in (of.prediction, of.target))
        frames = predicted.shape[1]
        shifts = range(-self._max_shift_frames, self._max_shift_frames + 1)
        if frames - self._max_shift_frames < self._min_frames:
            return 0 * predicted.sum()
        scores, tells = [], []
        for shift in shifts:
            here, there = slice(max(-shift, 0), frames - max(shift, 0)), slice(max(shift, 0), frames + min(shift, 0))
            both = of.mask[:, here] & of.mask[:, there]
            r, moves = _correlation(predicted[:, here], wanted[:, there], both)
            scores.append(r)
            tells.append(moves & (both.sum(dim=1) >= self._min_frames))
        costs = -F.log_softmax(torch.stack(scores) / self._temperature, dim=0)[self._max_shift_frames]  # (B,)
        return masked_mean(costs, torch.stack(tells).all(dim=0))


def _correlation(x: Tensor, y: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Pearson correlation (B,) of the frames of (B, T) that count, and where y moves at all."""
    share = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    x, y = ((values - (values * share).sum(dim=1, keepdim=True)) * counts for values in (x, y))
    spread_x, spread_y = ((values.square() * share).sum(dim=1) for values in (x, y))
    r = (x * y * share).sum(dim=1) / ((spread_x + _TINY) * (spread_y + _TINY)).sqrt()
    return r, spread_y > 10 * _TINY
