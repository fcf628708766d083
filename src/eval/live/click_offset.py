"""How far pictures are from their sound, where both say it by themselves: clicks, and pictures that answer them.

Arrays in, numbers out; where they come from (a file, a browser) is the caller's business. All times are presentation
times in seconds on one clock, as the time stamps of a container give them. `src/realtime/calibration.py` makes such
sound and pictures.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError
from src.eval.metrics import Measurement, Metric

LARGEST_OFFSET_S = 0.4
"""Farther than this from its click no picture answers it; clicks are more than twice as far apart."""

LEAST_GAP_S = 0.3
"""Clicks closer than this are one."""

CLICK_OFFSET = Metric(
    "click_offset",
    1,
    "Offset of clicks",
    "ms",
    "Median over clicks of the presentation time of the first picture that shows the mouth open (or the flash), less "
    "the time of the click in the sound track. Positive: the picture is later than the sound.",
    "flash and click, as broadcasters align picture and sound (EBU R 37)",
)


@dataclass(frozen=True, eq=False)
class ClickOffsets:
    """What was measured of each click.

    Attributes:
        clicks_s: (N,) the clicks that a picture answers.
        offsets_ms: (N,) how much later that picture is than its click.
        unanswered: clicks without a picture.
        unasked: openings without a click.
    """

    clicks_s: NDArray[np.float64]
    offsets_ms: NDArray[np.float64]
    unanswered: int
    unasked: int

    @property
    def median(self) -> Measurement:
        """Metric `click_offset`; None below two answered clicks."""
        if len(self.offsets_ms) < 2:
            return Measurement(CLICK_OFFSET, None, f"{len(self.offsets_ms)} answered clicks, 2 are needed")
        return Measurement(CLICK_OFFSET, float(np.median(self.offsets_ms)))

    @property
    def spread_ms(self) -> float | None:
        """Largest less smallest offset; None without any."""
        return float(np.ptp(self.offsets_ms)) if len(self.offsets_ms) else None


def find_clicks(waveform: NDArray[np.floating], sample_rate_hz: int, start_s: float = 0.0) -> NDArray[np.float64]:
    """(N,) when clicks begin: where the sound first reaches half of a peak.

    A codec smears a click over its packet, but softly: half the peak is within 0.3 ms of the truth in AAC.

    Args:
        waveform: (S,).
        sample_rate_hz: of the waveform.
        start_s: presentation time of sample 0.
    """
    size = np.abs(np.asarray(waveform, np.float64))
    if not len(size) or size.max() <= 0:
        return np.zeros(0)
    loud = np.flatnonzero(size >= 0.5 * size.max())
    gap = LEAST_GAP_S * sample_rate_hz
    first = loud[np.concatenate([[True], np.diff(loud) > gap])]
    onsets = []
    for index in first.tolist():  # a quieter one than the loudest reaches half of its own peak earlier
        piece = size[max(index - round(0.005 * sample_rate_hz), 0) : index + round(0.005 * sample_rate_hz)]
        onsets.append(max(index - round(0.005 * sample_rate_hz), 0) + int(np.argmax(piece >= 0.5 * piece.max())))
    return start_s + np.array(onsets) / sample_rate_hz


def find_openings(values: NDArray[np.floating], times_s: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) presentation times of the pictures that first show something open.

    Args:
        values: (T,) opening of the mouth in each picture, or its brightness.
        times_s: (T,) presentation time of each picture, ascending.

    Returns:
        Times of the pictures whose value is beyond the middle between rest (their median) and the largest, and that of
        the picture before is not.
    """
    values, times_s = np.asarray(values, np.float64), np.asarray(times_s, np.float64)
    if values.ndim != 1 or values.shape != times_s.shape:
        raise MotionError(f"values of shape {values.shape} at times of shape {times_s.shape}. Give one per picture.")
    if len(values) < 2 or np.ptp(values) <= 0:
        return np.zeros(0)
    is_open = values > (float(np.median(values)) + float(values.max())) / 2
    return times_s[1:][is_open[1:] & ~is_open[:-1]]


def click_offsets(clicks_s: NDArray[np.floating], openings_s: NDArray[np.floating]) -> ClickOffsets:
    """Match each click with the opening nearest to it, within `LARGEST_OFFSET_S`.

    Metric `click_offset`, version 1, milliseconds, positive when the picture is later. Definition: as in
    `CLICK_OFFSET`. Source: flash and click of broadcasters.

    Args:
        clicks_s: (N,) ascending.
        openings_s: (M,) ascending.
    """
    clicks_s, openings_s = np.asarray(clicks_s, np.float64), np.asarray(openings_s, np.float64)
    if not len(clicks_s) or not len(openings_s):
        return ClickOffsets(np.zeros(0), np.zeros(0), len(clicks_s), len(openings_s))
    apart_s = openings_s[None, :] - clicks_s[:, None]
    nearest = np.abs(apart_s).argmin(axis=1)
    offsets_s = apart_s[np.arange(len(clicks_s)), nearest]
    answered = np.abs(offsets_s) <= LARGEST_OFFSET_S
    return ClickOffsets(
        clicks_s[answered],
        1000.0 * offsets_s[answered],
        int((~answered).sum()),
        len(openings_s) - len(np.unique(nearest[answered])),
    )
