"""PSNR of a known error, SSIM of constants by its formula and of noise as scikit-image has it."""

from collections.abc import Callable

import numpy as np
import pytest

from src.errors import RenderError
from src.eval import picture_metrics
from src.eval.metrics import Measurement
from src.eval.picture_metrics import Region, psnr, ssim
from tests.eval.documented import assert_documented

ALL = Region("picture", np.ones((32, 40), bool))


def pictures(seed: int = 0, num_frames: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, (num_frames, 32, 40, 3)).astype(np.uint8)


def test_psnr_of_an_even_error_is_analytic_and_the_id_names_the_region() -> None:
    result = psnr(pictures() + np.uint8(5), pictures(), ALL)
    assert result.value == pytest.approx(20 * np.log10(255 / 5))
    assert (result.metric.id, result.metric.label) == ("psnr_picture", "PSNR of the picture")


def test_psnr_takes_the_mean_over_frames_before_the_logarithm() -> None:
    generated = pictures()
    generated[0] += 6
    assert psnr(generated, pictures(), ALL).value == pytest.approx(10 * np.log10(255**2 / 12))


def test_identical_pictures_have_ssim_1_and_no_psnr() -> None:
    assert ssim(pictures(), pictures(), ALL).value == pytest.approx(1.0)
    assert psnr(pictures(), pictures(), ALL).reason == "the pictures are identical"


def test_ssim_of_two_even_pictures_is_the_brightness_term() -> None:
    first, second = np.full((2, 32, 40, 3), 100, np.uint8), np.full((2, 32, 40, 3), 150, np.uint8)
    constant = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + constant) / (100**2 + 150**2 + constant)
    assert ssim(first, second, ALL).value == pytest.approx(expected)


def test_both_equal_scikit_image() -> None:
    skimage = pytest.importorskip("skimage.metrics", reason="scikit-image is missing")
    first, second = pictures(1, 1), (0.7 * pictures(1, 1) + 0.2 * pictures(2, 1)).astype(np.uint8)
    similarity = skimage.structural_similarity(
        second[0],
        first[0],
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    assert ssim(first, second, ALL).value == pytest.approx(similarity, abs=1e-9)
    assert psnr(first, second, ALL).value == pytest.approx(skimage.peak_signal_noise_ratio(second[0], first[0]))


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_only_the_region_counts(metric: Callable[..., Measurement]) -> None:
    mask = np.zeros((3, 32, 40), bool)
    mask[:, 12:20, 10:20] = True
    near, far = pictures(), pictures()
    near[:, 14:18, 12:18] += 50
    far[:, :5] += 50
    moving, still = (metric(near, pictures(), Region("mouth", one)).value for one in (mask, mask[0]))
    assert moving == still, "one mask for all frames is the same as one per frame"
    untouched = metric(far, pictures(), Region("mouth", mask))
    assert untouched.value is None or untouched.value == pytest.approx(1.0)
    assert (metric(near, pictures(), Region("mouth", mask)).value or 99) < (metric(near, pictures(), ALL).value or 0)
    assert "has no pixels" in metric(near, pictures(), Region("mouth", np.zeros((32, 40), bool))).reason


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_both_are_symmetric(metric: Callable[..., Measurement]) -> None:
    assert metric(pictures(1), pictures(2), ALL).value == pytest.approx(metric(pictures(2), pictures(1), ALL).value)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_what_does_not_fit_is_a_mistake(metric: Callable[..., Measurement]) -> None:
    with pytest.raises(RenderError, match="the same frames at the same size"):
        metric(pictures(), pictures()[:2], ALL)
    with pytest.raises(RenderError, match="expected uint8"):
        metric(pictures() / 255.0, pictures(), ALL)
    with pytest.raises(RenderError, match="region face: a mask of shape"):
        metric(pictures(), pictures(), Region("face", np.ones((4, 4), bool)))


def test_every_metric_says_its_id_version_unit_and_source_in_its_docstring() -> None:
    for metric, function in {picture_metrics.PSNR: psnr, picture_metrics.SSIM: ssim}.items():
        assert_documented(metric, function)
