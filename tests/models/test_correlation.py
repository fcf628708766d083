"""Correlation per channel: known answers, clip by clip."""

import pytest
import torch

from src.models.correlation import ClipCorrelation


def correlation(*clips: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> list[float]:
    metric = ClipCorrelation(num_channels=clips[0][0].shape[-1], min_frames=5)
    for prediction, reference, mask in clips:
        metric.update(prediction[None], reference[None], mask[None])
    return metric.compute()[0].tolist()


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


def test_the_ratio_of_deviations_shows_timid_motion() -> None:
    metric, reference = ClipCorrelation(num_channels=2, min_frames=5), noise(50, 0)
    metric.update((reference * torch.tensor([0.25, 2.0]) + 7)[None], reference[None], everything(50)[None])
    assert metric.compute()[1].tolist() == pytest.approx([0.25, 2.0])


def test_every_clip_has_a_score_and_sums_of_parts_give_the_whole() -> None:
    whole, parts = (
        ClipCorrelation(num_channels=2, min_frames=5),
        [ClipCorrelation(num_channels=2, min_frames=5) for _ in range(2)],
    )
    still = noise(40, 5)
    still[:, 1] = 0.3
    clips = [(noise(60, 1), noise(60, 2)), (noise(4, 3), noise(4, 4)), (noise(40, 6), still)]
    for number, (prediction, reference) in enumerate(clips):
        for metric in (whole, parts[number % 2]):
            metric.update(prediction[None], reference[None], everything(len(reference))[None])
    assert [clip.frames for clip in whole.clips] == [60, 4, 40]
    assert whole.clips[1].r == (None, None)
    assert whole.clips[2].r[1] is None is whole.clips[2].std_ratio[1]
    together = ClipCorrelation.means(parts[0].sums + parts[1].sums)
    assert torch.allclose(torch.stack(together), torch.stack(whole.compute()), rtol=0, atol=1e-15)
