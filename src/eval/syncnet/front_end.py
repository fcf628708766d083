"""The MFCC that SyncNet was trained on, in float64: 13 coefficients every 10 ms of 16 kHz sound.

Sample values are those of 16-bit integers, -32768..32767. Dividing them by 32768 would lower coefficient 0 by
20.8 and make every score wrong, which is why these are not the features of `src.data.features`.

Reference:
    The defaults of python_speech_features 0.6: no window function, 26 triangles up to 8 kHz, lifter 22, and the
    logarithm of the frame's energy in place of coefficient 0.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dct

from src.errors import DataError

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 400
HOP_SAMPLES = 160
NUM_FFT = 512
NUM_FILTERS = 26
NUM_COEFFICIENTS = 13
PRE_EMPHASIS = 0.97
LIFTER = 22

_TINY = float(np.finfo(np.float64).eps)  # stands for an energy of zero, so that its logarithm exists


def mfcc(samples: ArrayLike) -> NDArray[np.float64]:
    """(K, 13) coefficients of a recording.

    K = 1 + ceil((S - 400) / 160), at least 1: the last frame is filled up with zeros.

    Args:
        samples: (S,) mono at 16 kHz in the units of 16-bit integers.

    Raises:
        DataError: it is empty or not one channel.
    """
    energies, frame_energy = filter_energies(samples)
    coefficients = dct(np.log(energies), type=2, axis=1, norm="ortho")[:, :NUM_COEFFICIENTS]
    coefficients *= 1.0 + LIFTER / 2 * np.sin(np.pi * np.arange(NUM_COEFFICIENTS) / LIFTER)
    coefficients[:, 0] = np.log(frame_energy)
    return np.asarray(coefficients, dtype=np.float64)


def filter_energies(samples: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(K, 26) energies of the mel filters and (K,) energies of the frames, none of them zero.

    Raises:
        DataError: `samples` is empty or not one channel.
    """
    power = np.abs(np.fft.rfft(_frames(samples), NUM_FFT)) ** 2 / NUM_FFT
    energies, frame_energy = power @ mel_filters().T, power.sum(axis=1)
    return np.where(energies == 0, _TINY, energies), np.where(frame_energy == 0, _TINY, frame_energy)


@cache
def mel_filters() -> NDArray[np.float64]:
    """(26, 257) weights of the triangles, by filter and bin of the spectrum. Shared: don't write to it."""
    highest_mel = 2595.0 * np.log10(1.0 + SAMPLE_RATE_HZ / 2 / 700.0)
    corners_hz = 700.0 * (10.0 ** (np.linspace(0.0, highest_mel, NUM_FILTERS + 2) / 2595.0) - 1.0)
    # One more than the FFT has: so the original rounds its corners.
    corners = np.floor((NUM_FFT + 1) * corners_hz / SAMPLE_RATE_HZ)
    left, centre, right = (corners[start : start + NUM_FILTERS, None] for start in range(3))
    bins = np.arange(NUM_FFT // 2 + 1)[None]
    # Neighbouring corners never meet at these sizes, so no triangle has a side of zero width.
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    filters = np.where((left <= bins) & (bins < centre), rising, 0.0)
    return np.where((centre <= bins) & (bins < right), falling, filters)


def _frames(samples: ArrayLike) -> NDArray[np.float64]:
    """(K, 400) overlapping pieces after the pre-emphasis."""
    sound = np.asarray(samples, dtype=np.float64)
    if sound.ndim != 1 or not len(sound):
        raise DataError(f"sound of shape {sound.shape}: MFCC need mono samples (S,), at least one. Mix the channels.")
    emphasised = np.append(sound[0], sound[1:] - PRE_EMPHASIS * sound[:-1])
    count = 1 + max(0, -(-(len(sound) - FRAME_SAMPLES) // HOP_SAMPLES))
    padded = np.zeros((count - 1) * HOP_SAMPLES + FRAME_SAMPLES)
    padded[: len(emphasised)] = emphasised
    return np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES)[::HOP_SAMPLES]
