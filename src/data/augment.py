"""What a voice and a microphone do to features, drawn at random.

Little data holds few voices, and a network soon knows them by heart. The changes here leave the timing of
speech alone, so the motion stays right; those of `augment_time` change both. Rooms and lines are in
`augment_channel`. Most of them work on natural-log power, where `floor` is the value of digital silence, which
nothing goes below.

Reference: masks are from Park et al.: SpecAugment, Interspeech 2019.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from src.data.features import FeatureExtractor
from src.data.windows import Windows
from src.errors import ConfigError

DB = math.log(10.0) / 10.0
"""One decibel in natural-log power."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What augmentations have to know of the features and the network.

    Attributes:
        silence: (F,) the hop of digital silence.
        hop_s: seconds between hops.
        hops_per_frame, hops_before_frame: see `FeatureExtractor`.
        lookahead_frames: how far ahead the network hears.
    """

    silence: Tensor
    hop_s: float
    hops_per_frame: int
    hops_before_frame: int
    lookahead_frames: int

    @classmethod
    def of(cls, features: FeatureExtractor, lookahead_frames: int) -> "Setting":
        """That of the hops of an extractor's front."""
        front = features.front
        silence = torch.from_numpy(front.silence_row.copy())
        return cls(silence, front.hop_s, front.hops_per_frame, front.hops_before_frame, lookahead_frames)


class Augmentation(ABC):
    """A random change of a batch of windows.

    Attributes:
        needs_log_mel: it is only right for hops of natural-log power in mel bands.
    """

    needs_log_mel: bool

    @abstractmethod
    def apply(self, windows: Windows, setting: Setting, generator: torch.Generator) -> Windows:
        """Changed windows, drawn anew for every row of the batch; the given ones stay as they are."""


class HopAugmentation(Augmentation):
    """A change of the sound alone."""

    @abstractmethod
    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """(B, K, F) -> (B, K, F); see `Augmentation.apply`. `floor` is the first value of digital silence."""

    def apply(self, windows: Windows, setting: Setting, generator: torch.Generator) -> Windows:
        """See `Augmentation.apply`."""
        return windows._replace(hops=self(windows.hops, float(setting.silence[0]), generator))


class GainAndTilt(HopAugmentation):
    """Louder or quieter, brighter or darker: another distance, microphone or voice effort."""

    needs_log_mel = True

    def __init__(self, *, gain_db: float, tilt_db: float) -> None:
        """Largest gain, and largest difference from the lowest band to the highest, in dB; both signs."""
        self._gain_db = gain_db
        self._tilt_db = tilt_db

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `HopAugmentation`. The silence floor stays where it is, as it would with a real gain."""
        gain = uniform(len(hops), -self._gain_db, self._gain_db, generator)
        tilt = uniform(len(hops), -self._tilt_db, self._tilt_db, generator)
        change_db = gain + tilt * torch.linspace(-0.5, 0.5, hops.shape[2])
        silence = math.exp(floor)
        power = (hops.exp() - silence).clamp(min=0) * (change_db * DB).exp()
        return (power + silence).log()


class NoiseFloor(HopAugmentation):
    """Steady background noise of a random level and colour, added in power."""

    needs_log_mel = True

    def __init__(self, *, low_db: float, high_db: float, tilt_db: float) -> None:
        """Level range in dB over the silence floor; `tilt_db` as in `GainAndTilt`."""
        self._low_db = low_db
        self._high_db = high_db
        self._tilt_db = tilt_db

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `HopAugmentation`."""
        level = uniform(len(hops), self._low_db, self._high_db, generator)
        tilt = uniform(len(hops), -self._tilt_db, self._tilt_db, generator)
        level_db = level + tilt * torch.linspace(-0.5, 0.5, hops.shape[2])
        # The power of noise in one band of one hop fluctuates; a few FFT bins make it about log-normal.
        fluctuation = 0.5 * torch.randn(hops.shape, generator=generator)
        return torch.logaddexp(hops, floor + level_db * DB + fluctuation)


class MelShift(HopAugmentation):
    """The spectrum moved up or down the mel scale by a fraction of its bands: another vocal tract."""

    needs_log_mel = True

    def __init__(self, *, max_bands: float) -> None:
        """max_bands: the largest shift of the middle band, both signs."""
        self._max_bands = max_bands

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `HopAugmentation`. Bands that would come from outside repeat the outermost one."""
        num_bands = hops.shape[2]
        shift = uniform(len(hops), -self._max_bands, self._max_bands, generator)[:, 0]
        source = (torch.arange(num_bands) + shift).clamp(0, num_bands - 1)  # (B, 1, F)
        below = source.floor().long().clamp(max=max(num_bands - 2, 0))
        above = (below + 1).clamp(max=num_bands - 1)
        weight = (source - below)[:, None, :]
        low = hops.gather(2, below[:, None, :].expand_as(hops))
        high = hops.gather(2, above[:, None, :].expand_as(hops))
        return torch.lerp(low, high, weight.expand_as(hops))


class BandMask(HopAugmentation):
    """Runs of bands replaced by their mean over the window."""

    needs_log_mel = False

    def __init__(self, *, num_masks: int, max_bands: int) -> None:
        self._num_masks = num_masks
        self._max_bands = max_bands

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `HopAugmentation`."""
        masked = _runs(len(hops), hops.shape[2], self._num_masks, self._max_bands, generator)
        return torch.where(masked[:, None, :], hops.mean(dim=1, keepdim=True), hops)


