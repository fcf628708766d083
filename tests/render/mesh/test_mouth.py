"""The inside of the mouth, on drawn faces: own teeth, drawn ones, and what moves with what."""

import numpy as np
import pytest

from src.motion import CORE7
from src.render.mesh import MeshRenderer
from src.render.mesh.expression import Mouth, find_mouth
from src.render.mesh.mouth import Inside, paint_inside
from src.render.mesh.teeth import LOWER, UPPER, own_teeth, row_of_teeth
from tests.render.portraits import SIDE, drawn_avatar

TEETH = np.array([230.0, 225.0, 215.0], np.float32)
GUM = np.array([180.0, 110.0, 110.0], np.float32)


def opened(inside: Inside, mouth: Mouth, jaw_px: float, turn: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """The inside behind lips that are far apart."""
    columns = inside.left + np.arange(inside.cavity.shape[1])
    low, high = np.full(len(columns), -12.0), np.full(len(columns), 36.0)
    ends = np.array([-mouth.half_width, mouth.half_width])
    return inside.picture(jaw_px, turn, low, high, ends, mouth.face_size)


@pytest.fixture(scope="module")
def closed() -> tuple[Mouth, Inside]:
    avatar = drawn_avatar()
    mouth = find_mouth(avatar.landmarks, avatar.face_size)
    return mouth, paint_inside(avatar.image, avatar.landmarks, mouth)


def test_nothing_shows_beyond_the_lips(closed: tuple[Mouth, Inside]) -> None:
    mouth, inside = closed
    shown = opened(inside, mouth, 20.0)
    rows = inside.top + np.arange(len(shown))
    columns = inside.left + np.arange(shown.shape[1])
    assert not shown[(rows < -14) | (rows > 38)].any()
    assert not shown[:, np.abs(columns) > mouth.half_width].any()


def test_the_jaw_takes_lower_teeth_along_and_leaves_the_upper_ones(closed: tuple[Mouth, Inside]) -> None:
    mouth, inside = closed
    shut, low = opened(inside, mouth, 10.0), opened(inside, mouth, 25.0)
    top = int(-5 - inside.top)
    middle = shut.shape[1] // 2
    assert np.allclose(shut[top, middle], low[top, middle])
    assert np.abs(shut - low)[top + 8 :].max() > 20.0


@pytest.mark.parametrize(("turn", "axis", "sign"), [((15.0, 0.0), 1, -1), ((0.0, 15.0), 0, 1)])
def test_teeth_lie_behind_the_lips(
    closed: tuple[Mouth, Inside], turn: tuple[float, float], axis: int, sign: int
) -> None:
    mouth, inside = closed
    upper, _, _ = inside.layers
    still, turned = opened(inside, mouth, 20.0), opened(inside, mouth, 20.0, turn)
    # A head that turns to the picture's right leaves what is deep behind on the left; looking up leaves it below.
    shifted = np.roll(still, sign, axis=axis)
    opposite = np.roll(still, -sign, axis=axis)
    part = np.s_[int(-6 - inside.top) : int(4 - inside.top), upper.shape[1] // 2 - 8 : upper.shape[1] // 2 + 8]
    assert np.abs(turned - shifted)[part].mean() < np.abs(turned - opposite)[part].mean()


def test_teeth_get_narrower_to_the_sides_and_deeper() -> None:
    u = np.linspace(0, 0.28, 50, dtype=np.float32)
    for arch in (UPPER, LOWER):
        assert (np.diff(arch.depth(np.minimum(u, arch.half_width))) >= 0).all()
    u = np.arange(-40, 41, dtype=np.float32)[None]
    v = np.arange(-20, 21, dtype=np.float32)[:, None]
    row = row_of_teeth(UPPER, u, v, 0.0, 100.0, (TEETH, GUM))
    assert np.allclose(row, row[:, ::-1], atol=0.5)
    assert not row[25:].any()
    assert row[15, 40, :3].mean() > row[15, 62, :3].mean() > 0


def test_borders_of_teeth_are_a_hint() -> None:
    u, v = np.arange(-9, 10, dtype=np.float32)[None], np.arange(-12, 1, dtype=np.float32)[:, None]
    row = row_of_teeth(UPPER, u, v, 0.0, 150.0, (TEETH, GUM))[4, :, :3].mean(axis=-1)
    assert 0.75 < row.min() / row.max() < 0.99


def test_a_portraits_own_teeth_are_split_between_skull_and_jaw() -> None:
    avatar = drawn_avatar(20.0)
    mouth = find_mouth(avatar.landmarks, avatar.face_size)
    image = np.full_like(avatar.image, 120)
    image[:160], image[160:165], image[165:] = 220, 20, 180  # the lips' line is at 162
    u, v = np.arange(-15, 16, dtype=np.float32)[None], np.arange(-30, 31, dtype=np.float32)[:, None]
    skull, jaw = own_teeth(image, mouth, u, v)
    middle = 15
    rows = np.arange(-30, 31)
    assert (skull[rows < -5, middle, 3] > 0.9).all()
    assert (jaw[rows > 6, middle, 3] > 0.9).all()
    assert not (skull[(rows > -1) & (rows < 2), middle, 3] > 0.1).any()
    assert not (jaw[rows < 0, middle, 3] > 0.1).any()


def test_grey_photos_have_grey_mouths() -> None:
    avatar = drawn_avatar()
    grey = np.repeat(avatar.image.mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.uint8)
    mouth = find_mouth(avatar.landmarks, avatar.face_size)
    inside = paint_inside(grey, avatar.landmarks, mouth)
    for layer in (inside.cavity, *inside.layers):
        assert np.ptp(layer[..., :3], axis=-1).max() < 20.0


def test_a_wider_mouth_has_brighter_teeth_and_its_corners_stay_dark(closed: tuple[Mouth, Inside]) -> None:
    mouth, inside = closed
    unit, columns = mouth.face_size, inside.left + np.arange(inside.cavity.shape[1])
    ends = np.array([-mouth.half_width, mouth.half_width])
    middle, corner = (int(np.argmin(np.abs(columns - share * mouth.half_width))) for share in (0.0, 0.8))
    brightest = []
    for gap in (0.05, 0.1, 0.2, 0.35):
        upper = np.zeros(len(columns), np.float32)
        shown = inside.picture(0.0, (0.0, 0.0), upper, upper + gap * unit, ends, unit)[..., :3].mean(axis=-1)
        brightest.append(shown[:, middle].max())
        assert shown[:, corner].max() < 0.8 * shown[:, middle].max()
    assert (np.diff(brightest) > 0).all()
    assert brightest[0] < 0.6 * brightest[-1]


@pytest.mark.parametrize("gap_px", [6.0, 10.0, 20.0])
def test_a_mouth_as_open_as_in_the_photo_is_the_photos(gap_px: float) -> None:
    avatar = drawn_avatar(gap_px)
    renderer = MeshRenderer(size=SIDE, grid_step=4, iterations=10)
    state = renderer.prepare(avatar)
    frame = CORE7.neutral.copy()
    frame[CORE7.index("jaw_open")] = state.mouth.gap / state.mouth.face_size
    difference = np.abs(renderer.render(state, frame).astype(int) - avatar.image)
    assert difference.max() <= 1
    frame[CORE7.index("jaw_open")] *= 0.5
    assert np.abs(renderer.render(state, frame).astype(int) - avatar.image).max() > 20
