"""The mouth in the picture: a lower lip that begins below its landmarks is found, shadows of a wide mouth go."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from src.face import OUTER_LIP
from src.motion import CORE7
from src.render.mesh import MeshRenderer
from src.render.mesh.expression import Mouth, find_mouth
from src.render.mesh.own_mouth import with_found_lip, without_teeth
from tests.render.portraits import SIDE, drawn_avatar, drawn_landmarks

SKIN, LIP, TOOTH, SHINE = (200, 150, 130), (150, 75, 75), (225, 220, 210), (205, 150, 150)
BAND = 7.0
"""Height of the teeth below the inner line, pixels."""


def lips(*, teeth: bool, grey: bool, shine: bool = False) -> tuple[NDArray[np.uint8], NDArray[np.float32], Mouth]:
    """A closed mouth by its landmarks, with full lips, on which teeth are seen or light shines."""
    landmarks = drawn_landmarks()
    outline = list(OUTER_LIP)
    landmarks[outline, 1] = SIDE / 2 + 34 + 2.2 * (landmarks[outline, 1] - SIDE / 2 - 34)
    image = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    cv2.fillPoly(image, [np.round(landmarks[outline, :2]).astype(np.int32)], LIP)
    middle, line = SIDE // 2, SIDE // 2 + 34
    if teeth:
        cv2.rectangle(image, (middle - 14, line), (middle + 14, line + round(BAND)), TOOTH, -1)
    if shine:
        cv2.rectangle(image, (middle - 12, line + 5), (middle + 12, line + 8), SHINE, -1)
    if grey:
        image = np.repeat(image.mean(axis=-1, keepdims=True).astype(np.uint8), 3, axis=-1)
    return image, landmarks, find_mouth(landmarks, 80.0)


@pytest.mark.parametrize("grey", [False, True])
def test_teeth_below_the_line_are_no_lip(grey: bool) -> None:
    image, landmarks, mouth = lips(teeth=True, grey=grey)
    found = with_found_lip(image, landmarks, mouth)
    assert mouth.gap == 0
    assert abs(found.found - BAND) < 2.0
    assert 0.4 * BAND < found.gap <= 0.6 * BAND + 1
    assert np.allclose(found.upper, mouth.upper)
    assert np.allclose(found.lower[[0, -1]], mouth.lower[[0, -1]])
    # Nothing bright is left to cling to the lip, the lip itself stays as it was.
    painted = without_teeth(image, found)
    middle, line = SIDE // 2, SIDE // 2 + 34
    assert np.abs(painted[line + 2 : line + 6, middle].astype(int) - image[line + 12, middle]).max() < 40
    assert np.array_equal(painted[line + 12, middle], image[line + 12, middle])


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("shine", [False, True])
def test_a_lip_is_left_alone(grey: bool, shine: bool) -> None:
    image, landmarks, mouth = lips(teeth=False, grey=grey, shine=shine)
    assert with_found_lip(image, landmarks, mouth) is mouth


def test_closed_mouths_keep_their_picture() -> None:
    avatar = drawn_avatar()
    assert without_teeth(avatar.image, find_mouth(avatar.landmarks, avatar.face_size)) is avatar.image


def test_shadows_beside_a_wide_mouth_are_gone_when_it_closes() -> None:
    avatar = drawn_avatar(30.0)
    mouth = find_mouth(avatar.landmarks, avatar.face_size)
    image = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    inner = np.concatenate([mouth.lip_points[0], mouth.lip_points[1][::-1]])
    cv2.fillPoly(image, [np.round(inner).astype(np.int32)], (30, 10, 10))
    for x, y in mouth.lip_points[0][[0, -1]]:
        cv2.circle(image, (round(x), round(y)), 2, (30, 10, 10), -1)
    painted = without_teeth(image, mouth)
    assert painted.mean(axis=-1).min() > 0.7 * np.mean(SKIN)


def test_a_smile_that_landmarks_take_for_closed_closes_and_opens_evenly() -> None:
    image, landmarks, _ = lips(teeth=True, grey=False)
    plain = drawn_avatar()
    avatar = type(plain)(plain.name, image, landmarks, plain.matte, image, plain.crop, plain.source_sha256)
    renderer = MeshRenderer(size=SIDE, grid_step=4, iterations=10)
    state = renderer.prepare(avatar)
    around = np.s_[SIDE // 2 + 24 : SIDE // 2 + 50, SIDE // 2 - 8 : SIDE // 2 + 8]
    own = state.mouth.gap / state.mouth.face_size
    brightest = []
    for jaw_open in (0.0, 0.5 * own, own, 1.5 * own):
        frame = CORE7.neutral.copy()
        frame[CORE7.index("jaw_open")] = jaw_open
        brightest.append(renderer.render(state, frame)[around].min(axis=-1).max())
    # The photo's bright teeth would flash at one opening only.
    assert max(brightest) < TOOTH[2] - 40
