"""Mel-frequency cepstral coefficients: the cosine transform of each log-mel hop, low orders only.

The hops of `LogMel` are what is kept and augmented; the transform comes last, so one cached log-mel serves both.
Sums run over the bands in a fixed order, so that whole recordings and streams agree bit for bit.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.data.features.base import FeatureExtractor, FeatureStream, hash_of
from src.data.features.mel import LogMel
from src.errors import ConfigError

_VERSION = 1
"""Grows when the same configuration gives other numbers, so that older checkpoints are refused."""


class Mfcc(FeatureExtractor):
    """Orthonormal DCT-II of log-mel hops, natural logarithm, without liftering."""

    def __init__(
        self,
        *,
        n_mfcc: int,
        keep_c0: bool,
        sample_rate_hz: int,
        n_mels: int,
        hop_length: int,
        window_length: int,
        f_min_hz: float,
        f_max_hz: float,
        log_floor: float,
    ) -> None:
        """Take the settings of `LogMel` and two more.

        Args:
            n_mfcc: coefficients per hop.
            keep_c0: start with coefficient 0, the loudness; else with coefficient 1.
            sample_rate_hz, n_mels, hop_length, window_length, f_min_hz, f_max_hz, log_floor: see `LogMel`.

        Raises:
            ConfigError: there are not as many bands as coefficients, or the settings of `LogMel` are wrong.
        """
        first = 0 if keep_c0 else 1
        if not 1 <= n_mfcc <= n_mels - first:
            raise ConfigError(
                f"features: n_mfcc={n_mfcc} with n_mels={n_mels} and keep_c0={keep_c0}; expected 1 to "
                f"{n_mels - first} coefficients. Set n_mfcc to 13, the usual number."
            )
        self._mel = LogMel(
            sample_rate_hz=sample_rate_hz,
            n_mels=n_mels,
            hop_length=hop_length,
            window_length=window_length,
            f_min_hz=f_min_hz,
            f_max_hz=f_max_hz,
            log_floor=log_floor,
        )
        self.sample_rate_hz = sample_rate_hz
        self.size = n_mfcc
        self._settings = {"n_mfcc": n_mfcc, "keep_c0": keep_c0}
        self._cosines = _dct(n_mels)[:, first : first + n_mfcc]

    @property
    def config(self) -> dict[str, Any]:
        """See `FeatureExtractor.config`."""
        return {**self._mel.config, **self._settings, "_target_": "src.data.features.Mfcc"}

    @property
    def config_hash(self) -> str:
        """Differs when the configuration, this code or the log-mel front does."""
        return hash_of({**self.config, "version": _VERSION, "front": self._mel.config_hash})

    @property
    def hop_s(self) -> float:
        """That of the log-mel front, as are the other times."""
        return self._mel.hop_s

    @property
    def lookahead_s(self) -> float:
        """See `LogMel.lookahead_s`."""
        return self._mel.lookahead_s

    @property
    def hops_before_frame(self) -> int:
        """See `LogMel.hops_before_frame`."""
        return self._mel.hops_before_frame

    @property
    def latency_parts(self) -> dict[str, float]:
        """See `LogMel.latency_parts`."""
        return self._mel.latency_parts

    @property
    def silence_row(self) -> NDArray[np.float32]:
        """(F,) coefficients of digital silence: 0 but for c0."""
        return self._finish(self._mel.silence_row[None])[0]

    @property
    def front(self) -> LogMel:
        """The log-mel hops."""
        return self._mel

    def finish_hops(self, hops: Tensor) -> Tensor:
        """Log-mel (B, K, bands) -> coefficients (B, K, F)."""
        bands = hops.movedim(-1, 0).contiguous()
        total = bands.new_zeros((self.size, *bands.shape[1:]))
        for band, cosines in zip(bands, self._cosines.to(bands), strict=True):
            total += (
                cosines[:, None, None] * band
            )  # not a matrix product: it rounds differently with the number of rows
        return total.movedim(0, -1)

    def stream(self) -> "MfccStream":
        """See `FeatureExtractor.stream`."""
        return MfccStream(self)

    def _finish(self, hops: NDArray[np.float32]) -> NDArray[np.float32]:
        """`finish_hops` of one recording, (K, bands) -> (K, F)."""
        if not len(hops):  # most pieces of live sound are shorter than a hop
            return np.empty((0, self.size), np.float32)
        return np.ascontiguousarray(self.finish_hops(torch.from_numpy(hops)[None])[0].numpy())


class MfccStream(FeatureStream):
    """Coefficients of sound that arrives in pieces of any size. Made by `Mfcc.stream`."""

    def __init__(self, extractor: Mfcc) -> None:
        self._extractor = extractor
        self._mel = extractor.front.stream()

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `FeatureStream.push`."""
        return self._extractor._finish(self._mel.push(samples))

    def finish(self) -> NDArray[np.float32]:
        """See `FeatureStream.finish`."""
        return self._extractor._finish(self._mel.finish())


def _dct(size: int) -> Tensor:
    """(size, size) orthonormal DCT-II; column k holds the cosine of coefficient k over the bands."""
    band, order = np.arange(size)[:, None], np.arange(size)
    cosines = np.cos(np.pi / size * (band + 0.5) * order) * np.sqrt(2 / size)
    cosines[:, 0] /= np.sqrt(2)
    return torch.from_numpy(cosines.astype(np.float32))
