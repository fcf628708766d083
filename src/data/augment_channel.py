"""What a room and a line do to log-mel hops."""

import math

import torch
from torch import Tensor

from src.data.augment import DB, Augmentation, HopAugmentation, Setting, uniform
from src.data.windows import Windows
from src.errors import ConfigError


class RoomResponse(Augmentation):
    """Reverberation in the power domain: each band is followed by an exponential decay of its own length.

    The tail of a room's response is noise whose power decays by 60 dB within the reverberation time, so powers of
    the echoes add. High bands decay faster: walls and air swallow them. Direct sound stays as it is.

    Reference: Polack's model of late reverberation, as in Habets: Single- and multi-microphone speech
    dereverberation, 2007.
    """

    needs_log_mel = True

    def __init__(
        self, *, shortest_s: float, longest_s: float, treble_ratio: float, direct_low_db: float, direct_high_db: float
    ) -> None:
        """Take the settings.

        Args:
            shortest_s, longest_s: range of the reverberation time of the lowest band.
            treble_ratio: reverberation time of the highest band relative to the lowest.
            direct_low_db, direct_high_db: range of the ratio of direct sound to all of its echoes.
        """
        if not 0.01 <= shortest_s <= longest_s <= 5.0 or not 0.05 <= treble_ratio <= 2.0:
            raise ConfigError(
                f"augmentation RoomResponse: shortest_s {shortest_s}, longest_s {longest_s}, treble_ratio "
                f"{treble_ratio}; expected 0.01 <= shortest_s <= longest_s <= 5 and a ratio of 0.05 to 2. Correct them."
            )
        self._shortest_s, self._longest_s, self._treble_ratio = shortest_s, longest_s, treble_ratio
        self._direct_low_db, self._direct_high_db = direct_low_db, direct_high_db

    def apply(self, windows: Windows, setting: Setting, generator: torch.Generator) -> Windows:
        """See `Augmentation.apply`. What was before the window does not sound on into it."""
        size, bands = len(windows.hops), windows.hops.shape[2]
        seconds = uniform(size, self._shortest_s, self._longest_s, generator)
        seconds = seconds * torch.linspace(1.0, self._treble_ratio, bands)
        direct_db = uniform(size, self._direct_low_db, self._direct_high_db, generator)
        fall = -60.0 * DB * setting.hop_s / seconds  # (B, 1, F) change of log power per hop
        echoes = reverberated(windows.hops, float(setting.silence[0]), fall, direct_db)
        return windows._replace(hops=echoes)


def reverberated(hops: Tensor, floor: float, fall: Tensor, direct_db: Tensor) -> Tensor:
    """Log power (B, K, F) with its echoes.

    Args:
        hops: natural-log power.
        floor: of digital silence.
        fall: (B, 1, F) change of the log power of echoes per hop, below 0.
        direct_db: (B, 1, 1) power of the sound over that of all its echoes.
    """
    silence = math.exp(floor)
    power = (hops.double().exp() - silence).clamp(min=1e-30)
    hop = torch.arange(hops.shape[1], dtype=torch.float64)[:, None]
    # Sum over j < k of power[j] exp(fall (k - j)), without a loop over the hops.
    summed = torch.logcumsumexp(power.log() - hop * fall, dim=1)[:, :-1] + hop[1:] * fall
    # So that one impulse's echoes add up to direct_db below it: the geometric sum of exp(fall k) from k = 1.
    level = (-fall).expm1().log() - direct_db * DB
    echoes = torch.cat([torch.zeros_like(power[:, :1]), (summed + level).exp()], dim=1)
    return (power + echoes + silence).log().to(hops.dtype)


class BandLimit(HopAugmentation):
    """A telephone or a cheap codec: nothing below one band and above another but a little noise."""

    needs_log_mel = True

    def __init__(self, *, lowest_bands: float, highest_bands: float, slope_db: float, noise_db: float) -> None:
        """Take the settings, as shares of the mel scale that the features cover.

        Args:
            lowest_bands: up to this share is lost at the low end. Of 60 to 7600 Hz a telephone (300 Hz) loses 0.08.
            highest_bands: up to this share is lost at the high end. There a telephone (3400 Hz) loses 0.27.
            slope_db: loss per band beyond the edges.
            noise_db: largest level of the line's noise over the silence floor.
        """
        if not 0 <= lowest_bands < 1 or not 0 <= highest_bands < 1 - lowest_bands or slope_db <= 0 or noise_db < 0:
            raise ConfigError(
                f"augmentation BandLimit: lowest_bands {lowest_bands} and highest_bands {highest_bands} are shares "
                f"with a sum below 1, slope_db {slope_db} is above 0, noise_db {noise_db} is 0 or more. Correct them."
            )
        self._lowest_bands, self._highest_bands = lowest_bands, highest_bands
        self._slope_db, self._noise_db = slope_db, noise_db

    def __call__(self, hops: Tensor, floor: float, generator: torch.Generator) -> Tensor:
        """See `HopAugmentation`."""
        size, _, bands = hops.shape
        low = uniform(size, 0.0, self._lowest_bands, generator) * bands
        high = uniform(size, 1.0 - self._highest_bands, 1.0, generator) * bands - 1
        band = torch.arange(bands)
        beyond = (low - band).clamp(min=0) + (band - high).clamp(min=0)
        silence = math.exp(floor)
        power = (hops.exp() - silence).clamp(min=0) * (-self._slope_db * DB * beyond).exp()
        noise_db = uniform(size, 0.0, self._noise_db, generator)
        noise = (noise_db * DB + 0.5 * torch.randn(hops.shape, generator=generator)).exp() * silence
        # Noise of the line's own, where nothing else is left.
        return (power + silence + noise * (beyond > 0) * (noise_db > 0)).log()
