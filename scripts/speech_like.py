"""A made-up sound with what matters of speech: pitch that glides, moving resonances, hiss, syllables and pauses.

For measuring models where no recording is at hand. Nobody would understand it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

_PIECE_S = 0.02
_FORMANTS_HZ = np.array([[730, 1090, 2440], [270, 2290, 3010], [300, 870, 2240], [530, 1840, 2480], [570, 840, 2410]])
"""Of the vowels in "father", "see", "who", "head" and "law" (Peterson and Barney: Control Methods in a Study of the
Vowels, 1952)."""


def speech_like(seconds: float, sample_rate_hz: int, seed: int) -> NDArray[np.float32]:
    """(S,) mono in [-1, 1]; a third of it is pause, some of that digital silence."""
    generator = np.random.default_rng(seed)
    num_samples = round(seconds * sample_rate_hz)
    times_s = np.arange(num_samples) / sample_rate_hz
    pitch_hz = 130 + 40 * np.sin(2 * np.pi * 0.31 * times_s) + 10 * np.sin(2 * np.pi * 5.1 * times_s)
    phase = np.cumsum(pitch_hz) / sample_rate_hz
    source = np.diff(np.floor(phase), prepend=0.0) + 0.01 * generator.standard_normal(num_samples)

    syllable = np.floor(4.3 * times_s).astype(int)
    vowel = generator.integers(len(_FORMANTS_HZ), size=syllable.max() + 1)
    loudness = generator.uniform(0.05, 1.0, syllable.max() + 1) * (generator.random(syllable.max() + 1) < 0.7)
    sound, piece = np.zeros(num_samples), round(_PIECE_S * sample_rate_hz)
    memories = np.zeros((3, 2))
    for start in range(0, num_samples, piece):
        part = source[start : start + piece]
        for index, formant_hz in enumerate(_FORMANTS_HZ[vowel[syllable[start]]]):
            radius, angle = np.exp(-np.pi * 90 / sample_rate_hz), 2 * np.pi * formant_hz / sample_rate_hz
            poles = [1.0, -2 * radius * np.cos(angle), radius**2]
            part, memories[index] = lfilter([1 - radius], poles, part, zi=memories[index])
        sound[start : start + len(part)] = part
    hiss = 0.02 * generator.standard_normal(num_samples) * (np.sin(2 * np.pi * 1.7 * times_s) > 0.8)
    envelope = np.sin(np.pi * (4.3 * times_s % 1)) ** 2 * loudness[syllable]
    sound = envelope * (sound / np.abs(sound).max() + hiss)
    return (0.7 * sound / np.abs(sound).max()).astype(np.float32)
