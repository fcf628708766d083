"""Log-mel features, for whole recordings and for live audio.

Both roads give the same numbers: feeding a recording to a stream in pieces of any size equals one
call on all of it, bit for bit. `tests/data/test_features.py` holds us to that. It works because every
step treats each hop alone and adds in a fixed order; a matrix product would round differently with
the number of rows.

Hop k is centred on sample k * hop_length. Motion frame i (at t = i / 25 s) sees the four hops 4 i - 2 .. 4 i + 1.
"""

import numpy as np
from numpy.typing import NDArray
from torchaudio.functional import melscale_fbanks

from src.data.features.base import FeatureExtractor, FeatureStream, checked_samples, hash_of
from src.errors import ConfigError
from src.motion import FRAMES_PER_SECOND

_HOPS_PER_FRAME, _HOPS_BEFORE_FRAME = 4, 2
"""Hops of 10 ms in a motion frame of 40 ms, and how many of them are centred before the frame's own time."""

_VERSION = 1
"""Grows when the same configuration gives other numbers, so that older checkpoints are refused."""

_BLOCK_HOPS = 1024
"""Hops computed at once: bounds the memory of a long recording to a few megabytes."""


class LogMel(FeatureExtractor):
    """Natural logarithm of mel-band power, one row per hop.

    Power spectra of Hann windows, summed by the triangular bands of the Slaney mel scale. The floor
    is added before the logarithm, so digital silence has one finite value and fades into it smoothly.
    """

    def __init__(
        self,
        *,
        sample_rate_hz: int,
        n_mels: int,
        hop_length: int,
        window_length: int,
        f_min_hz: float,
        f_max_hz: float,
        log_floor: float,
    ) -> None:
        """Lengths in samples, frequencies in Hz, `log_floor` in power (a full-scale sine peaks near 1e4)."""
        if hop_length * _HOPS_PER_FRAME * FRAMES_PER_SECOND != sample_rate_hz:
            raise ConfigError(
                f"features: a hop of {hop_length} samples at {sample_rate_hz} Hz does not fit {_HOPS_PER_FRAME} times "
                f"into a motion frame of 1/{FRAMES_PER_SECOND} s. "
                f"Set hop_length={sample_rate_hz // (_HOPS_PER_FRAME * FRAMES_PER_SECOND)}."
            )
        if window_length < hop_length or window_length % 2:
            raise ConfigError(
                f"features: window_length is {window_length} samples, expected an even number not below the hop "
                f"of {hop_length}. Set it to e.g. {hop_length * 5 // 2}."
            )
        if n_mels < 1 or not 0 <= f_min_hz < f_max_hz <= sample_rate_hz / 2 or log_floor <= 0:
            raise ConfigError(
                f"features: n_mels={n_mels}, f_min_hz={f_min_hz}, f_max_hz={f_max_hz}, log_floor={log_floor}; expected "
                f"n_mels >= 1, 0 <= f_min_hz < f_max_hz <= {sample_rate_hz / 2:g} and log_floor > 0. Correct them."
            )
        self.sample_rate_hz = sample_rate_hz
        self.size = n_mels
        self.hop_length = hop_length
        self.window_length = window_length
        self._config = {
            "sample_rate_hz": sample_rate_hz,
            "n_mels": n_mels,
            "hop_length": hop_length,
            "window_length": window_length,
            "f_min_hz": float(f_min_hz),
            "f_max_hz": float(f_max_hz),
            "log_floor": float(log_floor),
        }
        self._log_floor = log_floor
        # Zero padding to a power of two: narrow low bands still cover a bin or two.
        self._fft_length = 1 << (window_length - 1).bit_length()
        self._window = np.hanning(window_length + 1)[:-1]
        bands = melscale_fbanks(
            self._fft_length // 2 + 1,
            f_min_hz,
            f_max_hz,
            n_mels,
            sample_rate_hz,
            norm=None,
            mel_scale="slaney",
        )
        self._taps = _band_taps(bands.numpy().astype(np.float64))

    @property
    def config(self) -> dict[str, int | float | str]:
        """See `FeatureExtractor.config`."""
        return {"_target_": "src.data.features.LogMel", **self._config}

    @property
    def config_hash(self) -> str:
        """Differs when the configuration or the version of this code does."""
        return hash_of({**self.config, "version": _VERSION})

    @property
    def hop_s(self) -> float:
        """See `FeatureExtractor.hop_s`."""
        return self.hop_length / self.sample_rate_hz

    @property
    def window_s(self) -> float:
        """Seconds of sound in one hop."""
        return self.window_length / self.sample_rate_hz

    @property
    def lookahead_s(self) -> float:
        """Half a window beyond its centre."""
        return self.window_s / 2

    @property
    def hops_before_frame(self) -> int:
        """Two of four; the third is centred on the frame, the last one hop after it."""
        return _HOPS_BEFORE_FRAME

    @property
    def latency_parts(self) -> dict[str, float]:
        """The last hop of a frame is centred one hop after it."""
        last_hop_ms, look_ahead_ms = super().latency_parts.values()
        return {"last feature hop of a frame": last_hop_ms, "half a feature window": look_ahead_ms}

    @property
    def silence_row(self) -> NDArray[np.float32]:
        """(F,) features of digital silence, the smallest that there are."""
        return np.full(self.size, np.log(self._log_floor), np.float32)

    def stream(self) -> "LogMelStream":
        """See `FeatureExtractor.stream`."""
        return LogMelStream(self)

    def _rows(self, samples: NDArray[np.float32], num_hops: int) -> NDArray[np.float32]:
        """The first `num_hops` windows of `samples`, turned into features (num_hops, F)."""
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.window_length)[:: self.hop_length]
        rows = np.empty((num_hops, self.size), np.float32)
        for start in range(0, num_hops, _BLOCK_HOPS):
            block = windows[start : min(start + _BLOCK_HOPS, num_hops)]
            spectrum = np.fft.rfft(block * self._window, self._fft_length)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            sums = np.full((len(block), self.size), self._log_floor)
            for bins, weights in self._taps:
                sums += power[:, bins] * weights
            rows[start : start + len(block)] = np.log(sums)
        return rows


