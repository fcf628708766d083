"""LSE-D, LSE-C and AV offset of a face clip: how far sound and lips are apart in SyncNet's eyes.

Everything runs at 25 images/s and 16 kHz: 1 image = 640 samples = 4 MFCC rows. Every lip window is compared with
the sound up to 15 images before and after it. The distance that is smallest on average over the clip is LSE-D
(lower is better); what it lies below the median of all shifts is LSE-C (higher is better).

A **positive offset means that the sound is early**, a negative one that it is late. At +-15 with small confidence no
sync was found: shifts beyond the clip's ends are compared with zeros, which is part of the official figures.

Reference:
    Chung, Zisserman: Out of time, 2016 (offset, confidence); Prajwal et al.: A Lip Sync Expert Is All You Need
    (Wav2Lip), ACM MM 2020 (the names LSE-D and LSE-C). Numbers of whole frames ("LRS") and of tracked face crops
    ("real videos") are on different scales: never put them in one table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from src.errors import DataError
from src.eval.syncnet.front_end import mfcc
from src.eval.syncnet.network import IMAGE_SIZE_PX, IMAGES_PER_WINDOW, ROWS_PER_WINDOW, SyncNet

MAX_SHIFT = 15
"""Images to either side that are tried, as in every published figure."""

SAMPLES_PER_IMAGE = 640
ROWS_PER_IMAGE = 4
MEDIAN_FRAMES = 9
_BATCH_SIZE = 20


@dataclass(frozen=True)
class SyncScore:
    """What the protocol says about a clip of N windows, with V shifts to either side."""

    offset_frames: int
    """AV offset: the sound leads by so many images of 40 ms."""

    confidence: float
    """LSE-C: median over the shifts minus the smallest mean distance."""

    min_distance: float
    """LSE-D: the smallest mean distance."""

    distances: NDArray[np.float32]
    """(N, 2 V + 1); column j compares lip window i with sound window i + j - V."""

    mean_distances: NDArray[np.float32]
    """(2 V + 1,) means over the windows, zero-padded partners included."""

    framewise_raw: NDArray[np.float32]
    """(N,) median over the shifts minus the distance at the best shift."""

    framewise_confidence: NDArray[np.float32]
    """(N,) the same after a median filter of 9."""

    @property
    def offset_s(self) -> float:
        """Seconds by which the sound is early: delay it by so much to repair the clip."""
        return self.offset_frames * SAMPLES_PER_IMAGE / 16_000

    def official_text(self) -> str:
        """The three lines that the official demo prints."""
        return (
            f"AV offset: \t{self.offset_frames:d} \n"
            f"Min dist: \t{self.min_distance:.3f}\n"
            f"Confidence: \t{self.confidence:.3f}"
        )


def score_clip(
    network: SyncNet, images: NDArray[np.uint8], samples: NDArray[np.int16], max_shift: int = MAX_SHIFT
) -> SyncScore:
    """Score a face crop with its sound.

    Args:
        network: with trained weights, in `eval()` mode.
        images: (T, H, W, 3) at 25 images/s, channels **blue, green, red** as OpenCV reads them; the crops of
            `src.eval.syncnet.crops`, not of the mouth. Other sizes than 224 x 224 are resized without regard to shape.
        samples: (S,) mono at 16 kHz, 16-bit; its first sample is heard when the first image is shown.
        max_shift: images to either side; other values than 15 give figures of another scale.

    Raises:
        DataError: a shape or type is wrong, or the clip is of 5 images or fewer.
    """
    return score_embeddings(*embed_clip(network, images, samples), max_shift)


def num_windows(num_images: int, num_samples: int) -> int:
    """Windows that the protocol uses of a clip: one fewer than would fit, as in the original.

    Raises:
        DataError: there are none.
    """
    length = min(num_images, num_samples // SAMPLES_PER_IMAGE)
    if length <= IMAGES_PER_WINDOW:
        raise DataError(
            f"a clip of {num_images} images and {num_samples} samples has {length} images with sound (25 images/s, "
            f"16 kHz); SyncNet needs at least {IMAGES_PER_WINDOW + 1}. Leave the clip out or give a longer one."
        )
    return length - IMAGES_PER_WINDOW


def embed_clip(network: SyncNet, images: NDArray[np.uint8], samples: NDArray[np.int16]) -> tuple[Tensor, Tensor]:
    """(N, 1024) embeddings of the lips and of the sound, on the network's device; input as in `score_clip`."""
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise DataError(
            f"images of shape {images.shape} and type {images.dtype}: SyncNet needs (T, H, W, 3) uint8 in the order "
            "blue, green, red, as OpenCV reads them."
        )
    count = num_windows(len(images), len(samples))
    return embed_lips(network, images, count), embed_audio(network, samples, count)


