"""The skin around the mouth, on a drawn face: what each movement does, and that nothing folds."""

import numpy as np
import pytest

from src.motion import ARKIT55, CORE7, MotionSpec
from src.render.mesh.controls import Controls
from src.render.mesh.expression import (
    CORNERS_IN,
    ExpressionField,
    Mouth,
    expression_field,
    find_mouth,
)
from src.render.mesh.geometry import Array, grid_points, sample_grid
from src.render.mesh.lips import SHAPES
from tests.render.portraits import SIDE, drawn_avatar

STEP = 4


@pytest.fixture(scope="module", params=[0.0, 10.0], ids=["closed", "open"])
def face(request: pytest.FixtureRequest) -> tuple[Mouth, ExpressionField]:
    avatar = drawn_avatar(request.param)
    mouth = find_mouth(avatar.landmarks, avatar.face_size)
    return mouth, expression_field(avatar.landmarks, mouth, SIDE, STEP)


def lips(face: tuple[Mouth, ExpressionField], shapes: dict[str, float], jaw_open: float = 0.0) -> tuple[Array, Array]:
    """(N, 2) upper and lower inner lip in the frame of the mouth, over face size."""
    mouth, field = face
    sheets = field.sheets(*mouth.amounts(jaw_open, 0.0, shapes))
    upper, lower = (
        mouth.frame.to_local(points + sample_grid(sheet, points[None], STEP)[0]) / mouth.face_size
        for points, sheet in zip(mouth.lip_points, sheets, strict=True)
    )
    return upper, lower


def smallest_area(face: tuple[Mouth, ExpressionField], asked: Controls) -> float:
    """Smallest determinant of the forward Jacobian where a sheet is seen."""
    mouth, field = face
    local = mouth.frame.to_local(grid_points(SIDE, STEP))
    areas = []
    sheets = field.sheets(*mouth.amounts(asked.jaw_open, asked.width, asked.shapes))
    for sheet, edge, side in zip(sheets, (mouth.upper, mouth.lower), (-1, 1), strict=True):
        (xy, xx), (yy, yx) = (np.gradient(sheet[..., axis], STEP) for axis in (0, 1))
        seen = side * (local[..., 1] - np.interp(local[..., 0], mouth.places, edge)) > 0
        areas.append(((1 + xx) * (1 + yy) - xy * yx)[seen].min())
    return float(min(areas))


def test_every_shape_of_the_mouth_moves_skin(face: tuple[Mouth, ExpressionField]) -> None:
    mouth, field = face
    rest = field.sheets(*mouth.amounts(0.0, 0.0))
    assert set(field.shapes) == SHAPES
    for name in SHAPES:
        moved = field.sheets(*mouth.amounts(0.0, 0.0, {name: 1.0}))
        assert max(np.abs(a - b).max() for a, b in zip(moved, rest, strict=True)) > 0.005 * mouth.face_size, name


def test_what_arkit_names_is_known() -> None:
    assert set(ARKIT55.names) > SHAPES


@pytest.mark.parametrize(
    ("name", "sign"), [("mouthSmileLeft", -1), ("mouthDimpleLeft", -1), ("mouthFrownLeft", 1), ("mouthStretchLeft", 1)]
)
def test_a_corner_goes_up_or_down_alone(face: tuple[Mouth, ExpressionField], name: str, sign: int) -> None:
    before, after = lips(face, {})[0], lips(face, {name: 1.0})[0]
    assert sign * (after - before)[-1, 1] > 0.005
    assert abs((after - before)[0, 1]) < 0.002


@pytest.mark.parametrize(("name", "sign"), [("mouthLeft", 1), ("mouthRight", -1), ("jawLeft", 1), ("jawRight", -1)])
def test_left_is_the_persons_left(face: tuple[Mouth, ExpressionField], name: str, sign: int) -> None:
    middle = np.s_[30, 0]
    assert sign * (lips(face, {name: 1.0})[1] - lips(face, {})[1])[middle] > 0.02