class TimeMask(HopAugmentation):
    """Runs of hops replaced by the mean hop of the window: the mouth moves on while nothing is heard."""

    needs_log_mel = False

    def __init__(self, *, num_masks: int, max_hops: int) -> None:
        self._num_masks = num_masks
        self._max_hops = max_hops

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `HopAugmentation`."""
        masked = _runs(len(hops), hops.shape[1], self._num_masks, self._max_hops, generator)
        return torch.where(masked[:, :, None], hops.mean(dim=1, keepdim=True), hops)


class FeatureDropout(HopAugmentation):
    """Whole hops and whole bands, each by itself, replaced by the mean of the window: no band may matter too much."""

    needs_log_mel = False

    def __init__(self, *, hop_share: float, band_share: float) -> None:
        """Shares of the hops and of the bands that are lost, 0 to below 1."""
        _check_shares("FeatureDropout", hop_share=hop_share, band_share=band_share)
        self._hop_share = hop_share
        self._band_share = band_share

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `HopAugmentation`."""
        size, length, bands = hops.shape
        lost = torch.rand(size, length, 1, generator=generator) < self._hop_share
        lost = lost | (torch.rand(size, 1, bands, generator=generator) < self._band_share)
        return torch.where(lost, hops.mean(dim=1, keepdim=True), hops)


class Silences:
    """Stretches in which nobody speaks and the mouth rests, so that lips learn to stay closed in silence.

    Corpora of speech hold little silence, and none at all if their clips are single words: a network
    trained on those leaves the mouth half open when the voice stops. The noise of a microphone comes from the
    augmentations, which follow.

    Reference: muted clips as in NVIDIA's Audio2Face-3D training framework.
    """

    def __init__(self, *, share: float, min_frames: int, settle_frames: int, hold_pose: bool) -> None:
        """Take the settings.

        Args:
            share: of the windows that get a stretch of silence.
            min_frames: its shortest length.
            settle_frames: how long a mouth may take to close. These frames, and those around the ends of the
                stretch that hear both speech and silence, count for nothing.
            hold_pose: whether head and lids keep the pose in which the silence found them; else they go on.
        """
        _check_shares("Silences", share=share)
        if min_frames < 1 or settle_frames < 0:
            raise ConfigError(
                f"data.silences: min_frames {min_frames} and settle_frames {settle_frames} must be a count above 0 "
                "and one of 0 or more. Correct them."
            )
        self._share, self._min_frames, self._settle_frames = share, min_frames, settle_frames
        self._hold_pose = hold_pose

    def __call__(self, windows: Windows, rest: Tensor, setting: Setting, generator: torch.Generator) -> Windows:
        """Windows with silences; the given ones are not changed.

        Args:
            windows: the windows.
            rest: (C,) motion of a resting face; NaN for channels that silence says nothing about.
            setting: of the features and the network.
            generator: of all draws.
        """
        size, length = windows.valid.shape
        shortest, lookahead_frames = min(self._min_frames, length), setting.lookahead_frames
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
        still = rest.expand(size, length, -1)
        if self._hold_pose:
            found = windows.motion.gather(1, begin[:, :, None].expand(-1, 1, len(rest)))
            # A pose that was guessed is none to hold.
            held = rest.isnan() & windows.valid.gather(1, begin)[:, :, None]
            still = torch.where(held, found, still)
        hops_quiet = quiet.repeat_interleave(setting.hops_per_frame, dim=1)
        return windows._replace(
            hops=torch.where(hops_quiet[:, :, None], setting.silence, windows.hops),
            motion=torch.where(quiet[:, :, None] & ~still.isnan(), still.nan_to_num(), windows.motion),
            valid=windows.valid & ~mixed,
        )


class Sometimes(Augmentation):
    """Applies another augmentation to a random share of the batch's rows."""

    def __init__(self, *, share: float, augmentation: Augmentation) -> None:
        _check_shares("Sometimes", share=share)
        self._share = share
        self._augmentation = augmentation
        self.needs_log_mel = augmentation.needs_log_mel

    def apply(self, windows: Windows, setting: Setting, generator: torch.Generator) -> Windows:
        """See `Augmentation.apply`."""
        chosen = torch.rand(len(windows.hops), 1, 1, generator=generator) < self._share
        changed = self._augmentation.apply(windows, setting, generator)
        pairs = zip(changed, windows, strict=True)
        # Parts that an augmentation leaves alone are the same tensors.
        parts = [new if new is old else torch.where(_like(chosen, new), new, old) for new, old in pairs]
        return Windows(*parts)


def uniform(batch: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """(B, 1, 1) numbers between `low` and `high`."""
    return low + (high - low) * torch.rand(batch, 1, 1, generator=generator)


def _like(chosen: Tensor, values: Tensor) -> Tensor:
    """(B, 1, 1) with the dimensions of `values`."""
    return chosen.reshape(-1, *[1] * (values.ndim - 1))


def _check_shares(name: str, **shares: float) -> None:
    for key, share in shares.items():
        if not 0.0 <= share <= 1.0:
            raise ConfigError(f"augmentation {name}: {key} is {share}, expected 0 to 1. Correct it.")


def _runs(batch: int, length: int, num_runs: int, max_length: int, generator: torch.Generator) -> Tensor:
    """(B, length) bool with `num_runs` runs of 0 .. max_length, anywhere, in each row."""
    widths = torch.randint(0, max_length + 1, (batch, num_runs, 1), generator=generator)
    room = (length - widths).clamp(min=0)
    starts = (torch.rand(batch, num_runs, 1, generator=generator) * (room + 1)).long()
    position = torch.arange(length)
    return ((position >= starts) & (position < starts + widths)).any(dim=1)
