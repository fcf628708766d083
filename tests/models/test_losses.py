"""Losses are zero where they should be, look at what the mask names and have known values."""

import pytest
import torch

from src.errors import ConfigError
from src.models.losses import L1, L2, Concordance, Huber, MotionLoss, Smoothness, Velocity

MATCHING: list[MotionLoss] = [
    L1(weight=1),
    L2(weight=1),
    Huber(weight=1, delta=0.5),
    Velocity(weight=1),
    Concordance(weight=1),
]
ALL = [*MATCHING, Smoothness(weight=1)]
EVEN = torch.ones(3)


def name(loss: MotionLoss) -> str:
    return type(loss).__name__


def motion(seed: int) -> torch.Tensor:
    return torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("loss", MATCHING, ids=name)
def test_the_right_answer_costs_nothing(loss: MotionLoss) -> None:
    cost = loss(motion(0), motion(0), torch.ones(2, 20, dtype=torch.bool), EVEN)
    assert cost == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("loss", ALL, ids=name)
def test_masked_frames_do_not_count_whatever_they_hold(loss: MotionLoss) -> None:
    mask = torch.ones(2, 20, dtype=torch.bool)
    mask[0, 5:9] = False
    target, worse = motion(0), motion(0)
    target[0, 5:9] = float("nan")
    worse[0, 5:9] = 1e6
    prediction = motion(1)
    assert loss(prediction, target, mask, EVEN) == loss(prediction, worse, mask, EVEN)


@pytest.mark.parametrize("loss", ALL, ids=name)
def test_an_empty_mask_costs_nothing_and_has_a_gradient(loss: MotionLoss) -> None:
    prediction = motion(1).requires_grad_()
    cost = loss(prediction, motion(0), torch.zeros(2, 20, dtype=torch.bool), EVEN)
    cost.backward()
    assert cost == 0
    assert prediction.grad is not None
    assert (prediction.grad == 0).all()


@pytest.mark.parametrize("loss", ALL, ids=name)
def test_a_channel_of_weight_zero_does_not_count(loss: MotionLoss) -> None:
    weights, mask = torch.tensor([1.0, 0.0, 2.0]), torch.ones(2, 20, dtype=torch.bool)
    prediction, other = motion(1), motion(1)
    other[:, :, 1] += motion(2)[:, :, 1]
    assert loss(prediction, motion(0), mask, weights) == loss(other, motion(0), mask, weights)


@pytest.mark.parametrize(
    ("loss", "expected"), [(L1(weight=1), 2.0), (L2(weight=1), 4.0), (Huber(weight=1, delta=0.5), 0.875)], ids=str
)
def test_a_constant_error_of_two_has_the_known_cost(loss: MotionLoss, expected: float) -> None:
    mask = torch.zeros(2, 20, dtype=torch.bool)
    mask[1, 3:6] = True
    assert loss(motion(0) + 2, motion(0), mask, EVEN) == pytest.approx(expected, rel=1e-5)


def test_velocity_ignores_an_offset_and_sees_a_slope() -> None:
    mask, ramp = torch.ones(2, 20, dtype=torch.bool), torch.arange(20.0)[None, :, None]
    assert Velocity(weight=1)(motion(0) + 5, motion(0), mask, EVEN) == pytest.approx(0, abs=1e-10)
    assert Velocity(weight=1)(motion(0) + 3 * ramp, motion(0), mask, EVEN) == pytest.approx(9, rel=1e-4)


def test_smoothness_allows_even_speed_and_sees_acceleration() -> None:
    mask, time = torch.ones(1, 20, dtype=torch.bool), torch.arange(20.0)[None, :, None].expand(1, 20, 3)
    assert Smoothness(weight=1)(7 * time, motion(0), mask, EVEN) == 0
    assert Smoothness(weight=1)(time.square(), motion(0), mask, EVEN) == pytest.approx(4)


def test_changes_across_a_gap_do_not_count() -> None:
    mask = torch.ones(1, 20, dtype=torch.bool)
    mask[0, 10] = False
    jump = torch.zeros(1, 20, 3)
    jump[0, 10:] = 100.0
    assert Velocity(weight=1)(jump, torch.zeros(1, 20, 3), mask, EVEN) == 0
    assert Smoothness(weight=1)(jump, torch.zeros(1, 20, 3), mask, EVEN) == 0


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ConfigError, match="a weight is -1"):
        L1(weight=-1)


@pytest.mark.parametrize(
    ("size", "shift", "cost"),
    [(1.0, 0.0, 0.0), (0.5, 0.0, 0.2), (-1.0, 0.0, 2.0), (1.0, 1.0, 1 / 3), (0.0, 0.0, 1.0)],
    ids=["the truth", "half its size", "upside down", "one deviation too high", "the mean"],
)
def test_concordance_asks_for_shape_size_and_mean(size: float, shift: float, cost: float) -> None:
    truth = motion(0)
    truth = (truth - truth.mean(dim=(0, 1))) / truth.std(dim=(0, 1), correction=0)
    mask = torch.ones(2, 20, dtype=torch.bool)
    assert Concordance(weight=1)(size * truth + shift, truth, mask, EVEN) == pytest.approx(cost, abs=1e-5)
