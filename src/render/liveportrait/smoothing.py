"""A Kalman smoother for sequences that are known to their end: a filter forwards, a pass backwards.

Every number is smoothed alone: it walks at random, and is seen with noise.

Reference:
    Rauch, Tung, Striebel: Maximum Likelihood Estimates of Linear Dynamic Systems, AIAA Journal 1965.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

PROCESS_VARIANCE = 1e-5
FIRST_VARIANCE = 1.0
"""Of the state before the first frame is seen."""
OBSERVATION_VARIANCE = 3e-7
"""LivePortrait's own: little noise, so that little is smoothed."""


def smooth_sequence(values: ArrayLike, observation_variance: float = OBSERVATION_VARIANCE) -> NDArray[np.float32]:
    """Smooth along the first axis.

    Args:
        values: (T, ...), T at least 1.
        observation_variance: above 0; the larger, the smoother.

    Returns:
        (T, ...). Computed in float64.
    """
    seen = np.asarray(values, np.float64)
    means = np.empty_like(seen)
    after, before = np.empty(len(seen)), np.empty(len(seen))  # variances with and without the frame itself
    mean, variance = seen[0], FIRST_VARIANCE
    for t, observed in enumerate(seen):
        before[t] = variance if t == 0 else variance + PROCESS_VARIANCE
        gain = before[t] / (before[t] + observation_variance)
        mean = mean + gain * (observed - mean)
        variance = before[t] - gain * before[t]
        means[t], after[t] = mean, variance
    for t in range(len(seen) - 2, -1, -1):
        means[t] += after[t] / before[t + 1] * (means[t + 1] - means[t])
    return means.astype(np.float32)
