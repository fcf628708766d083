"""The correlation within windows has known values, and looks at nothing but shape."""

import pytest
import torch

from src.errors import ConfigError
from src.models.losses import Comparison
from src.models.window_correlation import WindowCorrelation

LOSS = WindowCorrelation(weight=1.0, min_frames=5, still=0.01)
EVEN = torch.ones(3)


def motion(seed: int) -> torch.Tensor:
    return torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(seed))


def cost(prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    mask = torch.ones(target.shape[:2], dtype=torch.bool) if mask is None else mask
    lip = {"lip": 2, "lip_mean": torch.tensor(0.1), "lip_std": torch.tensor(0.05)}
    return LOSS(Comparison(prediction, target, mask, torch.zeros(mask.shape), EVEN, **lip))


def test_mean_and_size_of_each_window_cost_nothing() -> None:
    scale, offset = torch.tensor([0.3, 4.0])[:, None, None], torch.tensor([2.0, -1.0])[:, None, None]
    assert cost(scale * motion(0) + offset, motion(0)) == pytest.approx(0, abs=1e-5)


def test_opposite_movement_costs_two_and_none_costs_one() -> None:
    assert cost(-motion(0), motion(0)) == pytest.approx(2, abs=1e-5)
    assert cost(torch.zeros(2, 20, 3), motion(0)) == pytest.approx(1)


def test_it_is_one_minus_the_correlation_of_the_frames_that_count() -> None:
    mask = torch.ones(2, 20, dtype=torch.bool)
    mask[:, 12:] = False
    rows = [
        torch.corrcoef(torch.stack([motion(1)[b, :12, c], motion(0)[b, :12, c]]))[0, 1]
        for b in range(2)
        for c in range(3)
    ]
    spoilt = motion(0)
    spoilt[:, 12:] = float("nan")
    assert cost(motion(1), spoilt, mask) == pytest.approx(1 - float(torch.stack(rows).mean()), abs=1e-4)


def test_windows_with_few_frames_and_empty_masks_cost_nothing() -> None:
    mask = torch.zeros(2, 20, dtype=torch.bool)
    prediction = motion(1).requires_grad_()
    loss = cost(prediction, motion(0), mask)
    loss.backward()
    assert loss == 0
    assert prediction.grad is not None
    assert not prediction.grad.isnan().any()
    mask[0, :4] = True
    assert cost(motion(1), motion(0), mask) == 0


def test_motion_that_stands_still_has_a_finite_gradient() -> None:
    prediction = torch.zeros(2, 20, 3, requires_grad=True)
    cost(prediction, torch.zeros(2, 20, 3)).backward()
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="min_frames 1 and still 0.1"):
        WindowCorrelation(weight=1.0, min_frames=1, still=0.1)
