"""PSNR and SSIM of generated against true pictures, always of a named region.

A figure over the whole picture is mostly about the background that a renderer copied, so every number
carries the region it was measured in, in its id and its label. Pictures are (T, H, W, 3) uint8, RGB, of
the same frames.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from src.errors import RenderError
from src.eval.metrics import Measurement, Metric

PEAK = 255.0
SSIM_SIGMA, SSIM_REACH, SSIM_K1, SSIM_K2 = 1.5, 5, 0.01, 0.03
"""Wang et al. 2004: a Gaussian window of 11 x 11 pixels, and constants against division by 0."""

PSNR = Metric(
    "psnr",
    1,
    "PSNR",
    "dB",
    "10 log10(255² / mean squared difference), the mean over colours, pixels and frames before the logarithm. Higher "
    "is closer.",
    "usual in image coding",
)
SSIM = Metric(
    "ssim",
    1,
    "SSIM",
    "",
    "Structural similarity: agreement of brightness, contrast and structure in Gaussian windows of 11 x 11 pixels, "
    "mean over colours, pixels and frames. 1 is the same picture.",
    "Wang et al., Image quality assessment, IEEE Trans. Image Processing 2004",
)


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the pictures with the name that reports give it.

    Attributes:
        name: lower case, such as `mouth`.
        mask: (H, W) or (T, H, W), True where pixels count.
    """

    name: str
    mask: NDArray[np.bool_]


def psnr(generated: NDArray[np.uint8], reference: NDArray[np.uint8], region: Region) -> Measurement:
    """How close the pixels are.

    Metric `psnr`, version 1, dB; the id in the result ends with the name of the region. Definition:
    10 log10(255^2 / MSE), MSE over colours, the pixels of the region and all frames. Papers that take the
    mean of the dB of frames print more. Source: usual in image coding.

    Args:
        generated, reference: (T, H, W, 3) uint8.
        region: where to measure.

    Returns:
        dB; None when the region has no pixels or when they are identical, which is infinite.

    Raises:
        RenderError: pictures or mask don't fit each other.
    """
    metric, mask = _within(PSNR, region), _checked(generated, reference, region)
    if not mask.any():
        return Measurement(metric, None, f"the region {region.name} has no pixels")
    total = sum(
        float(np.square(first[own].astype(np.float64) - second[own]).sum())
        for first, second, own in zip(generated, reference, mask, strict=True)
    )
    if total == 0:
        return Measurement(metric, None, "the pictures are identical")
    return Measurement(metric, float(10.0 * np.log10(PEAK**2 * 3 * mask.sum() / total)))


def ssim(generated: NDArray[np.uint8], reference: NDArray[np.uint8], region: Region) -> Measurement:
    """How close the structure is.

    Metric `ssim`, version 1, no unit; the id in the result ends with the name of the region. Definition:
    with means, variances and covariance under a Gaussian of 1.5 pixels cut to 11 x 11,
    (2 m1 m2 + c1)(2 cov + c2) / ((m1^2 + m2^2 + c1)(var1 + var2 + c2)), c1 = (0.01 x 255)^2 and
    c2 = (0.03 x 255)^2; mean over colours, the pixels of the region and all frames. Pixels whose window
    leaves the picture don't count. Source: Wang et al. 2004.

    Args:
        generated, reference: (T, H, W, 3) uint8.
        region: where to measure; windows at its edge look beyond it.

    Returns:
        At most 1; None when no pixel of the region has its window within the picture.

    Raises:
        RenderError: pictures or mask don't fit each other.
    """
    metric, mask = _within(SSIM, region), _checked(generated, reference, region).copy()
    inside = np.zeros(mask.shape[1:], bool)
    inside[SSIM_REACH:-SSIM_REACH, SSIM_REACH:-SSIM_REACH] = True
    mask &= inside
    if not mask.any():
        return Measurement(metric, None, f"the region {region.name} has no pixels {SSIM_REACH} from the border")
    total = sum(
        float(_similarity(first.astype(np.float64), second.astype(np.float64))[own].sum())
        for first, second, own in zip(generated, reference, mask, strict=True)
        if own.any()
    )
    return Measurement(metric, total / (3 * float(mask.sum())))


def _similarity(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H, W, 3) SSIM of every pixel and colour of one picture."""

    def blurred(image: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(image, (SSIM_SIGMA, SSIM_SIGMA, 0), radius=(SSIM_REACH, SSIM_REACH, 0)))

    mean_first, mean_second = blurred(first), blurred(second)
    variances = blurred(first**2) - mean_first**2 + blurred(second**2) - mean_second**2
    covariance = blurred(first * second) - mean_first * mean_second
    bright, contrast = (SSIM_K1 * PEAK) ** 2, (SSIM_K2 * PEAK) ** 2
    return ((2 * mean_first * mean_second + bright) * (2 * covariance + contrast)) / (
        (mean_first**2 + mean_second**2 + bright) * (variances + contrast)
    )


def _within(metric: Metric, region: Region) -> Metric:
    """The metric, named for the region."""
    return replace(metric, id=f"{metric.id}_{region.name}", label=f"{metric.label} of the {region.name}")


def _checked(generated: NDArray[np.uint8], reference: NDArray[np.uint8], region: Region) -> NDArray[np.bool_]:
    """(T, H, W) mask of the region."""
    if generated.ndim != 4 or generated.shape[-1] != 3 or generated.shape != reference.shape:
        raise RenderError(
            f"pictures of shapes {generated.shape} and {reference.shape} can't be compared. "
            "Give (frames, height, width, 3) of both, the same frames at the same size."
        )
    if generated.dtype != np.uint8 or reference.dtype != np.uint8:
        raise RenderError(f"pictures of types {generated.dtype} and {reference.dtype}, expected uint8. Convert them.")
    if region.mask.dtype != np.bool_ or region.mask.shape not in (generated.shape[:3], generated.shape[1:3]):
        raise RenderError(
            f"region {region.name}: a mask of shape {region.mask.shape} and type {region.mask.dtype} for pictures of "
            f"shape {generated.shape}. Give booleans, one per pixel."
        )
    return np.broadcast_to(region.mask, generated.shape[:3])
