"""Correlation per channel: known answers, clip by clip."""

import pytest
import torch

from src.models.correlation import ClipCorrelation


def correlation(*clips: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> list[float]:
    metric = ClipCorrelation(num_channels=clips[0][0].shape[-1], min_frames=5)
    for prediction, reference, mask in clips:
        metric.update(prediction[None], reference[None], mask[None])
    return metric.compute().tolist()


def everything(frames: int) -> torch.Tensor:
    return torch.ones(frames, dtype=torch.bool)


def noise(frames: int, seed: int) -> torch.Tensor:
    return torch.randn(frames, 2, generator=torch.Generator().manual_seed(seed))


def test_scale_and_offset_do_not_matter_and_a_sign_does() -> None:
    reference = noise(50, 0)
    prediction = torch.stack([3 * reference[:, 0] - 7, -0.1 * reference[:, 1]], dim=1)
    assert correlation((prediction, reference, everything(50))) == pytest.approx([1.0, -1.0])


def test_it_agrees_with_the_textbook() -> None:
    prediction, reference = noise(80, 0), noise(80, 1)
    expected = [torch.corrcoef(torch.stack([prediction[:, c], reference[:, c]]))[0, 1].item() for c in range(2)]
    assert correlation((prediction, reference, everything(80))) == pytest.approx(expected, abs=1e-6)


def test_masked_frames_do_not_count() -> None:
    reference = noise(60, 0)
    prediction, mask = reference.clone(), everything(60)
    prediction[20:30], mask[20:30] = 99.0, False
    assert correlation((prediction, reference, mask)) == pytest.approx([1.0, 1.0])


def test_differences_between_clips_are_no_correlation() -> None:
    clips = [(noise(400, seed) + 50 * seed, noise(400, 9 + seed) + 50 * seed, everything(400)) for seed in range(3)]
    assert correlation(*clips) == pytest.approx([0.0, 0.0], abs=0.1)


def test_clips_weigh_by_their_frames() -> None:
    good, bad = noise(90, 0), noise(30, 1)
    assert correlation((good, good, everything(90)), (-bad, bad, everything(30))) == pytest.approx([0.5, 0.5])


def test_a_still_prediction_scores_zero_and_a_still_reference_is_left_out() -> None:
    moving, still = noise(50, 0), torch.full((50, 2), 0.3)
    assert correlation((still, moving, everything(50))) == [0.0, 0.0]
    assert correlation((moving, moving, everything(50)), (moving, still, everything(50))) == pytest.approx([1.0, 1.0])


def test_clips_that_are_too_short_are_left_out() -> None:
    good, short = noise(50, 0), noise(4, 1)
    assert correlation((good, good, everything(50)), (-short, short, everything(4))) == pytest.approx([1.0, 1.0])
