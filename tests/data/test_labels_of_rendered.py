"""Labels against known motion: rendered faces, seen by FaceMesh as a camera's pictures would be.

One clip says little about milliseconds. Of the slow sway of a head, eight seconds hold few turns, and whatever a turn
one way changes in the reading of another (a nod in the roll, say) falls on them by chance: over eight clips of the
same head the lag of pitch reads from -49 to 35 ms, of roll from -42 to 12, with standard deviations of 24 and 16 ms,
and a change of a few grey levels moves it by 10. All together read at most 5 ms for any channel of the head, and
2 for the others. Halves of the width read r = 0.81 to 0.92. So all is judged over all clips together, more strictly
than one clip could be.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from scripts.make_avatar import builtin_avatar
from src.data.labels import label_core7
from src.data.landmarks import FaceLandmarker
from src.motion import CORE7
from src.render.mesh import MeshRenderer

SIZE, FRAMES, CLIPS = 384, 200, 8
MILLISECONDS = 40.0
"""Per frame."""

Clips = NDArray[np.float64]


def sway(seed: int) -> NDArray[np.float32]:
    """(T, 7) eight seconds of a mouth that talks, lids that blink and a head that sways."""
    generator = np.random.default_rng(seed)
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
def asked() -> Clips:
    """(C, T, 7) what the clips were asked for."""
    return np.array([sway(seed) for seed in range(CLIPS)], np.float64)


@pytest.fixture(scope="module")
def labelled(asked: Clips) -> Clips:
    """(C, T, 7) what is read from their pictures."""
    renderer = MeshRenderer(size=SIZE, grid_step=8, iterations=4)
    state = renderer.prepare(builtin_avatar(SIZE))
    labels = []
    for clip in asked:
        with FaceLandmarker(max_faces=1, static=False) as landmarker:
            landmarks = np.array([landmarker.detect(renderer.render(state, frame))[0] for frame in clip])
        labels.append(label_core7(landmarks, np.ones(FRAMES, bool), 25.0, 0.0).values)
    return np.array(labels, np.float64)


def agreement(measured: Clips, wanted: Clips) -> float:
    """Correlation of (C, T) clips, each about its own mean: a clip's labels are relative to its own neutral."""
    first, second = (clips - clips.mean(axis=1, keepdims=True) for clips in (measured, wanted))
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def lag_ms(measured: Clips, wanted: Clips) -> float:
    """Of (C, T) clips together, from three shifts and a parabola through them; positive: labels come late."""
    before, at, after = (agreement(measured[:, 5 + k : FRAMES - 5 + k], wanted[:, 5:-5]) for k in (-1, 0, 1))
    return MILLISECONDS * (before - after) / (2 * (before - 2 * at + after))


@pytest.mark.parametrize(
    ("channel", "least"),
    [
        ("jaw_open", 0.98),
        ("mouth_wide", 0.88),
        ("mouth_narrow", 0.85),
        ("head_yaw", 0.995),
        ("head_pitch", 0.965),
        ("head_roll", 0.985),
        ("eye_blink", 0.98),
    ],
)
def test_labels_follow_what_was_asked(labelled: Clips, asked: Clips, channel: str, least: float) -> None:
    measured, wanted = (clips[..., CORE7.index(channel)] for clips in (labelled, asked))
    assert agreement(measured, wanted) >= least


@pytest.mark.parametrize("channel", CORE7.names)
def test_labels_do_not_lag(labelled: Clips, asked: Clips, channel: str) -> None:
    measured, wanted = (clips[..., CORE7.index(channel)] for clips in (labelled, asked))
    assert abs(lag_ms(measured, wanted)) < (10 if channel.startswith("head") else 5)


def test_the_width_of_the_mouth_follows_as_a_whole(labelled: Clips, asked: Clips) -> None:
    measured, wanted = (
        clips[..., CORE7.index("mouth_wide")] - clips[..., CORE7.index("mouth_narrow")] for clips in (labelled, asked)
    )
    assert agreement(measured, wanted) >= 0.9


def test_a_lag_of_a_frame_would_be_seen(labelled: Clips, asked: Clips) -> None:
    index = CORE7.index("head_yaw")
    late = np.roll(labelled[..., index], 1, axis=1)
    assert lag_ms(late, asked[..., index]) > 0.7 * MILLISECONDS
