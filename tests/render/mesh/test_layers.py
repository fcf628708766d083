import cv2
import numpy as np
import pytest

from src.errors import RenderError
from src.render.matting import filled_background
from src.render.mesh.layers import Layers, cut_out, make_layers, straight
from tests.render.test_matting import PERSON, SIDE, scene

WHOLE = (0, 0, SIDE, SIDE)


def layers() -> tuple[np.ndarray, Layers]:
    image, matte = scene()
    noisy = np.clip(image + np.random.default_rng(0).normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    return noisy, make_layers(noisy, matte, filled_background(noisy, matte))


def shown(scene_layers: Layers, person: np.ndarray, box: tuple[int, int, int, int] = WHOLE) -> np.ndarray:
    out = scene_layers.background.copy()
    scene_layers.compose(person, out, box)
    return out


def test_nothing_moved_is_the_photo() -> None:
    image, parts = layers()
    assert np.abs(shown(parts, parts.person).astype(int) - image).max() <= 1


def test_only_the_box_is_written() -> None:
    image, parts = layers()
    left, top, right, bottom = box = (60, 40, 190, 210)
    out = np.zeros_like(image)
    parts.compose(np.ascontiguousarray(parts.person[top:bottom, left:right]), out, box)
    assert np.abs(out[top:bottom, left:right].astype(int) - image[top:bottom, left:right]).max() <= 1
    out[top:bottom, left:right] = 0
    assert out.max() == 0


def test_what_the_matte_missed_goes_with_the_person() -> None:
    image, matte = scene()
    strand = image.copy()
    strand[SIDE // 2, 52:58] = 20  # dark hair, just outside of the matte
    parts = make_layers(strand, matte, filled_background(strand, matte))
    assert (np.abs(shown(parts, parts.person).astype(int) - strand) <= 1).all()
    assert parts.person[SIDE // 2, 54, 3] > 100
    assert parts.background[SIDE // 2, 54].mean() > 70


def test_a_moved_person_leaves_the_wall_where_it_was_and_no_copy_behind() -> None:
    image, parts = layers()
    moved = cv2.warpAffine(parts.person, np.array([[1, 0, 30], [0, 1, 0]], np.float32), (SIDE, SIDE))
    out = shown(parts, moved)
    still = (parts.person[..., 3] == 0) & (moved[..., 3] == 0)
    assert (out[still] == image[still]).all()
    left_free = (parts.person[..., 3] == 255) & (moved[..., 3] == 0)
    assert np.abs(out[left_free].astype(float) - PERSON).mean(axis=0).min() > 25
    assert out[left_free][:, 0].max() < 130  # the person's red


def test_before_another_background_nothing_of_the_old_one_is_seen() -> None:
    image, matte = scene()
    white = np.full_like(image, 255)
    person = cut_out(image, matte)
    out = Layers(person, white).shown(person)
    alpha = matte[..., None] / 255.0
    assert np.abs(out - (alpha * PERSON + (1 - alpha) * 255)).max() < 12


def test_straight_alpha_has_the_persons_colour_at_the_border() -> None:
    image, matte = scene()
    rgba = straight(cut_out(image, matte))
    assert (rgba[..., 3] == matte).all()
    edge = (matte > 60) & (matte < 255)
    assert np.abs(rgba[edge][:, :3] - PERSON).max() < 16
    assert rgba[matte == 0].max() == 0


def test_layers_of_different_shapes_are_refused() -> None:
    image, matte = scene()
    with pytest.raises(RenderError, match="Make the avatar again"):
        make_layers(image, matte[1:], image)
