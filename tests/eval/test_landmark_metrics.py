"""Known answers of the landmark metrics, and equality with the published forms where code of them is at hand."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from src.errors import MotionError
from src.eval import landmark_metrics
from src.eval.landmark_metrics import (
    fdd_absolute,
    fdd_per_point,
    fdd_signed,
    lmd,
    lve_root,
    lve_squared,
    mod,
    mve,
)
from src.eval.metrics import Measurement
from tests.eval.documented import assert_documented

NEUTRAL = np.zeros((5, 3))


def face(seed: int = 0, num_frames: int = 40, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal((num_frames, 5, 3))


def still(num_frames: int = 40) -> np.ndarray:
    return np.tile(face(3, 1), (num_frames, 1, 1))


@pytest.mark.parametrize(
    "metric",
    [
        lve_squared,
        lve_root,
        mve,
        lmd,
        fdd_per_point,
        lambda a, b: fdd_signed(a, b, NEUTRAL),
        lambda a, b: fdd_absolute(a, b, NEUTRAL),
        lambda a, b: mod(a[:, :2], a[:, 2:4], b[:, :2], b[:, 2:4]),
    ],
)
class TestEveryMetric:
    def test_is_zero_on_identical_points(self, metric: Callable[..., Measurement]) -> None:
        assert metric(face(), face()).value == 0.0

    def test_does_not_change_with_the_order_of_frames(self, metric: Callable[..., Measurement]) -> None:
        order = np.random.default_rng(1).permutation(40)
        plain, mixed = metric(face(1), face(2)).value, metric(face(1)[order], face(2)[order]).value
        assert mixed == pytest.approx(plain)
        assert plain != 0

    def test_too_few_frames_give_a_reason(self, metric: Callable[..., Measurement]) -> None:
        assert metric(face(1, 9), face(2, 9)).reason == "9 frames, 10 are needed"

    def test_unequal_shapes_are_a_mistake(self, metric: Callable[..., Measurement]) -> None:
        with pytest.raises(MotionError, match="the same frames and points"):
            metric(face(1, 20), face(2, 21))


def test_lve_is_the_worst_point_squared_and_its_root_in_the_other_form() -> None:
    predicted = still()
    predicted[:, 2] += [3.0, 0.0, 4.0]
    predicted[:, 1] += [1.0, 0.0, 0.0]
    assert lve_squared(predicted, still()).value == pytest.approx(25.0)
    assert lve_root(predicted, still()).value == pytest.approx(5.0)


def test_the_root_of_lve_is_outside_the_mean_over_frames() -> None:
    predicted = still()
    predicted[::2, 0, 0] += 2.0
    assert lve_squared(predicted, still()).value == pytest.approx(2.0)
    assert lve_root(predicted, still()).value == pytest.approx(np.sqrt(2.0))


def test_lve_squared_equals_torchmetrics() -> None:
    functional = pytest.importorskip("torchmetrics.functional.multimodal", reason="torchmetrics is missing")
    if not hasattr(functional, "lip_vertex_error"):
        pytest.skip("torchmetrics before 1.8 has no lip_vertex_error")
    lips = [0, 3, 4]
    expected = functional.lip_vertex_error(torch.from_numpy(face(1)), torch.from_numpy(face(2)), lips)
    assert lve_squared(face(1)[:, lips], face(2)[:, lips]).value == pytest.approx(float(expected))


def swinging(amplitude: float, direction: tuple[float, float, float]) -> np.ndarray:
    """Points that step between 0 and amplitude x direction: squared length and sum have simple deviations."""
    phase = np.tile([0.0, 1.0], 20)[:, None, None]
    return np.tile(amplitude * phase * np.array(direction), (1, 5, 1))


def test_fdd_of_a_still_prediction_is_the_liveliness_of_the_truth_with_its_sign() -> None:
    truth, rest = swinging(2.0, (0.0, 1.0, 0.0)), np.zeros((40, 5, 3))
    assert fdd_signed(rest, truth, NEUTRAL).value == pytest.approx(2.0), "squared length steps between 0 and 4"
    assert fdd_signed(truth, rest, NEUTRAL).value == pytest.approx(-2.0)
    assert fdd_absolute(truth, rest, NEUTRAL).value == pytest.approx(2.0)


def test_signed_fdd_of_two_clips_can_cancel_and_the_absolute_one_does_not() -> None:
    lively, calm = swinging(2.0, (1.0, 0.0, 0.0)), swinging(1.0, (1.0, 0.0, 0.0))
    pairs = [(lively, calm), (calm, lively)]
    assert np.mean([fdd_signed(*pair, NEUTRAL).value for pair in pairs]) == pytest.approx(0.0)
    assert np.mean([fdd_absolute(*pair, NEUTRAL).value for pair in pairs]) == pytest.approx(1.5)


def test_fdd_is_about_movement_from_the_neutral_face() -> None:
    neutral = face(7, 1)[0]
    truth, rest = swinging(2.0, (0.0, 1.0, 0.0)) + neutral, np.zeros((40, 5, 3)) + neutral
    assert fdd_signed(rest, truth, neutral).value == pytest.approx(2.0)
    with pytest.raises(MotionError, match="the same points of the face at rest"):
        fdd_signed(rest, truth, neutral[:4])


def test_fdd_per_point_is_a_hundred_times_the_deviation_of_the_sum_and_blind_to_opposite_axes() -> None:
    rest = np.zeros((40, 5, 3))
    assert fdd_per_point(rest, swinging(2.0, (0.0, 1.0, 0.0))).value == pytest.approx(100.0)
    assert fdd_per_point(rest, swinging(2.0, (1.0, -1.0, 0.0))).value == pytest.approx(0.0)


def test_fdd_per_point_does_not_let_points_cancel() -> None:
    first, second = np.zeros((40, 2, 3)), np.zeros((40, 2, 3))
    first[::2, 0, 0] = second[::2, 1, 0] = 2.0
    assert fdd_per_point(first, second).value == pytest.approx(100.0)


def test_mve_is_the_mean_distance() -> None:
    predicted = still()
    predicted[:, 0] += [3.0, 4.0, 0.0]
    assert mve(predicted, still()).value == pytest.approx(1.0)


def test_lmd_ignores_where_the_mouth_is_and_sees_its_shape() -> None:
    wander = np.random.default_rng(4).standard_normal((40, 1, 3))
    assert lmd(face() + wander, face()).value == pytest.approx(0.0, abs=1e-12)
    square = np.tile([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]], (40, 1, 1))
    assert lmd(1.5 * square + 9, square).value == pytest.approx(0.5 * np.sqrt(2))


def test_mod_is_the_difference_of_openings_and_does_not_see_the_head_move() -> None:
    upper = face()[:, :2]
    lower = np.add(upper, [0.0, 0.3, 0.0])
    wander = np.random.default_rng(4).standard_normal((40, 1, 3))
    wider = upper + wander + [0.0, 0.5, 0.0]
    assert mod(upper + wander, wider, upper, lower).value == pytest.approx(0.2)


@pytest.mark.parametrize(("metric", "power"), [(lve_squared, 2), (lve_root, 1), (mve, 1), (lmd, 1), (fdd_per_point, 1)])
def test_units_scale_as_the_definition_says(metric: Callable[..., Measurement], power: int) -> None:
    plain, scaled = metric(face(1), face(2)).value, metric(10 * face(1), 10 * face(2)).value
    assert scaled == pytest.approx(10**power * (plain or 0))


def test_every_metric_says_its_id_version_unit_and_source_in_its_docstring() -> None:
    documented = {
        landmark_metrics.LVE_SQUARED: lve_squared,
        landmark_metrics.LVE_ROOT: lve_root,
        landmark_metrics.FDD_SIGNED: fdd_signed,
        landmark_metrics.FDD_ABSOLUTE: fdd_absolute,
        landmark_metrics.FDD_PER_POINT: fdd_per_point,
        landmark_metrics.MVE: mve,
        landmark_metrics.LMD: lmd,
        landmark_metrics.MOD: mod,
    }
    for metric, function in documented.items():
        assert_documented(metric, function)
