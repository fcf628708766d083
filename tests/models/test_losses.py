"""Losses are zero where they should be, look at what the mask names and have known values."""

import math

import pytest
import torch

from src.errors import ConfigError
from src.models.losses import L1, L2, Comparison, Concordance, Huber, MotionLoss, Smoothness, Velocity
from src.models.speech_losses import LipDistance, Sync, VolumeStability

MATCHING: list[MotionLoss] = [
    L1(weight=1),
    L2(weight=1),
    Huber(weight=1, delta=0.5),
    Velocity(weight=1),
    Concordance(weight=1),
    LipDistance(weight=1, closure_gain=5.0, scale=0.02),
]
LIPS_ALONE = [MATCHING[-1], Sync(weight=1, max_shift_frames=3, temperature=0.1, min_frames=5)]
EVERY_CHANNEL = [*MATCHING[:-1], Smoothness(weight=1), VolumeStability(weight=1, scale=0.3, reach_frames=1)]
ALL = [*EVERY_CHANNEL, *LIPS_ALONE]
EVEN = torch.ones(3)


def name(loss: MotionLoss) -> str:
    return type(loss).__name__


def motion(seed: int) -> torch.Tensor:
    return torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(seed))


def cost(
    loss: MotionLoss,
    prediction: torch.Tensor,
    target: torch.Tensor,
    mask: torch.Tensor,
    weights: torch.Tensor = EVEN,
    loudness: torch.Tensor | None = None,
) -> torch.Tensor:
    """Lips are the last channel, half open on average in units that make a deviation 0.05."""
    quiet = torch.zeros(mask.shape) if loudness is None else loudness
    lip = {"lip": 2, "lip_mean": torch.tensor(0.1), "lip_std": torch.tensor(0.05)}
    return loss(Comparison(prediction, target, mask, quiet, weights, **lip))


@pytest.mark.parametrize("loss", MATCHING, ids=name)
def test_the_right_answer_costs_nothing(loss: MotionLoss) -> None:
    assert cost(loss, motion(0), motion(0), torch.ones(2, 20, dtype=torch.bool)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("loss", ALL, ids=name)
def test_masked_frames_do_not_count_whatever_they_hold(loss: MotionLoss) -> None:
    mask = torch.ones(2, 20, dtype=torch.bool)
    mask[0, 5:9] = False
    target, worse = motion(0), motion(0)
    target[0, 5:9] = float("nan")
    worse[0, 5:9] = 1e6
    prediction = motion(1)
    assert cost(loss, prediction, target, mask) == cost(loss, prediction, worse, mask)


@pytest.mark.parametrize("loss", ALL, ids=name)
def test_an_empty_mask_costs_nothing_and_has_a_gradient(loss: MotionLoss) -> None:
    prediction = motion(1).requires_grad_()
    empty = cost(loss, prediction, motion(0), torch.zeros(2, 20, dtype=torch.bool))
    empty.backward()
    assert empty == 0
    assert prediction.grad is not None
    assert (prediction.grad == 0).all()


@pytest.mark.parametrize("loss", EVERY_CHANNEL, ids=name)
def test_a_channel_of_weight_zero_does_not_count(loss: MotionLoss) -> None:
    weights, mask = torch.tensor([1.0, 0.0, 2.0]), torch.ones(2, 20, dtype=torch.bool)
    prediction, other = motion(1), motion(1)
    other[:, :, 1] += motion(2)[:, :, 1]
    assert cost(loss, prediction, motion(0), mask, weights) == cost(loss, other, motion(0), mask, weights)


@pytest.mark.parametrize(
    ("loss", "expected"), [(L1(weight=1), 2.0), (L2(weight=1), 4.0), (Huber(weight=1, delta=0.5), 0.875)], ids=str
)
def test_a_constant_error_of_two_has_the_known_cost(loss: MotionLoss, expected: float) -> None:
    mask = torch.zeros(2, 20, dtype=torch.bool)
    mask[1, 3:6] = True
    assert cost(loss, motion(0) + 2, motion(0), mask) == pytest.approx(expected, rel=1e-5)


def test_velocity_ignores_an_offset_and_sees_a_slope() -> None:
    mask, ramp = torch.ones(2, 20, dtype=torch.bool), torch.arange(20.0)[None, :, None]
    assert cost(Velocity(weight=1), motion(0) + 5, motion(0), mask) == pytest.approx(0, abs=1e-10)
    assert cost(Velocity(weight=1), motion(0) + 3 * ramp, motion(0), mask) == pytest.approx(9, rel=1e-4)


def test_smoothness_allows_even_speed_and_sees_acceleration() -> None:
    mask, time = torch.ones(1, 20, dtype=torch.bool), torch.arange(20.0)[None, :, None].expand(1, 20, 3)
    assert cost(Smoothness(weight=1), 7 * time, motion(0), mask) == 0
    assert cost(Smoothness(weight=1), time.square(), motion(0), mask) == pytest.approx(4)


def test_changes_across_a_gap_do_not_count() -> None:
    mask = torch.ones(1, 20, dtype=torch.bool)
    mask[0, 10] = False
    jump = torch.zeros(1, 20, 3)
    jump[0, 10:] = 100.0
    assert cost(Velocity(weight=1), jump, torch.zeros(1, 20, 3), mask) == 0
    assert cost(Smoothness(weight=1), jump, torch.zeros(1, 20, 3), mask) == 0


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ConfigError, match="a weight is -1"):
        L1(weight=-1)


