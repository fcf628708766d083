"""Feature hops, side by side in the row of their motion frame.

With P hops per frame and B of them before it, motion frame i sees hops P i - B .. P i - B + P - 1.
"""

import numpy as np
from numpy.typing import NDArray


class HopStacker:
    """Puts the hops of each motion frame side by side, as they arrive."""

    def __init__(self, silence_row: NDArray[np.float32], hops_per_frame: int, hops_before_frame: int) -> None:
        """silence_row: (F,) features of silence, which stands before the first and after the last hop."""
        self._silence_row = silence_row
        self._hops_per_frame = hops_per_frame
        self._pending = np.tile(silence_row, (hops_before_frame, 1))
        self._num_hops = 0
        self._num_frames = 0

    def push(self, hops: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next hops (k, F) and give the frames (t, P F) that they complete; t may be 0."""
        self._num_hops += len(hops)
        self._pending = np.concatenate([self._pending, hops])
        return self._advance(len(self._pending) // self._hops_per_frame)

    def finish(self) -> NDArray[np.float32]:
        """Give the remaining frame, if any, completed with silence: ceil(K / P) frames in all."""
        num_frames = -(-self._num_hops // self._hops_per_frame) - self._num_frames
        self._pending = np.concatenate([self._pending, np.tile(self._silence_row, (self._hops_per_frame, 1))])
        return self._advance(num_frames)

    def _advance(self, num_frames: int) -> NDArray[np.float32]:
        used = num_frames * self._hops_per_frame
        frames = self._pending[:used].reshape(num_frames, self._hops_per_frame * len(self._silence_row))
        self._pending = self._pending[used:].copy()
        self._num_frames += num_frames
        return frames
