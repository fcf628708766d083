"""Shot changes: found in real pictures that are moved, cut, lit and disturbed on purpose."""

from collections.abc import Sequence

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from src.data.shots import ShotDetector
from src.errors import DataError

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def woman() -> Image:
    return np.ascontiguousarray(skimage.data.astronaut()[0:400, 56:456])


@pytest.fixture(scope="module")
def cat() -> Image:
    return np.ascontiguousarray(skimage.data.chelsea()[:300, 50:350])


@pytest.fixture(scope="module")
def cup() -> Image:
    return np.ascontiguousarray(skimage.data.coffee())


def cuts_in(images: Sequence[Image], landmarks: Sequence[NDArray[np.float32] | None] | None = None) -> list[int]:
    detector = ShotDetector()
    for index, image in enumerate(images):
        detector.push(image, None if landmarks is None else landmarks[index])
    return detector.finish()


def noisy(images: Sequence[Image], spread: float, seed: int = 0) -> list[Image]:
    rng = np.random.default_rng(seed)
    return [np.clip(image + rng.normal(0, spread, image.shape), 0, 255).astype(np.uint8) for image in images]


def window(image: Image, top: float, left: float, side: int) -> Image:
    return image[round(top) : round(top) + side, round(left) : round(left) + side]


def test_hard_cuts_are_found_where_they_are(woman: Image, cat: Image, cup: Image) -> None:
    images = noisy([woman] * 12 + [cat] * 9 + [cup] * 12 + [woman] * 7, 4)
    assert cuts_in(images) == [12, 21, 33]


@settings(max_examples=25)
@given(at=st.integers(4, 16), seed=st.integers(0, 99))
def test_a_cut_is_found_anywhere_but_at_the_very_ends(at: int, seed: int) -> None:
    woman, cat = skimage.data.astronaut()[::4, ::4], skimage.data.chelsea()[::3, ::3]
    assert cuts_in(noisy([woman] * at + [cat] * (20 - at), 6, seed)) == [at]


def test_nothing_fires_in_a_still_picture_with_noise(woman: Image) -> None:
    assert cuts_in(noisy([woman] * 40, 12)) == []


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(woman: Image, length: int) -> None:
    flash = np.clip(woman.astype(int) // 8 + 220, 0, 255).astype(np.uint8)
    white = np.full_like(woman, 255)
    for lit in (flash, white):
        assert cuts_in(noisy([woman] * 10 + [lit] * length + [woman] * 10, 4)) == []


def test_a_single_foreign_picture_is_no_cut(woman: Image, cat: Image) -> None:
    assert cuts_in(noisy([woman] * 10 + [cat] + [woman] * 10, 4)) == []


def test_a_change_of_exposure_is_no_cut(woman: Image) -> None:
    darker = (woman * 0.5).astype(np.uint8)
    brighter = np.clip(woman * 1.4 + 10, 0, 255).astype(np.uint8)
    assert cuts_in(noisy([woman] * 10 + [darker] * 10 + [brighter] * 10, 4)) == []


def test_fades_are_no_cuts(woman: Image, cat: Image) -> None:
    down = [(woman * share).astype(np.uint8) for share in np.linspace(1, 0, 15)]
    up = [(cat * share).astype(np.uint8) for share in np.linspace(0, 1, 15)]
    assert cuts_in(noisy([woman] * 10 + down + [np.zeros_like(woman)] * 5 + up + [cat] * 10, 2)) == []


def test_a_dissolve_over_a_second_is_no_cut(woman: Image, cat: Image) -> None:
    other, first = cat, woman[:300, :300]
    images = [(first * (1 - share) + other * share).astype(np.uint8) for share in np.linspace(0, 1, 25)]
    assert cuts_in(noisy([first] * 8 + images + [other] * 8, 4)) == []


@pytest.mark.parametrize("speed", [1.0, 4.0, 8.0])
def test_pans_and_zooms_are_no_cuts(woman: Image, speed: float) -> None:
    path = speed * np.arange(24) % 160
    rising = np.minimum(path, 160 - path)
    pan = [window(woman, 40, offset, 240) for offset in rising]
    zoom = [window(woman, offset / 2, offset / 2, 400 - round(offset)) for offset in rising]
    assert cuts_in(noisy(pan, 4)) == []
    assert cuts_in(noisy(zoom, 4)) == []


def test_a_jerk_of_the_crop_is_no_cut(woman: Image) -> None:
    images = [window(woman, 40, 40, 300)] * 12 + [window(woman, 55, 60, 300)] * 12
    assert cuts_in(noisy(images, 4)) == []


def test_a_screen_that_changes_behind_the_speaker_is_no_cut(woman: Image, cat: Image) -> None:
    changed = woman.copy()
    changed[:130, 280:] = cat[:130, :120]
    assert cuts_in(noisy([woman] * 12 + [changed] * 12, 4)) == []


def test_a_face_that_goes_on_overrules_a_picture_that_jumps(woman: Image, face: NDArray[np.float32]) -> None:
    moved = (0.7 * woman + 0.3 * woman[::-1]).astype(np.uint8)
    images = noisy([woman] * 12 + [moved] * 12, 4)
    rng = np.random.default_rng(0)
    same = [(face + rng.normal(0, 0.3, face.shape)).astype(np.float32) for _ in images]
    turned = [points * [0.8, 1, 1] if index >= 12 else points for index, points in enumerate(same)]
    assert cuts_in(images, same) == []
    assert cuts_in(images, turned) == [12]


def test_the_size_of_the_pictures_may_change_on_the_way(woman: Image, cat: Image) -> None:
    assert cuts_in([woman] * 8 + [woman[::2, ::2]] * 8 + [cat] * 8) == [16]


@given(length=st.integers(0, 6))
def test_short_videos_have_no_cuts(length: int) -> None:
    rng = np.random.default_rng(length)
    assert cuts_in([rng.integers(0, 255, (40, 60, 3), np.uint8) for _ in range(min(length, 4))]) == []


def test_memory_does_not_grow(woman: Image) -> None:
    detector = ShotDetector()
    for image in noisy([woman[::4, ::4]] * 100, 4):
        detector.push(image)
    assert len(detector._views) <= 10


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32)]
)
def test_pictures_of_another_kind_are_refused(image: NDArray[np.generic]) -> None:
    with pytest.raises(DataError, match="Decode them to RGB"):
        ShotDetector().push(image)  # type: ignore[arg-type]


def test_landmarks_of_another_kind_are_refused(woman: Image) -> None:
    with pytest.raises(DataError, match="Pass those of one face"):
        ShotDetector().push(woman, np.zeros((68, 2), np.float32))
