"""Clips that move like speech, for tests of figures and controls."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from src.eval.cases import Case
from src.motion import CORE7, Motion

SAMPLE_RATE_HZ = 16000


def speaking(seed: int, *, speaker: str = "anna", num_frames: int = 150, word: bool = False) -> Case:
    """A clip whose prediction is its truth: syllables open the mouth, the sound is as loud as the mouth is open.

    Args:
        seed: another clip for another number.
        speaker: who speaks.
        num_frames: at 25 fps.
        word: True: silence, one word in the middle, silence, as clips are that were cut around words.
    """
    generator = np.random.default_rng(seed)
    times = np.arange(num_frames) / 25.0
    strength = gaussian_filter1d(generator.normal(size=num_frames), 2.0)
    mouth = np.clip(0.08 + 0.25 * strength, 0.0, 0.4)
    if word:
        mouth *= np.exp(-((np.arange(num_frames) - num_frames / 2) ** 2) / (2 * (num_frames / 8) ** 2))
    values = np.zeros((num_frames, CORE7.size), np.float32)
    values[:, CORE7.index("jaw_open")] = mouth
    for place, name in enumerate(("head_yaw", "head_pitch", "head_roll")):
        values[:, CORE7.index(name)] = 5.0 * np.sin(2 * np.pi * (0.4 + 0.1 * place) * times + seed)
    values[:, CORE7.index("eye_blink")] = np.where((np.arange(num_frames) % 60) // 5 == 3, 1.0, 0.0)
    envelope = np.interp(np.arange(num_frames * 640) / 640.0, np.arange(num_frames), mouth)
    sound = (envelope * generator.normal(size=num_frames * 640)).astype(np.float32)
    motion = Motion(values, CORE7)
    return Case(f"clip{seed}", speaker, "en", motion, motion, sound, SAMPLE_RATE_HZ)
