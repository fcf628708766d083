"""Where on a time line a recording was played, and whether it is all there: found by the sound itself.

An engine that has to wait for sound, or leaves out silence, plays a recording in pieces. Each half second is looked for
where the one before it was, so that what was played late is compared with what it should have been and not with what
was meanwhile said elsewhere.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from src.errors import DataError
from src.motion import Motion

BLOCK_S = 0.5
EARLIER_S, LATER_S = 1.0, 3.0
"""How much earlier or later than the block before it a block is looked for."""

QUIET = 0.01
"""Of the loudest block's loudness: a quieter block is where the one before it is."""

CLEAR = 0.5
"""Correlation that a block has to have where it is found."""


@dataclass(frozen=True)
class Placement:
    """A recording inside a sound track.

    Attributes:
        late_s: of each block of `BLOCK_S`, how much later on the track it stands than in the recording.
        similarity: correlation of the recording with what was played of it: 1 is all of it.
    """

    late_s: tuple[float, ...]
    similarity: float

    @property
    def start_s(self) -> float:
        """Time of the track at which the recording begins."""
        return self.late_s[0]

    @property
    def num_pieces(self) -> int:
        """In how many pieces it was played."""
        return 1 + int(np.count_nonzero(np.abs(np.diff(self.late_s)) > _SAME_S))


def place(recording: NDArray[np.floating], track: NDArray[np.floating], sample_rate_hz: int) -> Placement:
    """Find a recording in the sound track that it was played into.

    Args:
        recording: (S,) what was spoken.
        track: (N,) what was heard, N >= 1; silence before, between and after.
        sample_rate_hz: of both.

    Raises:
        DataError: nothing of one of them is audible.
    """
    first, second = np.asarray(recording, np.float64), np.asarray(track, np.float64)
    if not np.any(first) or not np.any(second):
        raise DataError("the recording or what was played of it is silent, so neither can be found in the other.")
    size = round(BLOCK_S * sample_rate_hz)
    starts = range(0, len(first), size)
    loudness = np.array([np.sqrt(np.mean(first[start : start + size] ** 2)) for start in starts])
    shifts: list[int | None] = []
    near: int | None = None
    for start, loud in zip(starts, loudness, strict=True):
        if loud > QUIET * loudness.max():
            near = _shift_of(first[start : start + size], start, second, near, sample_rate_hz)
        shifts.append(near)
    begin = next(
        (shift for shift in shifts if shift is not None), 0
    )  # what is quiet at the start is where speech begins
    known = [begin if shift is None else shift for shift in shifts]
    played = np.zeros(len(first))
    for start, shift in zip(starts, known, strict=True):
        stop = min(start + size, len(first))
        low, high = max(start + shift, 0), min(stop + shift, len(second))
        if low < high:
            played[low - shift : high - shift] = second[low:high]
    scale = np.sqrt((first @ first) * (played @ played))
    return Placement(
        tuple(shift / sample_rate_hz for shift in known), float(first @ played / scale) if scale > 0 else 0.0
    )


def placed(motion: Motion, placement: Placement, num_frames: int) -> Motion:
    """Motion of a recording on the frames of the time line that the recording was played into.

    Args:
        motion: frame i at `start_s` + i / fps seconds of the recording.
        placement: of the recording.
        num_frames: T of the time line.

    Returns:
        T frames from time 0, between frames by straight lines; neutral and not valid where the motion has nothing.
    """
    fps, last = motion.fps, len(placement.late_s) - 1
    position = np.full(num_frames, -1.0)
    for number, late_s in enumerate(placement.late_s):
        begin_s, end_s = number * BLOCK_S, np.inf if number == last else (number + 1) * BLOCK_S
        time_s = np.arange(num_frames) / fps - late_s
        inside = (time_s >= (-np.inf if number == 0 else begin_s - _SAME_S)) & (time_s < end_s - _SAME_S)
        position[inside] = (time_s[inside] - motion.start_s) * fps
    # What is a hair off the grid is on it: times come from samples and are divided.
    position = np.where(np.abs(position - np.round(position)) < _SAME_S * fps, np.round(position), position)
    known = (position >= 0) & (position <= len(motion) - 1)
    before = np.clip(np.floor(position).astype(int), 0, len(motion) - 1)
    after = np.minimum(before + 1, len(motion) - 1)
    share = (position - before)[:, None]
    values = motion.values[before] * (1 - share) + motion.values[after] * share
    values[~known] = motion.spec.neutral
    valid = known & motion.valid[before] & motion.valid[after]
    return replace(motion, values=values.astype(np.float32), start_s=0.0, valid=valid)


_SAME_S = 4e-4
"""Of two places that are one but for rounding: a hundredth of a frame."""


def _shift_of(
    block: NDArray[np.float64], start: int, track: NDArray[np.float64], near: int | None, sample_rate_hz: int
) -> int | None:
    """By how many samples a block is later on a track, looked for everywhere where nothing is known.

    What is not there clearly, because it was lost, is where the block before it is.
    """
    low, high = 0, len(track)
    if near is not None:
        low = max(start + near - round(EARLIER_S * sample_rate_hz), 0)
        high = min(start + near + len(block) + round(LATER_S * sample_rate_hz), len(track))
    part = track[low:high]
    padded = np.concatenate([np.zeros(len(block) - 1), part, np.zeros(len(block) - 1)])
    energy = np.concatenate([[0.0], np.cumsum(padded**2)])
    energy = energy[len(block) :] - energy[: -len(block)]
    # Normalised, so that a loud place nearby is no better match; a thousandth keeps near silence from being one.
    loud = block @ block
    scores = correlate(padded, block, "valid", "fft") / np.sqrt((energy + 1e-3 * loud) * loud)
    if scores.max() < CLEAR:
        return near
    return low + int(np.argmax(scores)) - (len(block) - 1) - start
