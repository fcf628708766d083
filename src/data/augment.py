"""What a voice, a microphone and a room do to log-mel features, drawn at random.

Little data holds few voices, and a network soon knows them by heart. These changes leave the timing of
speech alone, so the motion stays right. All are applied to a batch of hops (B, K, F) of natural-log
power; `floor` is the value of digital silence, which nothing goes below.

Reference: masks are from Park et al.: SpecAugment, Interspeech 2019.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from src.data.windows import Batch
from src.errors import ConfigError

_DB = math.log(10.0) / 10.0  # one decibel in natural-log power


class Augmentation(ABC):
    """A random change of a batch of hops."""

    @abstractmethod
    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """(B, K, F) -> (B, K, F), drawn anew for every row of the batch; `hops` is not changed."""


class GainAndTilt(Augmentation):
    """Louder or quieter, brighter or darker: another distance, microphone or voice effort."""

    def __init__(self, *, gain_db: float, tilt_db: float) -> None:
        """Largest gain, and largest difference from the lowest band to the highest, in dB; both signs."""
        self._gain_db = gain_db
        self._tilt_db = tilt_db

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `Augmentation`. The silence floor stays where it is, as it would with a real gain."""
        gain = _uniform(len(hops), -self._gain_db, self._gain_db, generator)
        tilt = _uniform(len(hops), -self._tilt_db, self._tilt_db, generator)
        change_db = gain + tilt * torch.linspace(-0.5, 0.5, hops.shape[2])
        silence = math.exp(floor)
        power = (hops.exp() - silence).clamp(min=0) * (change_db * _DB).exp()
        return (power + silence).log()


class NoiseFloor(Augmentation):
    """Steady background noise of a random level and colour, added in power."""

    def __init__(self, *, low_db: float, high_db: float, tilt_db: float) -> None:
        """Level range in dB over the silence floor; `tilt_db` as in `GainAndTilt`."""
        self._low_db = low_db
        self._high_db = high_db
        self._tilt_db = tilt_db

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `Augmentation`."""
        level = _uniform(len(hops), self._low_db, self._high_db, generator)
        tilt = _uniform(len(hops), -self._tilt_db, self._tilt_db, generator)
        level_db = level + tilt * torch.linspace(-0.5, 0.5, hops.shape[2])
        # The power of noise in one band of one hop fluctuates; a few FFT bins make it about log-normal.
        fluctuation = 0.5 * torch.randn(hops.shape, generator=generator)
        return torch.logaddexp(hops, floor + level_db * _DB + fluctuation)


class MelShift(Augmentation):
    """The spectrum moved up or down the mel scale by a fraction of its bands: another vocal tract."""

    def __init__(self, *, max_bands: float) -> None:
        """max_bands: the largest shift of the middle band, both signs."""
        self._max_bands = max_bands

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `Augmentation`. Bands that would come from outside repeat the outermost one."""
        num_bands = hops.shape[2]
        shift = _uniform(len(hops), -self._max_bands, self._max_bands, generator)[:, 0]
        source = (torch.arange(num_bands) + shift).clamp(0, num_bands - 1)  # (B, 1, F)
        below = source.floor().long().clamp(max=max(num_bands - 2, 0))
        above = (below + 1).clamp(max=num_bands - 1)
        weight = (source - below)[:, None, :]
        low = hops.gather(2, below[:, None, :].expand_as(hops))
        high = hops.gather(2, above[:, None, :].expand_as(hops))
        return torch.lerp(low, high, weight.expand_as(hops))


class BandMask(Augmentation):
    """Runs of bands replaced by their mean over the window."""

    def __init__(self, *, num_masks: int, max_bands: int) -> None:
        self._num_masks = num_masks
        self._max_bands = max_bands

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `Augmentation`."""
        masked = _runs(len(hops), hops.shape[2], self._num_masks, self._max_bands, generator)
        return torch.where(masked[:, None, :], hops.mean(dim=1, keepdim=True), hops)


class TimeMask(Augmentation):
    """Runs of hops replaced by the mean hop of the window: the mouth moves on while nothing is heard."""

    def __init__(self, *, num_masks: int, max_hops: int) -> None:
        self._num_masks = num_masks
        self._max_hops = max_hops

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `Augmentation`."""
        masked = _runs(len(hops), hops.shape[1], self._num_masks, self._max_hops, generator)
        return torch.where(masked[:, :, None], hops.mean(dim=1, keepdim=True), hops)


