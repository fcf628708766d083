"""Windows hold what the network would hear in a stream, and mask the rest."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from src.data.windows import Batch, Places, WholeClips, WindowDataset, buckets_of
from tests.data.banks import all_of, counting_bank

SILENCE = np.full(3, -9, np.float32)


def dataset(*lengths: int, lookahead_frames: int = 2, batch_size: int = 2) -> WindowDataset:
    bank = counting_bank(*lengths)
    return WindowDataset(
        bank,
        all_of(bank),
        speaker_ids=np.arange(len(lengths)),
        window_frames=20,
        context_frames=5,
        lookahead_frames=lookahead_frames,
        hops_per_frame=1,
        silence=SILENCE,
        change=None,
        batch_size=batch_size,
    )


def window(windows: WindowDataset, span: int, start: int) -> Batch:
    return Batch(*(part[0] for part in windows[Places(np.array([span]), np.array([start]), 0)]))


def masked_in(mask: torch.Tensor) -> list[int]:
    return mask.nonzero().flatten().tolist()


def test_a_window_inside_a_clip_masks_what_it_cuts_off() -> None:
    features, motion, mask, _ = window(dataset(100), 0, 30)
    assert features[:, 0].tolist() == motion[:, 0].tolist() == list(range(30, 50))
    assert masked_in(mask) == [i for i in range(5, 18) if (30 + i) % 7 != 3]


def test_the_start_of_a_clip_has_its_whole_past() -> None:
    assert masked_in(window(dataset(50, 100), 1, 0).mask) == [i for i in range(18) if i % 7 != 3]


def test_the_end_of_a_clip_has_its_whole_future() -> None:
    features, _, mask, _ = window(dataset(100, 50), 0, 80)
    assert features[:, 0].tolist() == list(range(80, 100))
    assert masked_in(mask) == [i for i in range(5, 20) if (80 + i) % 7 != 3]


@pytest.mark.parametrize("lengths", [(12,), (12, 100)])
def test_a_short_clip_is_followed_by_silence_that_does_not_count(lengths: tuple[int, ...]) -> None:
    features, motion, mask, _ = window(dataset(*lengths), 0, 0)
    assert features[12:].tolist() == [[-9.0] * 3] * 8
    assert (motion[12:] == 0).all()
    assert masked_in(mask) == [i for i in range(12) if i % 7 != 3]


def test_without_look_ahead_the_last_frame_counts() -> None:
    assert window(dataset(100, lookahead_frames=0), 0, 36).mask[-1]


def test_a_batch_holds_each_of_its_windows() -> None:
    windows = dataset(100, 12, 40)
    together = windows[Places(np.array([2, 0, 1]), np.array([3, 80, 0]), 5)]
    for row, (span, start) in enumerate([(2, 3), (0, 80), (1, 0)]):
        alone = window(windows, span, start)
        assert all(torch.equal(part[row], other) for part, other in zip(together, alone, strict=True))


def test_speakers_are_numbered_from_one_and_strangers_are_zero() -> None:
    spans = all_of(counting_bank(10, 10, 10))
    assert spans.speaker_ids(["clip0", "clip2"]).tolist() == [1, 0, 2]


def test_a_number_is_the_starts_of_some_clips() -> None:
    windows = dataset(100, 12, 50)
    assert len(windows) == 2
    assert torch.equal(windows[0].features[1], window(windows, 1, 0).features)
    assert torch.equal(windows[1].features[0], window(windows, 2, 0).features)


def whole(*lengths: int, batch_frames: int) -> WholeClips:
    bank = counting_bank(*lengths)
    return WholeClips(
        bank,
        all_of(bank),
        speaker_ids=np.arange(len(lengths)),
        hops_per_frame=1,
        silence=SILENCE,
        change=None,
        batch_frames=batch_frames,
    )


def test_evaluation_sees_every_clip_whole_and_once() -> None:
    clips = whole(12, 30, 29, 5, batch_frames=60)
    seen = []
    for index in range(len(clips)):
        features, motion, mask, speakers = clips[index]
        assert speakers.tolist() == clips.buckets[index].tolist()
        for row, clip in enumerate(clips.buckets[index]):
            length = (12, 30, 29, 5)[clip]
            assert features[row, :length, 0].tolist() == motion[row, :length, 0].tolist() == list(range(length))
            assert (features[row, length:] == -9).all()
            assert masked_in(mask[row]) == [i for i in range(length) if i % 7 != 3]
            seen.append(clip)
    assert sorted(seen) == [0, 1, 2, 3]


def test_nothing_counts_in_buckets_beyond_the_last() -> None:
    clips = whole(12, 30, batch_frames=30)
    for index in range(2):
        beyond, again = clips[2 + index], clips[index]
        assert torch.equal(beyond.features, again.features)
        assert again.mask.any()
        assert not beyond.mask.any()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.integers(1, 1000))
def test_buckets_hold_every_clip_once_within_their_size(lengths: list[int], batch_frames: int) -> None:
    buckets = buckets_of(np.array(lengths), batch_frames)
    assert sorted(np.concatenate(buckets).tolist()) == list(range(len(lengths)))
    for bucket in buckets:
        assert len(bucket) == 1 or len(bucket) * max(lengths[clip] for clip in bucket) <= batch_frames


def test_clips_of_a_bucket_have_similar_lengths() -> None:
    lengths = np.random.default_rng(0).integers(20, 1000, 500)
    padded = sum(len(bucket) * lengths[bucket].max() for bucket in buckets_of(lengths, 8000))
    assert padded < 1.05 * lengths.sum()
