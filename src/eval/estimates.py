"""A figure of many clips with what it can be trusted to: its interval over speakers, and how many there were.

Clips of one speaker are alike, so that more of them say little about the next speaker. The interval is therefore a
bootstrap over speakers: whole speakers are drawn with replacement, and the clips of those drawn are pooled by their
weights as the figure itself is.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError

CONFIDENCE = 0.95
"""How sure every interval is, over draws as well as by Student: the share of them that holds the true value."""

ONE_SPEAKER = "one speaker, an interval over speakers needs 2"


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval and what it was taken over.

    Attributes:
        value: the weighted mean over clips; None where no clip has one.
        low, high: ends of the interval; None where there is no value or only one speaker.
        clips: those with a value.
        speakers: those with such a clip.
        reason: why value or interval is missing; empty where both are there.
    """

    value: float | None
    low: float | None
    high: float | None
    clips: int
    speakers: int
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)


def estimate(
    values: Sequence[float | None], weights: Sequence[float], speakers: Sequence[str], *, draws: int, seed: int
) -> Estimate:
    """The weighted mean over clips with its interval over speakers.

    Args:
        values: one per clip; None where the clip has none, and it counts nowhere.
        weights: one per clip, 0 or above: frames, seconds or events for means over those, 1 for a mean over clips.
        speakers: one per clip.
        draws: of the bootstrap.
        seed: equal seeds give equal intervals, whatever the order of the clips.

    Returns:
        The mean, and the 2.5th and 97.5th percentile of the means of the draws.

    Raises:
        ConfigError: the three differ in length, a weight is negative, or `draws` is below 1.

    Reference:
        Efron, Tibshirani: An Introduction to the Bootstrap, 1993, percentile interval; resampled in clusters as in
        Davison, Hinkley: Bootstrap Methods and their Application, 1997, 3.8.
    """
    if not len(values) == len(weights) == len(speakers) or draws < 1 or min(weights, default=0.0) < 0:
        raise ConfigError(
            f"{len(values)} values, {len(weights)} weights and {len(speakers)} speakers with {draws} draws. "
            "Give one of each per clip, weights of 0 or above, and a draw or more."
        )
    known = [row for row, value in enumerate(values) if value is not None and weights[row] > 0]
    if not known:
        return Estimate(None, None, None, 0, 0, "no clip has a value" if len(values) else "no clips")
    names, owner = np.unique([speakers[row] for row in known], return_inverse=True)
    value = np.array([values[row] for row in known], np.float64)
    weight = np.array([weights[row] for row in known], np.float64)
    sums = np.stack([np.bincount(owner, part).astype(np.float64) for part in (weight * value, weight)])  # (2, speakers)
    mean = float(sums[0].sum() / sums[1].sum())
    if len(names) < 2:
        return Estimate(mean, None, None, len(known), 1, ONE_SPEAKER)
    totals = drawn_speakers(len(names), draws, seed) @ sums.T
    low, high = percentile_interval(totals[:, 0] / totals[:, 1])
    return Estimate(mean, low, high, len(known), len(names))


def difference(
    first: Sequence[float | None],
    second: Sequence[float | None],
    weights: Sequence[float],
    speakers: Sequence[str],
    *,
    draws: int,
    seed: int,
) -> Estimate:
    """How much larger the first is, with its interval over speakers: paired, both on the same clips.

    Args:
        first, second: one per clip; a clip counts that has both.
        weights, speakers, draws, seed: as in `estimate`.

    Returns:
        The weighted mean of first - second. An interval that leaves out 0 tells the two apart.
    """
    pairs = zip(first, second, strict=True)
    apart = [None if one is None or other is None else one - other for one, other in pairs]
    return estimate(apart, weights, speakers, draws=draws, seed=seed)


def drawn_speakers(num_speakers: int, draws: int, seed: int) -> NDArray[np.int64]:
    """How often each speaker is drawn, which is all that a draw of a bootstrap is: (draws, speakers)."""
    return np.random.default_rng(seed).multinomial(num_speakers, np.full(num_speakers, 1.0 / num_speakers), draws)


def percentile_interval(drawn: NDArray[np.float64] | Sequence[float]) -> tuple[float, float]:
    """The ends between which `CONFIDENCE` of the figures of the draws lie."""
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(drawn, [tail, 100.0 - tail])
    return float(low), float(high)
