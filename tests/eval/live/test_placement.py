"""A recording is found where it was played, in pieces too, and its motion is put on the frames of the time line."""

import numpy as np
import pytest

from src.errors import DataError
from src.eval.live.placement import Placement, place, placed
from src.motion import CORE7, Motion

NOISE = np.random.default_rng(3).normal(0, 0.1, 32_000)


@pytest.mark.parametrize("lead", [0, 1, 1920])
def test_a_recording_is_found_to_the_sample(lead: int) -> None:
    track = np.concatenate([np.zeros(lead), 0.5 * NOISE, np.zeros(3000)])
    found = place(NOISE, track, 16_000)
    assert set(found.late_s) == {lead / 16_000}
    assert (found.start_s, found.num_pieces) == (lead / 16_000, 1)
    assert found.similarity == pytest.approx(1)


def test_a_recording_that_was_stretched_is_found_in_pieces() -> None:
    track = np.concatenate([NOISE[:16_000], np.zeros(8000), NOISE[16_000:]])
    found = place(NOISE, track, 16_000)
    assert found.late_s == (0, 0, 0.5, 0.5)
    assert found.num_pieces == 2
    assert found.similarity == pytest.approx(1)


def test_quiet_stretches_are_where_the_sound_before_them_is() -> None:
    quiet = NOISE.copy()
    quiet[:8000] = 0
    quiet[16_000:24_000] *= 1e-4
    found = place(quiet, np.concatenate([np.zeros(640), quiet]), 16_000)
    assert found.late_s == (0.04, 0.04, 0.04, 0.04)


def test_what_was_lost_lowers_the_similarity() -> None:
    cut = place(NOISE, np.concatenate([np.zeros(640), NOISE[:24_000]]), 16_000)
    assert cut.start_s == 0.04
    assert cut.similarity == pytest.approx(np.sqrt(0.75), abs=0.02)
    assert place(NOISE, NOISE[640:], 16_000).start_s == -0.04
    with pytest.raises(DataError, match="silent"):
        place(NOISE, np.zeros(100), 16_000)


def ramp(num_frames: int) -> Motion:
    values = np.zeros((num_frames, CORE7.size), np.float32)
    values[:, 0] = 0.01 * np.arange(1, num_frames + 1)
    return Motion(values, CORE7, 25.0)


def test_motion_goes_to_its_place_and_is_unknown_elsewhere() -> None:
    moved = placed(ramp(4), Placement((0.08,), 1.0), 8)
    np.testing.assert_allclose(moved.channel("jaw_open"), [0, 0, 0.01, 0.02, 0.03, 0.04, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(moved.valid, [0, 0, 1, 1, 1, 1, 0, 0])
    between = placed(ramp(4), Placement((-0.02,), 1.0), 5)
    np.testing.assert_allclose(between.channel("jaw_open"), [0.015, 0.025, 0.035, 0, 0], atol=1e-6)


def test_motion_of_pieces_leaves_out_what_lies_between_them() -> None:
    moved = placed(ramp(26), Placement((0.0, 0.12), 1.0), 32)  # half a second are 12.5 frames
    expected = np.concatenate([np.arange(1, 14), [0, 0, 0], np.arange(14, 27), [0, 0, 0]])[:32]
    np.testing.assert_allclose(moved.channel("jaw_open"), 0.01 * expected, atol=1e-6)
    assert moved.valid.sum() == 26
