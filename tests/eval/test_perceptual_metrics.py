"""MTM reads a known shift, SLCC a known relation; warping equals its plain recurrence."""

import numpy as np
import pytest

from src.errors import MotionError
from src.eval import perceptual_metrics
from src.eval.perceptual_metrics import lip_intensity, mtm, slcc, warp
from tests.eval.documented import assert_documented

FPS = 25.0
TIMES = np.arange(200) / FPS


def bumps(shift_s: float = 0.0) -> np.ndarray:
    """Openings of different heights, so that warping can tell them apart."""
    heights = [0.1, 0.25, 0.15, 0.3, 0.2, 0.12]
    return np.sum([h * np.exp(-(((TIMES - shift_s - 1 - 1.1 * i) / 0.15) ** 2)) for i, h in enumerate(heights)], axis=0)


def test_identical_curves_have_no_misalignment() -> None:
    assert mtm(bumps(), bumps(), fps=FPS).value == 0.0


@pytest.mark.parametrize("frames", [-3, 1, 2, 4])
def test_a_shift_by_whole_frames_is_read_without_its_sign(frames: int) -> None:
    assert mtm(bumps(frames / FPS), bumps(), fps=FPS).value == pytest.approx(abs(frames) * 1000 / FPS, abs=2)


def test_an_offset_costs_nothing() -> None:
    shifted = bumps(0.08)
    assert mtm(shifted + 0.3, bumps(), fps=FPS).value == mtm(shifted, bumps(), fps=FPS).value


def test_still_and_short_curves_have_a_reason_and_unequal_ones_are_a_mistake() -> None:
    assert mtm(np.zeros(200), bumps(), fps=FPS).reason == "no openings or closings of both curves correspond"
    assert mtm(np.zeros(9), np.zeros(9), fps=FPS).reason == "9 frames, 10 are needed"
    with pytest.raises(MotionError, match="Sample both at the same times"):
        mtm(bumps()[:50], bumps()[:51], fps=FPS)


@pytest.mark.parametrize(("num_first", "num_second"), [(12, 12), (7, 15), (15, 7)])
def test_warping_by_diagonals_costs_what_the_plain_recurrence_costs(num_first: int, num_second: int) -> None:
    random = np.random.default_rng(num_first)
    first, second = random.standard_normal(num_first), random.standard_normal(num_second)
    slopes = np.diff(first, prepend=first[0]), np.diff(second, prepend=second[0])
    costs = np.abs(slopes[0][:, None] - slopes[1][None, :])
    total = np.full((num_first + 1, num_second + 1), np.inf)
    total[0, 0] = 0
    for i in range(num_first):
        for j in range(num_second):
            total[i + 1, j + 1] = costs[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    path = warp(first, second)
    assert costs[path[:, 0], path[:, 1]].sum() == pytest.approx(total[-1, -1])
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [num_first - 1, num_second - 1]
    assert set(map(tuple, np.diff(path, axis=0).tolist())) <= {(0, 1), (1, 0), (1, 1)}


def test_lip_intensity_of_even_movement_is_its_step_wherever_the_mouth_is() -> None:
    walk = np.arange(20)[:, None, None] * np.array([3.0, 4.0, 0.0]) + np.zeros((20, 6, 1))
    assert lip_intensity(walk) == pytest.approx(5.0)
    assert lip_intensity(walk + 100) == pytest.approx(5.0)
    assert lip_intensity(np.ones((20, 6, 3))) == 0.0
    with pytest.raises(MotionError, match="2 frames or more"):
        lip_intensity(np.ones((1, 6, 3)))


def test_slcc_is_one_for_a_line_per_speaker_whatever_their_gain() -> None:
    speech = np.random.default_rng(0).uniform(0.1, 1, 20)
    speakers = ["a"] * 8 + ["b"] * 12
    gains, floors = np.repeat([0.2, 3.0], [8, 12]), np.repeat([1.0, -1.0], [8, 12])
    assert slcc(gains * speech + floors, speech, speakers).value == pytest.approx(1.0)
    assert slcc(-gains * speech, speech, speakers).value == pytest.approx(-1.0)


def test_slcc_does_not_depend_on_the_order_of_clips_or_on_units() -> None:
    random = np.random.default_rng(1)
    lips, speech, speakers = random.uniform(0, 1, 30), random.uniform(0, 1, 30), ["a", "b", "c"] * 10
    plain, order = slcc(lips, speech, speakers).value, random.permutation(30)
    mixed = slcc(1e-6 * lips[order], 32768 * speech[order], [speakers[i] for i in order]).value
    assert mixed == pytest.approx(plain)


def test_slcc_leaves_out_speakers_without_spread_and_says_when_nothing_is_left() -> None:
    speech = np.linspace(0.1, 1, 12)
    lips, speakers = speech.copy(), ["a"] * 11 + ["alone"]
    lips[-1] = 99.0
    assert slcc(lips, speech, speakers).value == pytest.approx(1.0)
    still = slcc(np.full(12, 0.3), speech, speakers)
    assert still.reason == "0 clips of speakers with several, 10 are needed"
    with pytest.raises(MotionError, match="Give one of each per clip"):
        slcc(lips, speech, speakers[:5])


def test_every_metric_says_its_id_version_unit_and_source_in_its_docstring() -> None:
    for metric, function in {perceptual_metrics.MTM: mtm, perceptual_metrics.SLCC: slcc}.items():
        assert_documented(metric, function)
