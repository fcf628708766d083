"""Windows of clips for training, whole clips for validation, as the stream sees them.

A window is a slice of a clip, run through a network as if it were a recording of its own. Frames whose
past or future the slice cut off are masked: the network hears them with other context than it would in
a stream. At the ends of the clip nothing is cut off, so those frames count.

Everything is gathered a batch at a time from flat arrays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from src.data.frame_bank import FrameBank


@dataclass(frozen=True, eq=False)
class Spans:
    """The stretches of a bank that one part of a split holds.

    Attributes:
        clip_ids, speakers: of the clips that they are from.
        clips: (n,) their numbers in the bank.
        starts: (n,) first row in the bank.
        lengths: (n,) frames.
    """

    clip_ids: Sequence[str]
    speakers: Sequence[str]
    clips: NDArray[np.int64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lengths)

    def speaker_ids(self, known: Sequence[str]) -> NDArray[np.int64]:
        """(n,) the place of each span's speaker among the known ones, from 1; 0 for a stranger."""
        places = {name: place for place, name in enumerate(known, start=1)}
        return np.array([places.get(name, 0) for name in self.speakers], np.int64)


class Batch(NamedTuple):
    """What networks are trained and judged on.

    Attributes:
        features: (B, T, F).
        motion: (B, T, C).
        mask: (B, T) bool, frames that losses and metrics look at.
        speakers: (B,) int64, from 1 for the speakers of the training clips; 0 is a stranger.
    """

    features: Tensor
    motion: Tensor
    mask: Tensor
    speakers: Tensor


class Windows(NamedTuple):
    """A batch before its mask is made: what augmentations work on.

    Attributes:
        hops: (B, K, F), the hops of all rows in order.
        motion: (B, T, C).
        valid: (B, T) bool, frames whose motion counts.
        first: (B,) the first frame that has all the past it depends on.
        known: (B,) how many rows hold what a stream would hear; more than T where only silence follows.
    """

    hops: Tensor
    motion: Tensor
    valid: Tensor
    first: Tensor
    known: Tensor

    def mask(self, lookahead_frames: int) -> Tensor:
        """(B, T) frames that count: valid, with their whole past and future."""
        frame = torch.arange(self.valid.shape[1])
        return self.valid & (frame >= self.first[:, None]) & (frame + lookahead_frames < self.known[:, None])


class Places(NamedTuple):
    """Where the windows of a batch are: numbers of spans, first frames in them, and a seed for what is random."""

    spans: NDArray[np.int64]
    starts: NDArray[np.int64]
    seed: int


Change = Callable[[Windows, int], Windows]
"""What is done to windows before a network sees them, with a seed."""


class WindowDataset(Dataset[Batch]):
    """Batches of windows, gathered and changed in the process that asks."""

    def __init__(
        self,
        bank: FrameBank,
        spans: Spans,
        *,
        speaker_ids: NDArray[np.int64],
        window_frames: int,
        context_frames: int,
        lookahead_frames: int,
        hops_per_frame: int,
        silence: NDArray[np.float32],
        change: Change | None,
        batch_size: int,
    ) -> None:
        """Take the settings.

        Args:
            bank, spans: the data.
            speaker_ids: (n,) of the spans.
            window_frames: T.
            context_frames, lookahead_frames: past and future rows that a frame depends on.
            hops_per_frame: hops in a row of the bank.
            silence: (F,) the hop that follows a clip which is too short.
            change: augmentation and what makes final features of hops; None leaves them as they are.
            batch_size: windows of a batch that is asked for by number.
        """
        self._bank, self._spans, self._speaker_ids = bank, spans, torch.from_numpy(speaker_ids)
        self._window_frames, self._context_frames = window_frames, context_frames
        self._lookahead_frames, self._hops_per_frame = lookahead_frames, hops_per_frame
        self._silence = np.tile(silence, hops_per_frame)
        self._change = change
        self._batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self._spans) // self._batch_size)

    def __getitem__(self, places: Places | int) -> Batch:
        """The windows at these places.

        A number alone means the starts of that many clips: what a sequential sampler asks for.
        """
        if isinstance(places, int):
            spans = np.arange(places * self._batch_size, min((places + 1) * self._batch_size, len(self._spans)))
            places = Places(spans, np.zeros(len(spans), np.int64), int(spans.sum()))
        windows = self._gather(places)
        if self._change is not None:
            windows = self._change(windows, places.seed)
        size, frames = windows.valid.shape
        mask, speakers = windows.mask(self._lookahead_frames), self._speaker_ids[places.spans]
        return Batch(windows.hops.reshape(size, frames, -1), windows.motion, mask, speakers)

    def _gather(self, places: Places) -> Windows:
        frames = np.arange(self._window_frames)
        starts, lengths = self._spans.starts[places.spans], self._spans.lengths[places.spans]
        left = (lengths - places.starts)[:, None]  # frames from the window's start to the span's end
        inside = frames < left
        rows = (starts + places.starts)[:, None] + np.minimum(frames, left - 1)
        features, motion, valid = _rows(self._bank, rows)
        if not inside.all():
            features[~inside] = self._silence
            motion[~inside] = 0.0
            valid &= inside
        size, length = inside.shape
        ends = left[:, 0] <= length
        return Windows(
            hops=torch.from_numpy(features).reshape(size, length * self._hops_per_frame, -1),
            motion=torch.from_numpy(motion),
            valid=torch.from_numpy(valid),
            first=torch.from_numpy(np.where(places.starts > 0, self._context_frames, 0)),
            known=torch.from_numpy(np.where(ends, length + self._lookahead_frames, length)),
        )


