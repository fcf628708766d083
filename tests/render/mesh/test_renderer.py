"""What the mesh renderer promises, on a drawn face."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray

from scripts.entry import CONFIG_FOLDER
from scripts.make_avatar import builtin_avatar
from scripts.schema import register
from src.errors import RenderError
from src.face import CHIN, FOREHEAD, NOSE_TIP
from src.motion import ARKIT55, CORE7
from src.render.mesh import MeshRenderer, MeshState
from src.render.mesh.geometry import sample_grid
from tests.render.portraits import SIDE, drawn_avatar

GAP_PX = 10.0


@pytest.fixture(scope="module")
def renderer() -> MeshRenderer:
    return MeshRenderer(size=SIDE, grid_step=4, iterations=10)


@pytest.fixture(scope="module")
def closed(renderer: MeshRenderer) -> MeshState:
    return renderer.prepare(drawn_avatar())


@pytest.fixture(scope="module")
def open_mouthed(renderer: MeshRenderer) -> MeshState:
    return renderer.prepare(drawn_avatar(GAP_PX))


def motion(**values: float) -> NDArray[np.float32]:
    frame = CORE7.neutral.copy()
    for name, value in values.items():
        frame[CORE7.index(name)] = value
    return frame


def extreme_frames() -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 2, (40, CORE7.size))
    inside = rng.uniform(size=(40, CORE7.size))
    return list(CORE7.minimum + np.concatenate([corners, inside]).astype(np.float32) * (CORE7.maximum - CORE7.minimum))


def where(renderer: MeshRenderer, state: MeshState, frame: NDArray[np.float32], point: NDArray, lower: bool) -> NDArray:
    """The shown place of a point of the portrait: the node that looks nearest to it."""
    field = renderer.backward_fields(state, frame)[int(lower)]
    distance = np.linalg.norm(field - point[:2], axis=-1)
    near = np.argsort(distance.ravel())[:4]
    weight = 1 / (distance.ravel()[near] + 1e-3)
    return (state.nodes.reshape(-1, 2)[near] * weight[:, None]).sum(0) / weight.sum()


def test_a_closed_portrait_at_rest_is_the_portrait(renderer: MeshRenderer, closed: MeshState) -> None:
    assert np.array_equal(renderer.render(closed, CORE7.neutral), closed.picture)


def test_an_open_portrait_at_its_own_gap_is_nearly_the_portrait(
    renderer: MeshRenderer, open_mouthed: MeshState
) -> None:
    own = open_mouthed.mouth.gap / open_mouthed.mouth.face_size
    shown = renderer.render(open_mouthed, motion(jaw_open=own))
    assert np.abs(shown.astype(int) - open_mouthed.picture).mean() < 1.0


def test_zero_jaw_closes_an_open_portrait(renderer: MeshRenderer, open_mouthed: MeshState) -> None:
    upper, lower = open_mouthed.mouth.lip_points
    sheets = open_mouthed.expression.sheets(*open_mouthed.mouth.amounts(0.0, 0.0))
    ends = [p + sample_grid(sheet, p[None], 4)[0] for p, sheet in zip((upper, lower), sheets, strict=True)]
    # The drawn lips stand upright in the corners, finer than the grid; everywhere else they meet.
    assert np.abs(ends[0] - ends[1])[6:-6].max() < 0.8


@pytest.mark.parametrize("jaw_open", [0.1, 0.25, 0.5])
def test_jaw_open_is_the_gap_of_the_inner_lips(
    renderer: MeshRenderer, closed: MeshState, open_mouthed: MeshState, jaw_open: float
) -> None:
    for state in (closed, open_mouthed):
        sheets = state.expression.sheets(*state.mouth.amounts(jaw_open, 0.0))
        middle = [points[len(points) // 2][None] for points in state.mouth.lip_points]
        upper, lower = (p + sample_grid(s, p[None], 4)[0] for p, s in zip(middle, sheets, strict=True))
        gap = (lower - upper)[0, 1] / state.mouth.face_size
        assert gap == pytest.approx(jaw_open, abs=0.012)


@pytest.mark.parametrize(
    ("channel", "value", "axis", "sign"),
    [
        ("head_yaw", 20.0, 0, 1),
        ("head_yaw", -20.0, 0, -1),
        ("head_pitch", 15.0, 1, -1),
        ("head_pitch", -15.0, 1, 1),
    ],
)
def test_the_nose_goes_where_the_vocabulary_says(
    renderer: MeshRenderer, closed: MeshState, channel: str, value: float, axis: int, sign: int
) -> None:
    nose = drawn_avatar().landmarks[NOSE_TIP]
    moved = where(renderer, closed, motion(**{channel: value}), nose, lower=False) - nose[:2]
    assert sign * moved[axis] > 5.0
    assert abs(moved[1 - axis]) < 2.0


def test_roll_turns_clockwise_in_the_picture(renderer: MeshRenderer, closed: MeshState) -> None:
    landmarks, frame = drawn_avatar().landmarks, motion(head_roll=20.0)
    chin = where(renderer, closed, frame, landmarks[CHIN], lower=True)
    forehead = where(renderer, closed, frame, landmarks[FOREHEAD], lower=False)
    right, up = forehead[0] - chin[0], chin[1] - forehead[1]
    assert np.degrees(np.arctan2(right, up)) == pytest.approx(20.0, abs=2.0)


def test_the_chin_goes_down_with_the_jaw(renderer: MeshRenderer, closed: MeshState) -> None:
    chin = drawn_avatar().landmarks[CHIN]
    moved = where(renderer, closed, motion(jaw_open=0.3), chin, lower=True) - chin[:2]
    assert 0.15 < moved[1] / closed.mouth.face_size < 0.3


@pytest.mark.parametrize("amount", [0.05, 0.2])
def test_wide_and_narrow_move_the_corners_by_half_each(
    renderer: MeshRenderer, closed: MeshState, amount: float
) -> None:
    corner = closed.mouth.lip_points[0][-1]
    for channel, sign in (("mouth_wide", 1), ("mouth_narrow", -1)):
        moved = where(renderer, closed, motion(**{channel: amount}), corner, lower=False) - corner
        assert moved[0] == pytest.approx(sign * amount * closed.mouth.face_size / 2, abs=1.5)


def test_nothing_folds_over_anywhere_in_the_range(
    renderer: MeshRenderer, closed: MeshState, open_mouthed: MeshState
) -> None:
    for state in (closed, open_mouthed):
        for frame in extreme_frames():
            assert smallest_shown_area(renderer, state, frame) > 0, dict(zip(CORE7.names, frame.tolist(), strict=True))


@pytest.mark.slow
def test_nothing_folds_over_on_the_builtin_portrait() -> None:
    pytest.importorskip("skimage", reason="the built-in portrait needs scikit-image")
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        renderer: MeshRenderer = instantiate(compose("render/mesh").render)
    state = renderer.prepare(builtin_avatar(renderer.size))
    for frame in extreme_frames():
        assert smallest_shown_area(renderer, state, frame) > 0, dict(zip(CORE7.names, frame.tolist(), strict=True))


def smallest_shown_area(renderer: MeshRenderer, state: MeshState, frame: np.ndarray) -> float:
    """Smallest determinant of the backward Jacobian where a sheet is seen: on its own side of the lip."""
    areas = []
    for field, lips, side in zip(renderer.backward_fields(state, frame), state.mouth.lip_points, (-1, 1), strict=True):
        (xy, xx), (yy, yx) = (np.gradient(field[..., axis]) for axis in (0, 1))
        local, edge = state.mouth.frame.to_local(field), state.mouth.frame.to_local(lips)
        beyond = side * (local[..., 1] - np.interp(local[..., 0], edge[:, 0], edge[:, 1]))
        areas.append((xx * yy - xy * yx)[beyond > 0].min())
    return float(min(areas))


def test_the_border_of_the_picture_stays(renderer: MeshRenderer, closed: MeshState) -> None:
    for frame in extreme_frames()[:20]:
        frame[CORE7.index("jaw_open")] = 0.0
        shown = renderer.render(closed, frame).astype(int)
        for side in (np.s_[0], np.s_[:, 0], np.s_[:, -1]):
            assert np.abs(shown[side] - closed.picture[side]).max() <= 12


def test_a_blink_changes_the_eyes_only(renderer: MeshRenderer, closed: MeshState) -> None:
    changed = np.abs(renderer.render(closed, motion(eye_blink=1.0)).astype(int) - closed.picture).max(axis=2) > 2
    rows, _ = np.nonzero(changed)
    assert len(rows) > 50
    assert rows.min() > 128 - 36
    assert rows.max() < 128 - 8
    assert not changed[:, 122:134].any()


def test_solving_only_where_something_moves_changes_no_picture(renderer: MeshRenderer, closed: MeshState) -> None:
    side = len(closed.nodes)
    whole = replace(closed, moving=((0, 0, side, side), (0, 0, side, side)))
    for frame in extreme_frames():
        difference = np.abs(renderer.render(closed, frame).astype(int) - renderer.render(whole, frame))
        # OpenCV looks up at 32nds of a node; now and then a rounding error decides for the next one.
        assert difference.max() <= 2
        assert (difference > 1).mean() < 1e-4


def test_threads_share_a_renderer_and_a_state(renderer: MeshRenderer, open_mouthed: MeshState) -> None:
    frames = extreme_frames()[:24]
    alone = [renderer.render(open_mouthed, frame) for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda frame: renderer.render(open_mouthed, frame), frames))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_values_outside_the_range_are_clamped(renderer: MeshRenderer, closed: MeshState) -> None:
    beyond, end = motion(jaw_open=3.0, head_yaw=90.0), motion(jaw_open=0.5, head_yaw=30.0)
    assert np.array_equal(renderer.render(closed, beyond), renderer.render(closed, end))


def test_wide_and_narrow_cancel(renderer: MeshRenderer, closed: MeshState) -> None:
    both = motion(mouth_wide=0.1, mouth_narrow=0.1)
    assert np.array_equal(renderer.render(closed, both), closed.picture)


def test_a_frame_of_another_vocabulary_is_refused(renderer: MeshRenderer, closed: MeshState) -> None:
    with pytest.raises(RenderError, match=r"expected finite values, 7 of core7 or 55 of arkit55"):
        renderer.render(closed, np.zeros(6))
    with pytest.raises(RenderError, match=r"expected finite values, 7 of core7 or 55 of arkit55"):
        renderer.render(closed, motion(jaw_open=np.nan))


def test_blendshapes_move_the_same_head(renderer: MeshRenderer, closed: MeshState) -> None:
    frame = ARKIT55.neutral.copy()
    assert np.array_equal(renderer.render(closed, frame), closed.picture)
    for name, value in (("head_yaw", 12.0), ("head_pitch", -8.0), ("head_roll", 5.0)):
        frame[ARKIT55.index(name)] = value
    expected = renderer.render(closed, motion(head_yaw=12.0, head_pitch=-8.0, head_roll=5.0))
    assert np.array_equal(renderer.render(closed, frame), expected)


def test_one_eye_can_wink(renderer: MeshRenderer, closed: MeshState) -> None:
    frame = ARKIT55.neutral.copy()
    frame[ARKIT55.index("eyeBlinkLeft")] = 0.6
    changed = np.abs(renderer.render(closed, frame).astype(int) - closed.picture).max(axis=2) > 2
    assert changed[:, SIDE // 2 :].any()
    assert not changed[:, : SIDE // 2].any()


def test_two_sessions_of_one_avatar_do_not_disturb_each_other(renderer: MeshRenderer, open_mouthed: MeshState) -> None:
    before = pickle.dumps(open_mouthed)
    first, second = extreme_frames()[:12], extreme_frames()[12:24]
    alone = [[renderer.render(open_mouthed, frame) for frame in frames] for frames in (first, second)]
    for index, (one, other) in enumerate(zip(first, second, strict=True)):
        assert np.array_equal(renderer.render(open_mouthed, one), alone[0][index])
        assert np.array_equal(renderer.render(open_mouthed, other), alone[1][index])
    assert pickle.dumps(open_mouthed) == before


@pytest.mark.parametrize(("size", "step"), [(128, 2), (512, 8)])
def test_an_avatar_of_another_size_is_scaled(renderer: MeshRenderer, closed: MeshState, size: int, step: int) -> None:
    other = MeshRenderer(size=size, grid_step=step, iterations=10)
    state = other.prepare(drawn_avatar())
    assert (other.width, other.height, other.channels) == (size, size, 3)
    frame = motion(jaw_open=0.2, head_yaw=12.0, head_pitch=-6.0, head_roll=5.0)
    shown = cv2.resize(other.render(state, frame), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    away = np.abs(shown.astype(int) - renderer.render(closed, frame))
    still = np.abs(renderer.render(closed, CORE7.neutral).astype(int) - renderer.render(closed, frame))
    assert away.mean() < 0.3 * still.mean()


@pytest.mark.parametrize(
    ("size", "step", "iterations"), [(510, 4, 8), (508, 4, 8), (512, 4, 0), (0, 4, 8), (512, 0, 8)]
)
def test_numbers_that_do_not_fit_together_are_refused(size: int, step: int, iterations: int) -> None:
    with pytest.raises(RenderError, match=r"Correct conf/render/mesh.yaml"):
        MeshRenderer(size=size, grid_step=step, iterations=iterations)


def test_an_avatar_of_which_nothing_moves_is_refused() -> None:
    avatar = drawn_avatar()
    outside = replace(avatar, landmarks=avatar.landmarks + np.float32([0, 250, 0]))
    with pytest.raises(RenderError, match="nothing of its face that moves is seen"):
        MeshRenderer(size=256, grid_step=4, iterations=4).prepare(outside)
