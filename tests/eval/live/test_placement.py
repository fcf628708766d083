"""A recording is found where it was played, and its motion is put on the frames of the time line."""

import numpy as np
import pytest

from src.errors import DataError
from src.eval.live.placement import place, placed
from src.motion import CORE7, Motion

NOISE = np.random.default_rng(3).normal(0, 0.1, 16_000)


@pytest.mark.parametrize("lead", [0, 1, 1920])
def test_a_recording_is_found_to_the_sample(lead: int) -> None:
    track = np.concatenate([np.zeros(lead), 0.5 * NOISE, np.zeros(3000)])
    found = place(NOISE, track, 16_000)
    assert found.start_s == lead / 16_000
    assert found.similarity == pytest.approx(1)


def test_what_was_lost_lowers_the_similarity() -> None:
    whole = place(NOISE, np.concatenate([np.zeros(640), NOISE[:12_000]]), 16_000)
    assert whole.start_s == 0.04
    assert whole.similarity == pytest.approx(np.sqrt(0.75), abs=0.02)
    assert place(NOISE, NOISE[640:], 16_000).start_s == -0.04
    with pytest.raises(DataError, match="silent"):
        place(NOISE, np.zeros(100), 16_000)


def test_motion_goes_to_its_place_and_is_unknown_elsewhere() -> None:
    values = np.zeros((4, CORE7.size), np.float32)
    values[:, 0] = [0.1, 0.2, 0.3, 0.4]
    motion = Motion(values, CORE7, 25.0)
    moved = placed(motion, 0.08, 8)
    np.testing.assert_allclose(moved.channel("jaw_open"), [0, 0, 0.1, 0.2, 0.3, 0.4, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(moved.valid, [0, 0, 1, 1, 1, 1, 0, 0])
    between = placed(motion, -0.02, 5)
    np.testing.assert_allclose(between.channel("jaw_open"), [0.15, 0.25, 0.35, 0, 0], atol=1e-6)
