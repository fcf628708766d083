"""Brows that move, a hair line and lids that do not, on a drawn face."""

import numpy as np
import pytest

from src.face import FOREHEAD, LEFT_UPPER_LID, RIGHT_UPPER_LID
from src.render.mesh.brows import BROW_SHAPES, BrowField, brow_fields
from src.render.mesh.geometry import Array, sample_grid
from tests.render.portraits import SIDE, drawn_landmarks

STEP = 4
RIGHT, LEFT = (46, 53, 52, 65, 55), (276, 283, 282, 295, 285)
OTHER_SIDE = [70, 63, 105, 66, 107, 300, 293, 334, 296, 336]


def landmarks() -> Array:
    """The drawn face with upper edges of its brows."""
    points = drawn_landmarks()
    points[OTHER_SIDE] = points[[*RIGHT, *LEFT]] - np.array([0.0, 4.0, 0.0], np.float32)
    return points


@pytest.fixture(scope="module")
def brows() -> BrowField:
    return brow_fields(landmarks(), SIDE, STEP)


def moved(brows: BrowField, indices: tuple[int, ...], **shapes: float) -> Array:
    field = brows.displacement(shapes)
    assert field is not None
    return sample_grid(field, landmarks()[None, list(indices), :2], STEP)[0]


def test_brows_at_rest_cost_nothing(brows: BrowField) -> None:
    assert brows.displacement({}) is None
    assert brows.displacement({"mouthSmileLeft": 1.0, "browDownLeft": 0.0}) is None


def test_a_frown_lowers_its_own_brow_and_draws_it_inwards(brows: BrowField) -> None:
    left, right = (moved(brows, side, browDownLeft=1.0) for side in (LEFT, RIGHT))
    assert left[:, 1].min() > 0.5
    assert left[-1, 0] < 0
    assert np.abs(right).max() < 0.3 * left[:, 1].max()


def test_inner_and_outer_ends_rise_by_their_own_shapes(brows: BrowField) -> None:
    inner = moved(brows, LEFT, browInnerUp=1.0)[:, 1]
    outer = moved(brows, LEFT, browOuterUpLeft=1.0)[:, 1]
    assert inner[-1] < -3.0
    assert outer[0] < -3.0
    assert abs(inner[0]) < 0.4 * abs(inner[-1])
    assert abs(outer[-1]) < 0.4 * abs(outer[0])


def test_a_raised_brow_is_the_mirror_of_the_other(brows: BrowField) -> None:
    left, right = moved(brows, LEFT, browOuterUpLeft=1.0), moved(brows, RIGHT, browOuterUpRight=1.0)
    assert left * (-1, 1) == pytest.approx(right, abs=0.3)


def test_lids_and_hair_line_stay(brows: BrowField) -> None:
    for name in BROW_SHAPES:
        stays = moved(brows, (*RIGHT_UPPER_LID, *LEFT_UPPER_LID, FOREHEAD), **{name: 1.0})
        assert np.abs(stays).max() < 1.0, name


def test_nothing_folds_over_whatever_is_asked_together(brows: BrowField) -> None:
    rng = np.random.default_rng(0)
    for amounts in np.concatenate([rng.integers(0, 2, (30, 5)), rng.uniform(size=(30, 5))]):
        field = brows.displacement(dict(zip(BROW_SHAPES, amounts.tolist(), strict=True)))
        if field is not None:
            (xy, xx), (yy, yx) = (np.gradient(field[..., axis], STEP) for axis in (0, 1))
            assert ((1 + xx) * (1 + yy) - xy * yx).min() > 0.2


def test_the_field_is_linear(brows: BrowField) -> None:
    one, two = brows.displacement({"browInnerUp": 0.3}), brows.displacement({"browDownLeft": 0.5})
    both = brows.displacement({"browInnerUp": 0.3, "browDownLeft": 0.5})
    assert one is not None
    assert two is not None
    assert both == pytest.approx(one + two, abs=1e-5)