class LogMelStream(FeatureStream):
    """Features of sound that arrives in pieces of any size. Made by `LogMel.stream`."""

    def __init__(self, extractor: LogMel) -> None:
        self._extractor = extractor
        # Half a window of silence before sample 0 puts the centre of hop 0 on it.
        self._pending = np.zeros(extractor.window_length // 2, np.float32)
        self._num_samples = 0
        self._num_hops = 0
        self._finished = False

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `FeatureStream.push`."""
        samples = checked_samples(samples, self._finished)
        self._num_samples += len(samples)
        self._pending = np.concatenate([self._pending, samples])
        beyond = len(self._pending) - self._extractor.window_length
        return self._advance(max(beyond // self._extractor.hop_length + 1, 0))

    def finish(self) -> NDArray[np.float32]:
        """See `FeatureStream.finish`."""
        self._finished = True
        num_hops = -(-self._num_samples // self._extractor.hop_length) - self._num_hops
        self._pending = np.concatenate([self._pending, np.zeros(self._extractor.window_length, np.float32)])
        return self._advance(max(num_hops, 0))

    def _advance(self, num_hops: int) -> NDArray[np.float32]:
        if num_hops == 0:
            return np.empty((0, self._extractor.size), np.float32)
        rows = self._extractor._rows(self._pending, num_hops)
        self._num_hops += num_hops
        self._pending = self._pending[num_hops * self._extractor.hop_length :].copy()
        return rows


def _band_taps(bands: NDArray[np.float64]) -> list[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """The filter bank (bins, F) as a few rows of (bin, weight) per band, to be summed in order.

    Row j holds the j-th bin of every band. Elementwise sums of a dozen rows are as quick as a sparse
    product and round the same for any number of hops.
    """
    used = bands > 0
    first = used.argmax(axis=0)
    taps = []
    for offset in range(int(used.sum(axis=0).max())):
        bins = np.minimum(first + offset, len(bands) - 1)
        weights = np.where(first + offset < len(bands), bands[bins, np.arange(bands.shape[1])], 0.0)
        taps.append((bins, weights))
    return taps
