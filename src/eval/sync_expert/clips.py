"""Clips as the sync expert takes them, and the random pieces of them that it learns from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from src.errors import MotionError
from src.eval.sync_expert.network import SyncNetwork, level, mouth_shape
from src.eval.sync_expert.shift_curve import ShiftCurve, shift_curve
from src.motion import FRAMES_PER_SECOND, Motion

LEAST_COUNTED = 0.7
"""Share of a window's frames in which the mouth must have been seen."""


@dataclass(frozen=True, eq=False)
class SyncClip:
    """Sound and mouth of one clip on one time grid.

    Attributes:
        rows: (T, R) features, as they are: mapped files stay mapped.
        level: of the rows, see `network.level`.
        mouth: (T, 2), see `network.mouth_shape`.
        counted: (T,) frames in which the mouth was seen.
        speaker: whose it is.
    """

    rows: NDArray[np.floating]
    level: float
    mouth: NDArray[np.float32]
    counted: NDArray[np.bool_]
    speaker: str

    def __len__(self) -> int:
        return len(self.mouth)

    def levelled(self, start: int, stop: int) -> Tensor:
        """(T, R) rows from `start` to `stop`, relative to the level."""
        return torch.from_numpy(np.asarray(self.rows[start:stop] - self.level, np.float32))


def sync_clip(
    rows: NDArray[np.floating], motion: Motion, counted: NDArray[np.bool_], *, speaker: str, window_frames: int
) -> SyncClip | str:
    """A clip, or the reason why it can't be used.

    Args:
        rows: (T', R) log-mel rows of the sound, one per motion frame from time 0.
        motion: T frames from time 0, of `core7` or what projects onto it.
        counted: (T,) frames that count.
        speaker: whose it is.
        window_frames: frames of a window; a shorter clip has none.

    Raises:
        MotionError: the three are not of one clip.
    """
    if rows.ndim != 2 or counted.shape != (len(motion),) or motion.fps != FRAMES_PER_SECOND or motion.start_s:
        raise MotionError(
            f"rows of shape {rows.shape}, {len(motion)} frames of motion at {motion.fps:g} fps from {motion.start_s:g} "
            f"s and {counted.shape} that count: give rows (T, R), motion at {FRAMES_PER_SECOND} fps from 0 s, and one "
            "truth value per frame."
        )
    frames = min(len(rows), len(motion))  # a recording may end a frame before or after its motion
    if frames < window_frames:
        return f"{frames} frames, a window has {window_frames}"
    mouth = mouth_shape(motion, counted)
    if mouth is None:
        return "the mouth doesn't move" if counted.any() else "no frame in which the mouth was seen"
    rows = rows[:frames]
    return SyncClip(rows, level(rows), mouth[:frames], counted[:frames], speaker)


@torch.no_grad()
def clip_curve(network: SyncNetwork, clip: SyncClip) -> ShiftCurve:
    """What the windows of a clip say at every shift, to a network as it is: put it into `eval()` first."""
    mouth = network.embed_mouth(torch.from_numpy(clip.mouth)[None])[0]
    sound = network.embed_sound(clip.levelled(0, len(clip))[None])[0]
    counted = counted_windows(torch.from_numpy(np.array(clip.counted)), network.window_frames)
    return shift_curve(mouth.numpy(), sound.numpy(), counted.numpy())


def counted_windows(counted: Tensor, window_frames: int) -> Tensor:
    """(..., N) windows of which enough was seen, of (..., T) frames."""
    return counted.unfold(-1, window_frames, 1).float().mean(-1) >= LEAST_COUNTED


class Pieces(NamedTuple):
    """A batch to learn from: pieces of clips, followed by nothing where a clip is shorter.

    Attributes:
        sound: (B, T, R).
        mouth: (B, T, 2).
        usable: (B, N) windows that lie in the clip and were seen.
    """

    sound: Tensor
    mouth: Tensor
    usable: Tensor


class RandomPieces(IterableDataset[Pieces]):
    """Batches of random pieces; every frame of the clips is as likely as another."""

    def __init__(
        self,
        clips: Sequence[SyncClip],
        *,
        piece_frames: int,
        window_frames: int,
        batch_size: int,
        seed: int,
    ) -> None:
        """Take the clips, and how many pieces of how many frames make a batch."""
        self._clips = clips
        self._piece_frames, self._window_frames = piece_frames, window_frames
        self._batch_size = batch_size
        self._random = np.random.default_rng(seed)
        lengths = np.array([len(clip) for clip in clips], np.float64)
        self._chances = lengths / lengths.sum()

    def __iter__(self) -> Iterator[Pieces]:
        """Without end, each batch another."""
        while True:
            yield self._batch()

    def _batch(self) -> Pieces:
        size, frames = self._batch_size, self._piece_frames
        sound = torch.zeros(size, frames, self._clips[0].rows.shape[1])
        mouth = torch.zeros(size, frames, 2)
        counted = torch.zeros(size, frames, dtype=torch.bool)
        inside = torch.zeros(size, frames, dtype=torch.bool)
        for place, number in enumerate(self._random.choice(len(self._clips), size, p=self._chances)):
            clip = self._clips[number]
            start = int(self._random.integers(max(len(clip) - frames, 0) + 1))
            stop = min(start + frames, len(clip))
            length = stop - start
            sound[place, :length] = clip.levelled(start, stop)
            mouth[place, :length] = torch.from_numpy(clip.mouth[start:stop])
            counted[place, :length] = torch.from_numpy(np.array(clip.counted[start:stop]))
            inside[place, :length] = True
        whole = inside.unfold(-1, self._window_frames, 1).all(-1)
        return Pieces(sound, mouth, counted_windows(counted, self._window_frames) & whole)