class WholeClips(Dataset[Batch]):
    """Batches of whole clips of similar length, each from its first frame to its last.

    Shorter ones are followed by silence that doesn't count, just as a network hears it after any clip's end.

    Attributes:
        buckets: the clips of each batch, as numbers of spans.
    """

    buckets: list[NDArray[np.int64]]

    def __init__(
        self,
        bank: FrameBank,
        spans: Spans,
        *,
        speaker_ids: NDArray[np.int64],
        hops_per_frame: int,
        silence: NDArray[np.float32],
        change: Change | None,
        batch_frames: int,
    ) -> None:
        """See `WindowDataset`; `batch_frames` is the most frames of a batch, padding included, but for longer clips."""
        self._bank, self._spans, self._speaker_ids = bank, spans, torch.from_numpy(speaker_ids)
        self._hops_per_frame = hops_per_frame
        self._silence = np.tile(silence, hops_per_frame)
        self._change = change
        self.buckets = buckets_of(spans.lengths, batch_frames)

    def __len__(self) -> int:
        return len(self.buckets)

    def __getitem__(self, index: int) -> Batch:
        """The clips of a bucket.

        Numbers beyond the last give a bucket of which nothing counts, for processes that wait for others.
        """
        spans = self.buckets[index % len(self.buckets)]
        starts, lengths = self._spans.starts[spans, None], self._spans.lengths[spans, None]
        frames = np.arange(lengths.max())
        inside = frames < lengths
        rows = starts + np.minimum(frames, lengths - 1)
        features, motion, valid = _rows(self._bank, rows)
        features[~inside], motion[~inside] = self._silence, 0.0
        size, length = inside.shape
        hops = torch.from_numpy(features).reshape(size, length * self._hops_per_frame, -1)
        everywhere = torch.zeros(size, dtype=torch.int64)
        windows = Windows(
            hops, torch.from_numpy(motion), torch.from_numpy(valid & inside), everywhere, everywhere + length
        )
        if self._change is not None:
            windows = self._change(windows, 0)
        mask = windows.valid & (index < len(self.buckets))
        return Batch(windows.hops.reshape(size, length, -1), windows.motion, mask, self._speaker_ids[spans])


def buckets_of(lengths: NDArray[np.int64], batch_frames: int) -> list[NDArray[np.int64]]:
    """Numbers of clips of similar length, so that a batch of them padded to its longest has few frames.

    Args:
        lengths: (n,) frames.
        batch_frames: the most frames of a batch; a longer clip is alone.

    Returns:
        Every number once; long clips first.
    """
    order = np.argsort(-lengths, kind="stable")
    buckets, begin = [], 0
    while begin < len(order):
        size = max(batch_frames // int(lengths[order[begin]]), 1)
        buckets.append(order[begin : begin + size])
        begin += size
    return buckets


def _rows(bank: FrameBank, rows: NDArray[np.int64]) -> tuple[NDArray, NDArray, NDArray]:
    """Features, motion and validity of rows that exist, as new arrays."""
    # `clip` only spares NumPy a second copy of the result.
    features, motion, valid = (values.take(rows, 0, mode="clip") for values in (bank.features, bank.motion, bank.valid))
    return features, motion, valid
