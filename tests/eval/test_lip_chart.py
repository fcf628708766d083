"""The picture of two lip curves."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pictures need the extra `data`")

from src.eval.lip_chart import HEIGHT_PX, WIDTH_PX, lip_chart

FRAMES = 50


def chart(opening: float = 0.1, valid: np.ndarray | None = None, num_samples: int = 32_000) -> np.ndarray:
    reference = opening * np.abs(np.sin(np.arange(FRAMES) / 3))
    seen = np.ones(FRAMES, bool) if valid is None else valid
    waveform = np.sin(np.arange(num_samples)).astype(np.float32)
    return lip_chart(
        0.5 * reference, reference, seen, waveform, fps=25.0, sample_rate_hz=16_000, unit="ratio", title="two\nlines"
    )


def share_of(picture: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((np.abs(picture.astype(int) - colour).max(axis=2) < 12).mean())


def test_a_chart_shows_both_curves_and_the_sound() -> None:
    picture = chart()
    assert picture.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert picture.dtype == np.uint8
    for colour in ((213, 94, 0), (0, 114, 178)):
        assert 0.001 < share_of(picture, colour) < 0.1
    assert share_of(picture, (195, 203, 212)) > 0.3
    assert share_of(chart(num_samples=0), (195, 203, 212)) < 0.01


def test_guessed_frames_are_shaded() -> None:
    seen = np.ones(FRAMES, bool)
    seen[20:30] = False
    assert not np.array_equal(chart(), chart(valid=seen))


def test_lips_that_never_open_can_be_drawn() -> None:
    assert chart(opening=0.0).shape == (HEIGHT_PX, WIDTH_PX, 3)