def embed_lips(network: SyncNet, images: NDArray[np.uint8], count: int) -> Tensor:
    """(count, 1024) embeddings; window i is images i..i+4."""
    sized = np.stack([sized_for_syncnet(image) for image in images[: count + IMAGES_PER_WINDOW - 1]])
    clip = torch.from_numpy(sized).permute(3, 0, 1, 2)  # (3, T, H, W), still bytes
    return _embed(network, network.embed_lips, lambda start: clip[:, start : start + IMAGES_PER_WINDOW], count)


def embed_audio(network: SyncNet, samples: NDArray[np.int16], count: int) -> Tensor:
    """(count, 1024) embeddings; window i is MFCC rows 4 i..4 i + 19.

    Raises:
        DataError: `samples` are not 16-bit integers in one channel.
    """
    if samples.dtype != np.int16:
        raise DataError(
            f"samples of type {samples.dtype}: SyncNet's MFCC need 16-bit integers (int16), sound in [-1, 1] gives "
            "wrong scores. Multiply by 32768, round and convert."
        )
    rows = torch.from_numpy(mfcc(samples).T.astype(np.float32))[None]  # (1, 13, K)

    def window(index: int) -> Tensor:
        return rows[:, :, ROWS_PER_IMAGE * index : ROWS_PER_IMAGE * index + ROWS_PER_WINDOW]

    return _embed(network, network.embed_audio, window, count)


def sized_for_syncnet(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image at 224 x 224, by OpenCV's bilinear resizing where it is of another size."""
    if image.shape[:2] == (IMAGE_SIZE_PX, IMAGE_SIZE_PX):
        return image
    return np.asarray(cv2.resize(image, (IMAGE_SIZE_PX, IMAGE_SIZE_PX)), dtype=np.uint8)


def score_embeddings(lips: Tensor, audio: Tensor, max_shift: int = MAX_SHIFT) -> SyncScore:
    """Score (N, 1024) embeddings of the lips against those of the sound."""
    distances = shift_distances(lips, audio, max_shift).cpu()
    means = distances.mean(dim=0)
    best = int(means.numpy().argmin())  # the first of equals, which torch does not promise
    median = means.median()
    raw = (median - distances[:, best]).numpy()
    return SyncScore(
        offset_frames=max_shift - best,
        confidence=float(median - means[best]),
        min_distance=float(means[best]),
        distances=distances.numpy(),
        mean_distances=means.numpy(),
        framewise_raw=raw,
        framewise_confidence=median_filter(raw, MEDIAN_FRAMES),
    )


def shift_distances(lips: Tensor, audio: Tensor, max_shift: int) -> Tensor:
    """(N, 2 V + 1) Euclidean distances; column j compares lips i with sound i + j - V, zeros beyond the ends.

    Args:
        lips, audio: (N, E) embeddings, not normalised.
        max_shift: V, at least 0.
    """
    count = len(lips)
    padded = F.pad(audio, (0, 0, max_shift, max_shift))  # (N + 2 V, E)
    # 1e-6 is added to every difference, as PyTorch's pairwise distance does: equal vectors are 3.2e-5 apart.
    columns = [F.pairwise_distance(lips, padded[shift : shift + count]) for shift in range(2 * max_shift + 1)]
    return torch.stack(columns, dim=1)


def median_filter(values: NDArray[Any], size: int) -> NDArray[Any]:
    """(T,) medians of `size` neighbours, an odd number, with zeros beyond the ends: they pull towards zero."""
    padded = np.pad(values, size // 2)
    middle = np.sort(np.lib.stride_tricks.sliding_window_view(padded, size), axis=-1)[:, size // 2]
    return middle


@torch.no_grad()
def _embed(network: SyncNet, encode: Callable[[Tensor], Tensor], window: Callable[[int], Tensor], count: int) -> Tensor:
    device = next(network.parameters()).device
    batches = []
    for start in range(0, count, _BATCH_SIZE):
        windows = torch.stack([window(index) for index in range(start, min(start + _BATCH_SIZE, count))])
        batches.append(encode(windows.to(device=device, dtype=torch.float32)))
    return torch.cat(batches)
