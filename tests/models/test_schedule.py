"""The learning rate rises, falls and stays."""

import pytest
import torch

from src.models.schedule import warmup_cosine


def rates(total_steps: int, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    schedule = warmup_cosine(optimizer, total_steps=total_steps, warmup_share=0.1, final_share=0.05)
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return found


def test_it_rises_to_the_peak_and_falls_to_the_final_share() -> None:
    found = rates(total_steps=100, steps=101)
    assert found[:10] == pytest.approx([0.2 * step for step in range(1, 11)])
    assert max(found) == 2.0
    assert found[10:] == sorted(found[10:], reverse=True)
    assert found[100] == pytest.approx(0.1)


def test_it_stays_at_its_end() -> None:
    assert rates(total_steps=20, steps=40)[20:] == pytest.approx([0.1] * 20)


def test_a_run_of_one_step_has_a_rate() -> None:
    assert rates(total_steps=1, steps=2)[0] == 2.0