@pytest.mark.parametrize(
    ("size", "shift", "expected"),
    [(1.0, 0.0, 0.0), (0.5, 0.0, 0.2), (-1.0, 0.0, 2.0), (1.0, 1.0, 1 / 3), (0.0, 0.0, 1.0)],
    ids=["the truth", "half its size", "upside down", "one deviation too high", "the mean"],
)
def test_concordance_asks_for_shape_size_and_mean(size: float, shift: float, expected: float) -> None:
    truth = motion(0)
    truth = (truth - truth.mean(dim=(0, 1))) / truth.std(dim=(0, 1), correction=0)
    mask = torch.ones(2, 20, dtype=torch.bool)
    assert cost(Concordance(weight=1), size * truth + shift, truth, mask) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("loss", LIPS_ALONE, ids=name)
def test_terms_about_lips_look_at_lips_alone(loss: MotionLoss) -> None:
    mask, other = torch.ones(2, 20, dtype=torch.bool), motion(1)
    other[:, :, :2] += motion(2)[:, :, :2]
    assert cost(loss, motion(1), motion(0), mask) == cost(loss, other, motion(0), mask)


@pytest.mark.parametrize(
    ("opening", "expected"), [(0.0, 6.0), (0.02, 1 + 5 * math.exp(-1)), (1.0, 1.0), (-0.1, 6.0)], ids=str
)
def test_a_lip_error_of_one_deviation_counts_most_on_closures(opening: float, expected: float) -> None:
    target = torch.full((1, 4, 3), (opening - 0.1) / 0.05)
    loss = LipDistance(weight=1, closure_gain=5.0, scale=0.02)
    assert cost(loss, target + 1, target, torch.ones(1, 4, dtype=torch.bool)) == pytest.approx(expected, rel=1e-4)


def test_movement_costs_the_more_the_quieter_it_is() -> None:
    loss = VolumeStability(weight=1, scale=0.5, reach_frames=0)
    mask, step = torch.ones(1, 3, dtype=torch.bool), torch.tensor([0.0, 0.0, 2.0])[None, :, None].expand(1, 3, 3)
    for loudness, expected in (([0.0, 0.0, 0.0], 2.0), ([9.0, 0.5, 0.0], 2 * math.exp(-1)), ([0.0, 0.0, 50.0], 0.0)):
        assert cost(loss, step, motion(0)[:1, :3], mask, loudness=torch.tensor([loudness])) == pytest.approx(expected)


def test_lips_may_move_freely_within_reach_of_a_voice() -> None:
    loudness = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 99.0, 0.0]])
    mask = torch.ones(1, 8, dtype=torch.bool)
    loss, costs = VolumeStability(weight=1, scale=1, reach_frames=2), []
    for change in range(7):
        step = (torch.arange(8) > change).float()[None, :, None].expand(1, 8, 3)
        costs.append(7 * cost(loss, step, step, mask, loudness=loudness).item())
    assert costs == pytest.approx([1, 1, 1, 0, 0, 0, 0])


def test_a_mouth_that_is_late_costs_more_than_one_in_time() -> None:
    truth, mask = motion(0), torch.ones(2, 20, dtype=torch.bool)
    loss = Sync(weight=1, max_shift_frames=3, temperature=0.1, min_frames=5)
    in_time = cost(loss, truth, truth, mask).item()
    late = [cost(loss, truth.roll(shift, dims=1), truth, mask).item() for shift in (-2, -1, 1, 2)]
    assert in_time < 0.5
    assert min(late) > 5
    assert cost(loss, 3 * truth - 1, truth, mask).item() == pytest.approx(in_time, abs=1e-4)  # timing alone


def test_a_still_mouth_costs_the_logarithm_of_the_choices_and_a_still_truth_nothing() -> None:
    loss, mask = Sync(weight=1, max_shift_frames=3, temperature=0.1, min_frames=5), torch.ones(2, 20, dtype=torch.bool)
    still = torch.zeros(2, 20, 3)
    assert cost(loss, still, motion(0), mask) == pytest.approx(math.log(7), rel=1e-4)
    assert cost(loss, motion(0), still, mask) == 0
    assert cost(loss, motion(0), motion(0), mask & (torch.arange(20) < 7)) == 0  # too few frames are left at lag 3


@pytest.mark.parametrize("loss", ALL, ids=name)
def test_a_single_frame_has_a_finite_cost(loss: MotionLoss) -> None:
    assert cost(loss, motion(1)[:, :1], motion(0)[:, :1], torch.ones(2, 1, dtype=torch.bool)).isfinite()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"closure_gain is 1\.0 and scale 0"):
        LipDistance(weight=1, closure_gain=1.0, scale=0.0)
    with pytest.raises(ConfigError, match="scale is 1 and reach_frames -1"):
        VolumeStability(weight=1, scale=1, reach_frames=-1)
    with pytest.raises(ConfigError, match="max_shift_frames is 0"):
        Sync(weight=1, max_shift_frames=0, temperature=0.1, min_frames=5)
