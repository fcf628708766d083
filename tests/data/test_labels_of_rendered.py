"""Labels against known motion: rendered faces, seen by FaceMesh as a camera's pictures would be."""

import numpy as np
import pytest

from scripts.make_avatar import builtin_avatar
from src.data.labels import label_core7
from src.data.landmarks import FaceLandmarker
from src.motion import CORE7, Motion
from src.render.mesh import MeshRenderer

SIZE, FRAMES = 384, 200


@pytest.fixture(scope="module")
def asked() -> np.ndarray:
    """(T, 7) eight seconds of a mouth that talks, lids that blink and a head that sways."""
    generator = np.random.default_rng(0)
    time = np.arange(FRAMES) / 25

    def waves(low_hz: float, high_hz: float) -> np.ndarray:
        frequencies, phases = generator.uniform(low_hz, high_hz, 5), generator.uniform(0, 2 * np.pi, 5)
        return np.sin(2 * np.pi * frequencies * time[:, None] + phases).sum(axis=1) / np.sqrt(2.5)

    frames = np.zeros((FRAMES, CORE7.size), np.float32)
    frames[:, 0] = np.clip(0.06 + 0.06 * waves(2, 4), 0, 0.3)
    width = 0.03 * waves(0.8, 2.5)
    frames[:, 1], frames[:, 2] = np.maximum(width, 0), np.maximum(-width, 0)
    frames[:, 3:6] = np.stack([4 * waves(0.1, 0.6), 3 * waves(0.1, 0.6), 2 * waves(0.1, 0.6)], axis=1)
    for start in (20, 75, 140, 180):
        frames[start : start + 6, 6] = [0.4, 1, 1, 1, 0.6, 0.2]
    return frames


@pytest.fixture(scope="module")
def labelled(asked: np.ndarray) -> Motion:
    renderer = MeshRenderer(size=SIZE, grid_step=8, iterations=4)
    state = renderer.prepare(builtin_avatar(SIZE))
    with FaceLandmarker(max_faces=1, static=False) as landmarker:
        landmarks = np.array([landmarker.detect(renderer.render(state, frame))[0] for frame in asked])
    return label_core7(landmarks, np.ones(FRAMES, bool), 25.0, 0.0)


@pytest.mark.parametrize(
    ("channel", "least"),
    [
        ("jaw_open", 0.97),
        ("mouth_wide", 0.88),
        ("mouth_narrow", 0.85),
        ("head_yaw", 0.99),
        ("head_pitch", 0.96),
        ("head_roll", 0.98),
        ("eye_blink", 0.97),
    ],
)
def test_labels_follow_what_was_asked_without_lag(
    labelled: Motion, asked: np.ndarray, channel: str, least: float
) -> None:
    index = CORE7.index(channel)
    measured, wanted = labelled.channel(channel).astype(np.float64), asked[:, index].astype(np.float64)
    assert np.corrcoef(measured, wanted)[0, 1] >= least
    # Lag from three shifts and a parabola through them.
    scores = [np.corrcoef(measured[5 + k : FRAMES - 5 + k], wanted[5:-5])[0, 1] for k in (-1, 0, 1)]
    shift = (scores[0] - scores[2]) / (2 * (scores[0] - 2 * scores[1] + scores[2]))
    # The slow sway of a single clip says little about milliseconds; 50 clips together have head lags below 8 ms.
    assert abs(shift * 40) < (20 if channel.startswith("head") else 10)
