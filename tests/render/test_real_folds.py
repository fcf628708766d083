"""Nothing folds when the heads of photos and paintings of many kinds turn as far as they can, and speak."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from src.motion import CORE7
from src.render.mesh import MeshRenderer
from tests.render.mesh.test_renderer import smallest_shown_area
from tests.render.test_real_portraits import PORTRAITS, real_avatar

STEP = 4
LEAST = 0.2
"""Area of the portrait that a shown pixel looks at, at least: less is a fold, or a smear."""


@pytest.mark.slow
@pytest.mark.parametrize("name", PORTRAITS)
def test_no_turn_of_a_speaking_head_folds(shared: Path, name: str) -> None:
    renderer = MeshRenderer(size=512, grid_step=STEP, iterations=10)
    state = renderer.prepare(real_avatar(shared, name))
    for turn in itertools.product((-30, -15, 0, 15, 30), (-20, 0, 20), (-20, 0, 20)):
        for jaw in (0.0, 0.25):
            frame = CORE7.neutral.copy()
            frame[CORE7.index("jaw_open")] = jaw
            frame[[CORE7.index(channel) for channel in ("head_yaw", "head_pitch", "head_roll")]] = turn
            area = smallest_shown_area(renderer, state, np.asarray(frame, np.float32)) / STEP**2
            assert area > LEAST, (turn, jaw)
