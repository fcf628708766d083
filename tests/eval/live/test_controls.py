"""The control that needs no model opens the mouth with the sound, as far as the reference."""

import numpy as np
import pytest

from src.eval.cases import Case
from src.eval.live.controls import loudness_row
from src.motion import CORE7, Motion


def test_the_mouth_opens_with_the_loudness_and_as_far_as_the_reference() -> None:
    size = 0.5 + 0.5 * np.sin(2 * np.pi * np.arange(32_000) / 16_000)
    waveform = (0.3 * size * np.tile([1, -1], 16_000)).astype(np.float32)
    values = np.zeros((50, CORE7.size), np.float32)
    values[:, 0] = np.linspace(0, 0.2, 50)
    motion = Motion(values, CORE7, 25.0)
    row = loudness_row([Case("clip", "clip", "", motion, motion, waveform, 16_000)])
    predicted = row.draws[0][0].predicted
    mouth = predicted.channel("jaw_open")
    assert row.kind == "control"
    assert np.percentile(mouth, 95) == pytest.approx(np.percentile(values[:, 0], 95), rel=1e-3)
    assert np.corrcoef(mouth, size[::640])[0, 1] > 0.99
    assert not predicted.values[:, 1:].any()
