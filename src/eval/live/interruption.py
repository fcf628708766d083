"""How long a mouth goes on after somebody interrupts: from the barge-in to the first closed mouth that is presented."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError
from src.eval.live.silence import CLOSED
from src.eval.metrics import Measurement, Metric

STAYS_FRAMES = 3
"""A mouth that closes for fewer pictures is speaking."""

INTERRUPTION = Metric(
    "interruption",
    1,
    "Interruption",
    "ms",
    "Median over barge-ins that met an open mouth of the time from the barge-in to the presentation of the first "
    f"picture whose mouth is closed (up to {CLOSED:g} of face size) and stays so for {STAYS_FRAMES} pictures. 0 where "
    "that picture was already presented.",
    "ours",
)


@dataclass(frozen=True)
class Interruption:
    """One barge-in.

    Attributes:
        clear_s: when, on the time line of the pictures.
        opening: of the mouth that was shown then, in face sizes.
        closed_ms: until the first closed mouth; None where it never closed before the next barge-in.
    """

    clear_s: float
    opening: float
    closed_ms: float | None

    @property
    def met_open_mouth(self) -> bool:
        """Whether there was something to interrupt."""
        return self.opening > CLOSED


def interruptions(
    jaw_open: NDArray[np.floating], times_s: NDArray[np.floating], clears_s: Sequence[float]
) -> list[Interruption]:
    """What the mouth did after each barge-in.

    Args:
        jaw_open: (T,) mouth opening in each picture as presented.
        times_s: (T,) ascending times of presentation.
        clears_s: times of the barge-ins on the same clock, ascending. One after the last picture is left out.
    """
    jaw, times_s = np.asarray(jaw_open, np.float64), np.asarray(times_s, np.float64)
    if jaw.ndim != 1 or jaw.shape != times_s.shape:
        raise MotionError(f"mouths of shape {jaw.shape} at times of shape {times_s.shape}. Give one per picture.")
    closed = jaw <= CLOSED
    stays = closed.copy()
    for further in range(1, STAYS_FRAMES):
        stays[:-further] &= closed[further:]
        stays[len(stays) - further :] &= False
    found = []
    for clear_s, next_s in zip(clears_s, [*clears_s[1:], np.inf], strict=True):
        shown = int(np.searchsorted(times_s, clear_s, side="right")) - 1
        if shown < 0 or clear_s > times_s[-1]:
            continue
        rest = np.flatnonzero(stays & (np.arange(len(jaw)) >= shown) & (times_s < next_s))
        closed_ms = max(1000.0 * float(times_s[rest[0]] - clear_s), 0.0) if len(rest) else None
        found.append(Interruption(float(clear_s), float(jaw[shown]), closed_ms))
    return found


def interruption_ms(found: Sequence[Interruption]) -> Measurement:
    """The figure of many barge-ins.

    Metric `interruption`, version 1, milliseconds. Definition: as in `INTERRUPTION`. Source: ours.

    Args:
        found: see `interruptions`.

    Returns:
        The median; None where no barge-in met an open mouth, or a mouth never closed.
    """
    open_mouths = [one for one in found if one.met_open_mouth]
    if not open_mouths:
        return Measurement(INTERRUPTION, None, f"none of {len(found)} barge-ins met an open mouth")
    values = [one.closed_ms for one in open_mouths if one.closed_ms is not None]
    if len(values) < len(open_mouths):
        missing = len(open_mouths) - len(values)
        return Measurement(
            INTERRUPTION, None, f"the mouth did not close after {missing} of {len(open_mouths)} barge-ins"
        )
    return Measurement(INTERRUPTION, float(np.median(values)))
