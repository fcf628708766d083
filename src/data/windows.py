"""Windows of clips for training, whole clips for validation, as the stream sees them.

A window is a slice of a clip, run through a network as if it were a recording of its own. Frames whose
past or future the slice cut off are masked: the network hears them with other context than it would in
a stream. At the ends of the clip nothing is cut off, so those frames count.

Which windows an epoch has is decided by its number and a seed alone, never by the order of calls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler


@dataclass(frozen=True, eq=False)
class FeatureClip:
    """One clip in memory: stacked features (T, F) and motion (T, C) float32, valid (T,) bool."""

    clip_id: str
    speaker: str
    features: NDArray[np.float32]
    motion: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.features)

    def part(self, start: int, stop: int) -> "FeatureClip":
        """Frames start .. stop as a clip of their own."""
        rows = slice(start, stop)
        return FeatureClip(self.clip_id, self.speaker, self.features[rows], self.motion[rows], self.valid[rows])


class Batch(NamedTuple):
    """features (B, T, F), motion (B, T, C), mask (B, T) bool: frames that losses and metrics look at."""

    features: Tensor
    motion: Tensor
    mask: Tensor


class Window(NamedTuple):
    """A place in the data: clip number, first frame, and a seed for what is random about it."""

    clip: int
    start: int
    seed: int


class WindowSampler(Sampler[Window]):
    """Random windows, each frame of the data about equally likely; another set every epoch."""

    def __init__(self, *, lengths: Sequence[int], window_frames: int, num_windows: int, seed: int) -> None:
        """`lengths` are frames per clip; `num_windows` is per epoch, 0 for as many as hold the data once."""
        self._lengths = np.asarray(lengths)
        self._window_frames = window_frames
        frames_per_window = np.average(np.minimum(self._lengths, window_frames), weights=self._lengths)
        self._num_windows = num_windows or max(round(self._lengths.sum() / frames_per_window), 1)
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the windows of this epoch; Lightning calls it."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._num_windows

    def __iter__(self) -> Iterator[Window]:
        generator = np.random.default_rng([self._seed, self._epoch])
        clips = generator.choice(len(self._lengths), self._num_windows, p=self._lengths / self._lengths.sum())
        room = np.maximum(self._lengths[clips] - self._window_frames, 0)
        starts = generator.integers(0, room, endpoint=True)
        seeds = generator.integers(0, 2**31, self._num_windows)
        for clip, start, seed in zip(clips, starts, seeds, strict=True):
            yield Window(int(clip), int(start), int(seed))


class WindowDataset(Dataset[tuple[Batch, int]]):
    """Slices of clips with the mask of the frames that have their whole context."""

    def __init__(
        self,
        clips: Sequence[FeatureClip],
        *,
        window_frames: int,
        context_frames: int,
        lookahead_frames: int,
        silence: NDArray[np.float32],
    ) -> None:
        """context_frames: past rows a frame depends on. silence: (F,) what follows a clip that is too short."""
        self._clips = clips
        self._window_frames = window_frames
        self._context_frames = context_frames
        self._lookahead_frames = lookahead_frames
        self._silence = silence

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, window: Window | int) -> tuple[Batch, int]:
        """The window as (T, F), (T, C), (T,), and its seed; a batch of them is made by the loader.

        A number alone is the start of that clip: what a sequential sampler asks for.
        """
        if isinstance(window, int):
            window = Window(window, 0, window)
        clip = self._clips[window.clip]
        part = clip.part(window.start, window.start + self._window_frames)
        features = np.tile(self._silence, (self._window_frames, 1))
        motion = np.zeros((self._window_frames, clip.motion.shape[1]), np.float32)
        mask = np.zeros(self._window_frames, bool)
        features[: len(part)], motion[: len(part)], mask[: len(part)] = part.features, part.motion, part.valid
        if window.start > 0:
            mask[: self._context_frames] = False
        if window.start + len(part) < len(clip) and self._lookahead_frames:
            mask[-self._lookahead_frames :] = False
        return Batch(torch.from_numpy(features), torch.from_numpy(motion), torch.from_numpy(mask)), window.seed


class WholeClips(Dataset[Batch]):
    """Every clip once, from its first frame to its last."""

    def __init__(self, clips: Sequence[FeatureClip]) -> None:
        self._clips = clips

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> Batch:
        """One clip as (T, F), (T, C), (T,)."""
        clip = self._clips[index]
        return Batch(torch.from_numpy(clip.features), torch.from_numpy(clip.motion), torch.from_numpy(clip.valid))