def test_lips_part_without_the_jaw(face: tuple[Mouth, ExpressionField]) -> None:
    mouth, _ = face
    jaw_open = 0.4
    (_, low), (_, lower) = lips(face, {}, jaw_open), lips(face, {"mouthLowerDownLeft": 1.0, "mouthLowerDownRight": 1.0})
    upper, _ = lips(face, {"mouthUpperUpLeft": 1.0, "mouthUpperUpRight": 1.0}, jaw_open)
    assert upper[30, 1] < lips(face, {}, jaw_open)[0][30, 1] - 0.05
    assert lower[30, 1] < low[30, 1]
    asked = mouth.amounts(jaw_open, 0.0, {"mouthUpperUpLeft": 1.0})
    assert mouth.jaw_px(asked) < mouth.jaw_px(mouth.amounts(jaw_open, 0.0))


def test_mouth_close_draws_the_lips_of_an_open_jaw_together(face: tuple[Mouth, ExpressionField]) -> None:
    mouth, _ = face
    upper, lower = lips(face, {"mouthClose": 1.0}, 0.4)
    assert (lower - upper)[30, 1] == pytest.approx(mouth.gap / mouth.face_size, abs=0.02)
    assert mouth.jaw_px(mouth.amounts(0.4, 0.0, {"mouthClose": 1.0})) > 0.3 * mouth.face_size


def test_corners_go_as_far_as_asked_and_come_in_with_the_jaw(face: tuple[Mouth, ExpressionField]) -> None:
    mouth, field = face
    ends = np.stack([line[[0, -1]] for line in mouth.lip_points])[0]

    def width(jaw_open: float, width: float) -> float:
        upper, _ = field.sheets(*mouth.amounts(jaw_open, width))
        moved = mouth.frame.to_local(ends + sample_grid(upper, ends[None], STEP)[0])
        return float(moved[1, 0] - moved[0, 0]) / mouth.face_size

    own = mouth.gap / mouth.face_size
    assert width(own, 0.1) - width(own, 0.0) == pytest.approx(0.1, abs=0.01)
    assert width(0.4, 0.0) - width(0.0, 0.0) == pytest.approx(-0.4 * 2 * CORNERS_IN, abs=0.01)


def test_a_pucker_makes_lips_full_and_width_makes_them_thin(face: tuple[Mouth, ExpressionField]) -> None:
    mouth, field = face
    avatar = drawn_avatar()
    outer = avatar.landmarks[None, [0, 17], :2]

    def height(width: float, shapes: dict[str, float]) -> float:
        sheets = field.sheets(*mouth.amounts(mouth.gap / mouth.face_size, width, shapes))
        upper, lower = (sample_grid(sheet, outer, STEP)[0, i, 1] for i, sheet in enumerate(sheets))
        return float(lower - upper)

    assert height(0.0, {"mouthPucker": 1.0}) > 0.005 * mouth.face_size
    assert height(0.15, {}) < 0 < height(-0.15, {})


@pytest.mark.parametrize("spec", [CORE7, ARKIT55])
def test_nothing_folds_however_much_is_asked(face: tuple[Mouth, ExpressionField], spec: MotionSpec) -> None:
    rng = np.random.default_rng(0)
    for share in (0.15, 0.4, 1.0):
        for _ in range(40):
            values = rng.uniform(size=spec.size) * (rng.random(spec.size) < share)
            asked = Controls.of(spec.minimum + values * (spec.maximum - spec.minimum))
            assert smallest_area(face, asked) > 0, asked


def test_a_single_shape_is_given_in_full(face: tuple[Mouth, ExpressionField]) -> None:
    mouth, field = face
    rest = field.sheets(*mouth.amounts(mouth.gap / mouth.face_size, 0.0))
    for name, shape in field.shapes.items():
        moved = field.sheets(*mouth.amounts(mouth.gap / mouth.face_size, 0.0, {name: 1.0}))
        assert np.allclose(moved[0] - rest[0], shape[0], atol=1e-4), name
