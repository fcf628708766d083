"""Offset, LSE-C and LSE-D on embeddings and clips whose answers are known."""

import numpy as np
import pytest
import torch

from src.errors import DataError
from src.eval.syncnet.network import SyncNet
from src.eval.syncnet.protocol import (
    embed_audio,
    embed_lips,
    median_filter,
    num_windows,
    score_clip,
    score_embeddings,
    shift_distances,
)


def embeddings(count: int, seed: int) -> torch.Tensor:
    return torch.rand(count, 1024, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def network() -> SyncNet:
    torch.manual_seed(0)
    return SyncNet().eval()


def clip(images: int) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.random.default_rng(0)
    return (
        numbers.integers(0, 256, (images, 224, 224, 3)).astype(np.uint8),
        numbers.integers(-3000, 3000, images * 640).astype(np.int16),
    )


@pytest.mark.parametrize("late", [-15, -4, 0, 6, 15])
def test_late_sound_lowers_the_offset_by_as_many_images(late: int) -> None:
    video = embeddings(60, seed=0)
    score = score_embeddings(video, torch.roll(video, late, dims=0))
    assert score.offset_frames == -late
    assert score.offset_s == pytest.approx(-late / 25)
    assert score.confidence > 5


def test_equal_embeddings_are_a_known_distance_apart_and_padding_is_zero() -> None:
    one = embeddings(1, seed=0)
    length = float(one.norm())
    np.testing.assert_allclose(shift_distances(one, one, 1)[0], [length, 3.2e-5, length], rtol=1e-4)


def test_confidence_is_the_median_above_the_smallest_mean() -> None:
    score = score_embeddings(embeddings(40, seed=0), embeddings(40, seed=1))
    means = score.distances.astype(np.float64).mean(axis=0)
    assert score.distances.shape == (40, 31)
    assert score.min_distance == pytest.approx(means.min(), rel=1e-6)
    assert score.confidence == pytest.approx(np.median(means) - means.min(), abs=1e-4)


def test_equal_means_give_the_first_shift() -> None:
    assert score_embeddings(embeddings(1, seed=0), embeddings(1, seed=1)).offset_frames == 15


def test_the_official_text() -> None:
    video = embeddings(60, seed=0)
    lines = score_embeddings(video, torch.roll(video, 4, dims=0)).official_text().split("\n")
    assert lines[0] == "AV offset: \t-4 "
    assert lines[1].startswith("Min dist: \t")
    assert lines[2].startswith("Confidence: \t")


def test_median_filter_has_zeros_beyond_the_ends() -> None:
    np.testing.assert_array_equal(median_filter(np.array([5.0, 6.0, 7.0, 8.0]), 3), [5, 6, 7, 7])
    np.testing.assert_array_equal(median_filter(np.full(4, 3.0), 9), np.zeros(4))


@pytest.mark.parametrize(
    ("images", "samples", "windows"), [(24, 24 * 640 + 1000, 19), (24, 15 * 640 + 639, 10), (6, 6 * 640, 1)]
)
def test_number_of_windows(images: int, samples: int, windows: int) -> None:
    assert num_windows(images, samples) == windows


def test_a_clip_too_short_says_how_short() -> None:
    with pytest.raises(DataError, match="has 5 images with sound .* at least 6"):
        num_windows(5, 16_000)


def test_windows_of_a_batch_equal_single_windows(network: SyncNet) -> None:
    images, _ = clip(7)
    singles = embed_lips(network, images[1:], 1)
    torch.testing.assert_close(embed_lips(network, images, 2)[1:], singles, atol=1e-5, rtol=1e-5)
    many = embed_audio(network, clip(40)[1], 30)
    assert many.shape == (30, 1024)


def test_clip_to_score(network: SyncNet) -> None:
    images, samples = clip(8)
    score = score_clip(network, images, samples)
    assert score.distances.shape == (3, 31)
    squeezed = score_clip(network, images[:, ::2, ::2], samples)
    assert squeezed.distances.shape == (3, 31)


def test_sound_in_other_units_is_refused(network: SyncNet) -> None:
    images, samples = clip(8)
    with pytest.raises(DataError, match="16-bit integers"):
        score_clip(network, images, samples.astype(np.float32) / 32768)
    with pytest.raises(DataError, match=r"\(T, H, W, 3\) uint8"):
        score_clip(network, images.astype(np.float32), samples)
