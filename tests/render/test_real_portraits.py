"""The renderer on photos and paintings of many kinds: what is asked for is found again."""

from pathlib import Path

import numpy as np
import pytest

from src.motion import CORE7
from src.render.avatar import Avatar, create_avatar
from src.render.closed_loop import measure_together, random_motion
from src.render.mesh import MeshRenderer
from src.render.portrait import load_portrait

PORTRAITS = (
    "aoc_ref.jpg", "cnn_anchor_still.png", "hepburn_bw.jpg", "man_actor1.jpg", "man_executive.png",
    "mead_M030_still.png", "mead_W023_still.png", "painting_woman.png", "studio_woman.png",
    "woman_actress1.jpg", "woman_actress2.png",
)  # fmt: skip


def real_avatar(shared: Path, name: str) -> Avatar:
    """Of one of `PORTRAITS`, as `scripts.make_avatar` makes it."""
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra `data`)")
    from src.data.landmarks import FaceFinder
    from src.data.person_matte import person_matte

    photo = load_portrait(shared / "data/real/portraits" / name)
    with FaceFinder() as finder:
        return create_avatar(photo, finder.find(photo), person_matte, 512, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", PORTRAITS)
def test_mouth_and_lids_follow_on_every_portrait(shared: Path, name: str) -> None:
    avatar = real_avatar(shared, name)
    from src.data.landmarks import FaceLandmarker

    renderer = MeshRenderer(size=512, grid_step=4, iterations=10)
    state = renderer.prepare(avatar)
    asked = random_motion(np.random.default_rng(0), 60)
    with FaceLandmarker(max_faces=1, static=True) as landmarker:
        loop = measure_together(
            asked, [landmarker.detect(renderer.render(state, frame)) for frame in (CORE7.neutral, *asked)]
        )
    assert loop.found == len(asked)
    assert loop.r["jaw_open"] >= 0.95
    assert loop.r["eye_blink"] >= 0.8
