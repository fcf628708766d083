"""A wall goes on behind whoever stands before it: smoothly if plain, with its own structure if not."""

import numpy as np
import pytest

from src.render.inpainting import is_busy, pieced_wall, smooth_wall, unevenness

SIDE = 128


def _striped() -> np.ndarray:
    columns = np.arange(SIDE)
    stripe = np.where(columns // 8 % 2 == 0, 40, 200)
    return np.ascontiguousarray(np.broadcast_to(stripe[None, :, None], (SIDE, SIDE, 3))).astype(np.uint8)


def _plain() -> np.ndarray:
    slope = np.linspace(90, 130, SIDE)
    return np.round(np.broadcast_to(slope[:, None, None], (SIDE, SIDE, 3))).astype(np.uint8)


def _known() -> np.ndarray:
    known = np.ones((SIDE, SIDE), bool)
    known[40:90, 44:84] = False
    return known


def test_stripes_go_on_behind_the_hole() -> None:
    wall = pieced_wall(_striped(), _known())
    assert wall is not None
    deep = (slice(50, 80), slice(54, 74))
    assert (
        np.abs(wall[deep] - _striped()[deep]).mean()
        < 0.3 * np.abs(smooth_wall(_striped(), _known())[deep] - _striped()[deep]).mean()
    )


@pytest.mark.parametrize("fill", [pieced_wall, smooth_wall])
def test_what_is_seen_stays_as_it_is(fill: object) -> None:
    picture, known = _striped(), _known()
    wall = fill(picture, known)  # type: ignore[operator]
    assert np.array_equal(wall[known], picture[known].astype(np.float32))


def test_a_plain_wall_goes_on_with_its_shade() -> None:
    assert np.abs(smooth_wall(_plain(), _known()) - _plain()).max() < 4


def test_stripes_are_busy_and_a_slope_is_not() -> None:
    assert is_busy(_striped(), _known())
    assert not is_busy(_plain(), _known())


def test_too_little_wall_is_no_wall_to_copy() -> None:
    known = np.zeros((SIDE, SIDE), bool)
    known[:, :3] = True
    assert pieced_wall(_striped(), known) is None
    assert unevenness(_striped(), known, 0.03) == np.inf
    assert not is_busy(_striped(), known)


def test_the_same_picture_gives_the_same_wall() -> None:
    first, second = (pieced_wall(_striped(), _known()) for _ in range(2))
    assert first is not None
    assert second is not None
    assert np.array_equal(first, second)


@pytest.mark.parametrize("shape", [(96, 96), (256, 256), (130, 130), (100, 180)])
def test_pictures_of_any_shape_are_filled(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    known = np.ones(shape, bool)
    known[30:70, 30:70] = False
    wall = pieced_wall(picture, known)
    assert wall is not None
    assert np.isfinite(wall).all()
    assert wall.shape == picture.shape
