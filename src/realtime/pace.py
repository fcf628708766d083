"""Whether a renderer keeps up with speech: measured before a stream starts, not noticed while it stutters."""

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def drawn_per_second(
    draw: Callable[[NDArray[np.float32]], object],
    frames: Sequence[NDArray[np.float32]],
    patience_s: float,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Pictures that a machine can draw in a second: the quickest of a few, so that a busy moment doesn't count.

    Args:
        draw: draws one motion frame; warmed up.
        frames: to draw, at least one.
        patience_s: no further frame is begun after so many seconds.
        clock: seconds.
    """
    begin_s = clock()
    quickest_s = float("inf")
    for frame in frames:
        start_s = clock()
        draw(frame)
        quickest_s = min(quickest_s, clock() - start_s)
        if clock() - begin_s >= patience_s:
            break
    return 1 / max(quickest_s, 1e-9)
