"""The mean of a few values that were drawn alike, such as the seeds of one configuration, and Student's interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.stats import t as student

from src.eval.estimates import CONFIDENCE

ONE_VALUE = "one value, an interval needs 2"


@dataclass(frozen=True)
class Spread:
    """A mean and how sure it is.

    Attributes:
        value: the mean; None of no values.
        low, high: ends of the 95 % t interval; None of fewer than two values.
        count: values that were averaged.
        reason: why value or interval is missing; empty where both are there.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int
    reason: str = ""


def t_interval(values: Sequence[float]) -> Spread:
    """Mean -+ t s / sqrt(n): where the mean of very many more such values lies, if they scatter like a normal law.

    Two or three values give wide intervals. That is what so few values are worth.

    Args:
        values: drawn independently, such as one figure of several seeds.

    Reference:
        Student: The probable error of a mean, Biometrika 6, 1908.
    """
    if not values:
        return Spread(None, None, None, 0, "no values")
    mean = fmean(values)
    if len(values) < 2:
        return Spread(mean, None, None, 1, ONE_VALUE)
    reach = float(student.ppf(0.5 + CONFIDENCE / 2, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return Spread(mean, mean - reach, mean + reach, len(values))
