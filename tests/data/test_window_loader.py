"""An epoch's windows follow from seed and epoch alone, and a loader goes on where it was."""

from collections import Counter

import numpy as np
import pytest
import torch

from src.data.window_loader import ClipBuckets, WindowBatches, WindowLoader
from src.data.windows import Batch, Places, WindowDataset
from src.errors import ConfigError
from tests.data.banks import all_of, counting_bank

LENGTHS = (100, 300, 10)


def batches(seed: int = 0, lengths: tuple[int, ...] = LENGTHS, **changes: int) -> WindowBatches:
    settings = {"window_frames": 20, "num_windows": 400, "batch_size": 32, "num_replicas": 1, "rank": 0, "seed": seed}
    return WindowBatches(np.array(lengths), **(settings | changes))


def places(sampler: WindowBatches) -> list[tuple[list[int], list[int], int]]:
    return [(batch.spans.tolist(), batch.starts.tolist(), batch.seed) for batch in sampler]


def loader(num_workers: int = 0, num_windows: int = 60, seed: int = 0) -> WindowLoader:
    bank = counting_bank(*LENGTHS)
    dataset = WindowDataset(
        bank,
        all_of(bank),
        speaker_ids=np.zeros(len(LENGTHS), np.int64),
        window_frames=20,
        context_frames=5,
        lookahead_frames=2,
        hops_per_frame=1,
        silence=np.zeros(3, np.float32),
        change=None,
        batch_size=8,
    )
    sampler = batches(seed, num_windows=num_windows, batch_size=8)
    return WindowLoader(
        dataset, sampler=sampler, batch_size=None, num_workers=num_workers, persistent_workers=num_workers > 0
    )


def equal(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a, b) for one, other in zip(first, second, strict=True) for a, b in zip(one, other, strict=True)
    )


def test_windows_follow_from_seed_and_epoch_alone() -> None:
    first, second = batches(), batches()
    list(first)  # an epoch that was drawn before must not matter
    first.set_epoch(3)
    second.set_epoch(3)
    assert places(first) == places(second)
    second.set_epoch(4)
    assert places(first) != places(second)
    assert places(batches(0)) != places(batches(1))


def test_windows_stay_inside_their_clips_and_follow_their_lengths() -> None:
    drawn = [pair for spans, starts, _ in places(batches()) for pair in zip(spans, starts, strict=True)]
    assert len(drawn) == 400
    assert all(0 <= start <= max(LENGTHS[span] - 20, 0) for span, start in drawn)
    counts = Counter(span for span, _ in drawn)
    assert counts[0] / 400 == pytest.approx(100 / 410, abs=0.08)
    assert counts[1] / 400 == pytest.approx(300 / 410, abs=0.08)


def test_zero_windows_per_epoch_means_about_the_data_once() -> None:
    def epoch(lengths: tuple[int, ...]) -> int:
        return sum(len(spans) for spans, _, _ in places(batches(0, lengths, num_windows=0)))

    assert epoch((400,)) == 20
    assert epoch((10,) * 40) == 40  # a short clip fills a window alone
    assert epoch((3,)) == 1


def test_processes_share_an_epoch_in_equal_parts() -> None:
    parts = [places(batches(num_replicas=3, rank=rank)) for rank in range(3)]
    everything = places(batches())
    assert [len(part) for part in parts] == [4, 4, 4]
    dealt = [batch for step in zip(*parts, strict=True) for batch in step]
    assert dealt == everything[:12]


@pytest.mark.parametrize(("buckets", "processes"), [(7, 1), (7, 2), (6, 3), (1, 4), (0, 2)])
def test_each_bucket_of_clips_goes_to_one_process_and_all_take_as_many_steps(buckets: int, processes: int) -> None:
    parts = [list(ClipBuckets(buckets, num_replicas=processes, rank=rank)) for rank in range(processes)]
    assert len({len(part) for part in parts}) == 1
    dealt = sorted(index for part in parts for index in part)
    assert dealt[:buckets] == list(range(buckets))
    assert all(index >= buckets for index in dealt[buckets:])
    assert len(dealt) < buckets + processes


@pytest.mark.parametrize("num_workers", [1, 2])
def test_the_number_of_worker_processes_does_not_matter(num_workers: int) -> None:
    alone, many = loader(0), loader(num_workers)
    for epoch in (0, 1):
        alone.sampler.set_epoch(epoch)
        many.sampler.set_epoch(epoch)
        assert equal(list(alone), list(many))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_goes_on_with_the_windows_that_were_left(num_workers: int) -> None:
    whole = loader()
    whole.sampler.set_epoch(2)
    expected = list(whole)
    stopped = loader(num_workers)
    stopped.sampler.set_epoch(2)
    iterator = iter(stopped)
    for _ in range(3):
        next(iterator)
    state = stopped.state_dict()
    assert state == {"epoch": 2, "batches": 3, "of": 8}
    resumed = loader(num_workers)
    resumed.load_state_dict(state)
    iterator = iter(resumed)
    rest = [next(iterator)]
    assert resumed.state_dict()["batches"] == 4
    rest += list(iterator)
    assert equal(rest, expected[3:])
    assert len(list(resumed)) == 8  # the epoch after is a whole one


def test_a_position_is_of_its_epoch_only() -> None:
    resumed = loader()
    resumed.load_state_dict({"epoch": 2, "batches": 8, "of": 8})
    resumed.sampler.set_epoch(3)
    assert len(list(resumed)) == 8


def test_an_epoch_of_another_length_is_refused() -> None:
    with pytest.raises(ConfigError, match="an epoch of 9 batches, now an epoch has 8"):
        loader().load_state_dict({"epoch": 0, "batches": 2, "of": 9})


def test_places_of_a_batch_are_arrays() -> None:
    batch = next(iter(batches()))
    assert isinstance(batch, Places)
    assert batch.spans.shape == batch.starts.shape == (32,)
