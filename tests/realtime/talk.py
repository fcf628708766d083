"""Loudness as of somebody who talks, for tests of what a face does meanwhile."""

import numpy as np
from numpy.typing import NDArray

FPS = 25
SILENCE_DB, QUIET = -70.0, np.full(1, -70.0)


def talking(minutes: float, seed: int = 0) -> NDArray[np.float64]:
    """(T,) decibels: sentences of 2 to 6 s at four syllables a second, pauses of 0.3 to 1.2 s."""
    rng = np.random.default_rng(seed)
    parts: list[NDArray[np.float64]] = []
    while sum(map(len, parts)) < minutes * 60 * FPS:
        for _ in range(int(rng.integers(8, 24))):
            length = int(rng.integers(4, 9))
            syllable = -14 * np.abs(np.linspace(-1, 1, length)) ** 2 - 22 + rng.normal(0, 3)
            parts.append(syllable)
        parts.append(np.full(int(rng.integers(8, 30)), SILENCE_DB))
    return np.concatenate(parts)[: round(minutes * 60 * FPS)]


def silent(minutes: float) -> NDArray[np.float64]:
    """(T,) decibels of silence."""
    return np.full(round(minutes * 60 * FPS), SILENCE_DB)


def largest_return(series: NDArray[np.float64], shortest: int) -> float:
    """Largest autocorrelation at lags from `shortest` frames to a third of the series; 1 for what repeats."""
    centred = series - series.mean()
    size = 2 * len(centred)
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    correlation = np.fft.irfft(power)[: len(centred)] / np.arange(len(centred), 0, -1)
    return float((correlation / correlation[0])[shortest : len(centred) // 3].max())
