"""The shape of a movement that starts and ends gently."""

import math


def ease(share: float) -> float:
    """0 to 1 over a share of time 0 .. 1 by half a cosine; held outside."""
    return 0.5 - 0.5 * math.cos(math.pi * min(max(share, 0.0), 1.0))