class Silences:
    """Stretches in which nobody speaks and the mouth rests, so that lips learn to stay closed in silence.

    Corpora of speech hold little silence, and none at all if their clips are single words: a network
    trained on those leaves the mouth half open when the voice stops.

    Reference: muted clips as in NVIDIA's Audio2Face-3D training framework.
    """

    def __init__(self, *, share: float, min_frames: int, settle_frames: int) -> None:
        """Take the settings.

        Args:
            share: of the windows that get a stretch of silence.
            min_frames: its shortest length.
            settle_frames: how long a mouth may take to close. These frames, and those around the ends of the
                stretch that hear both speech and silence, count for nothing.
        """
        if not 0.0 <= share <= 1.0 or min_frames < 1 or settle_frames < 0:
            raise ConfigError(
                f"data.silences: share {share}, min_frames {min_frames} and settle_frames {settle_frames} must be a "
                "share from 0 to 1, a count above 0 and one of 0 or more. Correct them."
            )
        self._share, self._min_frames, self._settle_frames = share, min_frames, settle_frames

    def __call__(
        self, batch: Batch, silence: Tensor, rest: Tensor, lookahead_frames: int, generator: torch.Generator
    ) -> Batch:
        """A batch with silences; the given one is not changed.

        Args:
            batch: windows.
            silence: (F,) features of digital silence.
            rest: (C,) motion of a resting face; NaN for channels that silence says nothing about.
            lookahead_frames: how far ahead the network hears.
            generator: of all draws.
        """
        size, length = batch.mask.shape
        shortest = min(self._min_frames, length)
        chosen = torch.rand(size, 1, generator=generator) < self._share
        width = (shortest + torch.rand(size, 1, generator=generator) * (length - shortest + 1)).long()
        # A quarter of them begin with the window: streams begin with silence, clips of single words never do.
        anywhere = (torch.rand(size, 1, generator=generator) * 4 - 1) / 3
        begin = (anywhere.clamp(min=0) * (length - shortest + 1)).long()
        end = begin + width
        frame = torch.arange(length)
        quiet = chosen & (frame >= begin) & (frame < end)
        mixed = chosen & (
            ((begin > 0) & (frame >= begin - lookahead_frames) & (frame < begin + self._settle_frames))
            | ((frame >= end - lookahead_frames) & (frame < end + lookahead_frames))
        )
        resting = quiet[:, :, None] & ~rest.isnan()
        return Batch(
            torch.where(quiet[:, :, None], silence, batch.features),
            torch.where(resting, rest.nan_to_num(), batch.motion),
            batch.mask & ~mixed,
        )


class Sometimes(Augmentation):
    """Applies another augmentation to a random share of the batch's rows."""

    def __init__(self, *, share: float, augmentation: Augmentation) -> None:
        if not 0.0 <= share <= 1.0:
            raise ConfigError(f"augmentation: share is {share}, expected 0 to 1. Correct it.")
        self._share = share
        self._augmentation = augmentation

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `Augmentation`."""
        chosen = torch.rand(len(hops), 1, 1, generator=generator) < self._share
        return torch.where(chosen, self._augmentation(hops, floor, generator), hops)


def _uniform(batch: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """(B, 1, 1) numbers between `low` and `high`."""
    return low + (high - low) * torch.rand(batch, 1, 1, generator=generator)


def _runs(batch: int, length: int, num_runs: int, max_length: int, generator: torch.Generator) -> Tensor:
    """(B, length) bool with `num_runs` runs of 0 .. max_length, anywhere, in each row."""
    widths = torch.randint(0, max_length + 1, (batch, num_runs, 1), generator=generator)
    room = (length - widths).clamp(min=0)
    starts = (torch.rand(batch, num_runs, 1, generator=generator) * (room + 1)).long()
    position = torch.arange(length)
    return ((position >= starts) & (position < starts + widths)).any(dim=1)
