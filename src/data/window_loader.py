"""Which windows an epoch has, which process sees which clips, and a loader that knows how far it is.

The windows follow from the epoch's number and a seed alone: not from the order of calls, nor from the number
of worker processes. So an epoch that was interrupted goes on with exactly the windows that were left.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

from src.data.windows import Batch, Places
from src.errors import ConfigError


class WindowBatches(DistributedSampler[Places]):
    """Batches of random windows, each frame of the data about equally likely; another set every epoch.

    It deals the batches out to the processes of a distributed run itself, and is a `DistributedSampler` so that
    Lightning leaves it alone: the sampler that Lightning would wrap it in tells it no epoch.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        *,
        window_frames: int,
        num_windows: int,
        batch_size: int,
        seed: int,
        num_replicas: int,
        rank: int,
    ) -> None:
        """Take the settings.

        Args:
            lengths: frames of each span.
            window_frames: frames of a window.
            num_windows: per epoch and over all processes, 0 for as many as hold the data once.
            batch_size: windows of a batch; the last one of an epoch may be smaller.
            seed: of the draw.
            num_replicas, rank: processes that share an epoch, and which of them this is.
        """
        self._lengths = lengths
        self._window_frames = window_frames
        frames_per_window = np.average(np.minimum(lengths, window_frames), weights=lengths)
        self._num_windows = num_windows or max(round(lengths.sum() / frames_per_window), 1)
        self._batch_size = batch_size
        self._seed = seed
        self._start = (0, 0)
        self.epoch = 0
        self.num_replicas, self.rank = num_replicas, rank

    def set_epoch(self, epoch: int) -> None:
        """Choose the windows of this epoch; Lightning calls it."""
        self.epoch = epoch

    def start_at(self, epoch: int, batch: int) -> None:
        """Let the next iteration begin with this batch, if it is of this epoch."""
        self.set_epoch(epoch)
        self._start = (epoch, batch)

    @property
    def first_batch(self) -> int:
        """The batch that the next iteration begins with."""
        epoch, batch = self._start
        return batch if epoch == self.epoch else 0

    def __len__(self) -> int:
        batches = -(-self._num_windows // self._batch_size)
        # Each process takes as many steps as the others, or they would wait for it forever.
        return batches // self.num_replicas if batches >= self.num_replicas else 1

    def __iter__(self) -> Iterator[Places]:
        generator = np.random.default_rng([self._seed, self.epoch])
        count = self._num_windows
        spans = generator.choice(len(self._lengths), count, p=self._lengths / self._lengths.sum())
        room = np.maximum(self._lengths[spans] - self._window_frames, 0)
        starts = generator.integers(0, room, endpoint=True)
        seeds = generator.integers(0, 2**31, count)
        first, self._start = self.first_batch, (0, 0)
        for batch in range(first, len(self)):
            begin = (batch * self.num_replicas + self.rank) * self._batch_size % count
            chosen = slice(begin, begin + self._batch_size)
            yield Places(spans[chosen], starts[chosen], int(seeds[chosen].sum()))


class ClipBuckets(DistributedSampler[int]):
    """Deals whole buckets of clips out to the processes of a distributed run, each to one.

    Where they don't divide evenly, the last numbers go beyond the last bucket: `WholeClips` has a batch there of which
    nothing counts. Each process must take as many steps as the others, or these wait for it forever; what Lightning
    would do is to repeat clips, which then count twice.
    """

    def __init__(self, num_buckets: int, *, num_replicas: int, rank: int) -> None:
        """`num_replicas` processes share them, of which this is number `rank`."""
        self._num_buckets = num_buckets
        self.num_replicas, self.rank = num_replicas, rank

    def __len__(self) -> int:
        return -(-self._num_buckets // self.num_replicas)

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rank, len(self) * self.num_replicas, self.num_replicas))


class WindowLoader(DataLoader[Batch]):
    """A loader that counts the batches it gave, so that a checkpoint within an epoch knows where to go on."""

    _given = 0

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        # A generator: nothing is drawn before the first batch is asked for, when the epoch is known.
        batches = self.sampler
        self._given = batches.first_batch if isinstance(batches, WindowBatches) else 0
        for batch in super().__iter__():
            self._given += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """The epoch, and how many of its batches were given."""
        if not isinstance(self.sampler, WindowBatches):
            return {}
        return {"epoch": self.sampler.epoch, "batches": self._given, "of": len(self)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint was written.

        Raises:
            ConfigError: its epochs have another length.
        """
        if not state or not isinstance(self.sampler, WindowBatches):
            return
        if state["of"] != len(self):
            raise ConfigError(
                f"the checkpoint was written in an epoch of {state['of']} batches, now an epoch has {len(self)}. "
                "Resume with the same data.windows_per_epoch, data.batch_size and number of devices."
            )
        self.sampler.start_at(state["epoch"], state["batches"])
