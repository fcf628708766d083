"""Windows hold what the network would hear in a stream, and mask the rest."""

from collections import Counter

import numpy as np
import pytest
import torch

from src.data.windows import FeatureClip, WholeClips, Window, WindowDataset, WindowSampler

SILENCE = np.full(3, -9, np.float32)


def clip(frames: int, name: str = "a") -> FeatureClip:
    """Features and motion that count the frames; every seventh frame is not valid."""
    ramp = np.arange(frames, dtype=np.float32)[:, None]
    return FeatureClip(name, name, np.repeat(ramp, 3, 1), np.repeat(ramp, 2, 1), np.arange(frames) % 7 != 3)


def dataset(*clips: FeatureClip) -> WindowDataset:
    return WindowDataset(clips, window_frames=20, context_frames=5, lookahead_frames=2, silence=SILENCE)


def masked_in(mask: torch.Tensor) -> list[int]:
    return mask.nonzero().flatten().tolist()


def test_a_window_inside_a_clip_masks_what_it_cuts_off() -> None:
    (features, motion, mask), seed = dataset(clip(100))[Window(0, 30, 7)]
    assert features[:, 0].tolist() == motion[:, 0].tolist() == list(range(30, 50))
    assert masked_in(mask) == [i for i in range(5, 18) if (30 + i) % 7 != 3]
    assert seed == 7


def test_the_start_of_a_clip_has_its_whole_past() -> None:
    (_, _, mask), _ = dataset(clip(100))[Window(0, 0, 0)]
    assert masked_in(mask) == [i for i in range(18) if i % 7 != 3]


def test_the_end_of_a_clip_has_its_whole_future() -> None:
    (_, _, mask), _ = dataset(clip(100))[Window(0, 80, 0)]
    assert masked_in(mask) == [i for i in range(5, 20) if (80 + i) % 7 != 3]


def test_a_short_clip_is_followed_by_silence_that_does_not_count() -> None:
    (features, _, mask), _ = dataset(clip(12))[Window(0, 0, 0)]
    assert features[12:].tolist() == [[-9.0] * 3] * 8
    assert masked_in(mask) == [i for i in range(12) if i % 7 != 3]


def test_without_look_ahead_the_last_frame_counts() -> None:
    windows = WindowDataset([clip(100)], window_frames=20, context_frames=5, lookahead_frames=0, silence=SILENCE)
    (_, _, mask), _ = windows[Window(0, 36, 0)]
    assert mask[-1]


def test_a_number_is_the_start_of_that_clip() -> None:
    windows = dataset(clip(100), clip(12))
    assert len(windows) == 2
    assert torch.equal(windows[1][0].features, windows[Window(1, 0, 1)][0].features)


def sampler(seed: int = 0, lengths: tuple[int, ...] = (100, 300, 10)) -> WindowSampler:
    return WindowSampler(lengths=lengths, window_frames=20, num_windows=400, seed=seed)


def test_windows_follow_from_seed_and_epoch_alone() -> None:
    first, second = sampler(), sampler()
    list(first)  # an epoch that was drawn before must not matter
    first.set_epoch(3)
    second.set_epoch(3)
    assert list(first) == list(second)
    second.set_epoch(4)
    assert list(first) != list(second)
    assert list(sampler(0)) != list(sampler(1))


def test_windows_stay_inside_their_clips_and_follow_their_lengths() -> None:
    windows = list(sampler())
    assert all(0 <= window.start <= max((100, 300, 10)[window.clip] - 20, 0) for window in windows)
    counts = Counter(window.clip for window in windows)
    assert counts[0] / 400 == pytest.approx(100 / 410, abs=0.08)
    assert counts[1] / 400 == pytest.approx(300 / 410, abs=0.08)


def test_zero_windows_per_epoch_means_about_the_data_once() -> None:
    def epoch(lengths: list[int]) -> int:
        return len(WindowSampler(lengths=lengths, window_frames=20, num_windows=0, seed=0))

    assert epoch([400]) == 20
    assert epoch([10] * 40) == 40  # a short clip fills a window alone
    assert epoch([3]) == 1


def test_validation_sees_every_clip_whole() -> None:
    clips = [clip(12), clip(30)]
    whole = WholeClips(clips)
    assert [len(whole[index].features) for index in range(len(whole))] == [12, 30]
    assert masked_in(whole[0].mask) == [i for i in range(12) if i % 7 != 3]
