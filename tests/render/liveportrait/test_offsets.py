"""Every channel is shown by the table or by a network, or is said not to be."""

import pytest

from src.motion import ARKIT55, CORE7
from src.render.liveportrait.offsets import NOT_SHOWN, TABLE, expression_offsets

BY_NETWORKS = {
    "jaw_open", "eye_blink", "jawOpen",
    *(f"{name}{side}" for name in ("eyeBlink", "eyeSquint", "eyeWide", "mouthUpperUp", "mouthLowerDown")
      for side in ("Left", "Right")),
}  # fmt: skip
HEAD = {"head_yaw", "head_pitch", "head_roll"}


def test_no_channel_is_forgotten() -> None:
    names = {*CORE7.names, *ARKIT55.names}
    assert names == BY_NETWORKS | HEAD | set(TABLE) | set(NOT_SHOWN)
    assert len(names) == len(BY_NETWORKS) + len(HEAD) + len(TABLE) + len(NOT_SHOWN)


def test_offsets_are_those_of_the_editor() -> None:
    offsets = expression_offsets(ARKIT55).view(ARKIT55.size, 21, 3)
    smile = offsets[[ARKIT55.index("mouthSmileLeft"), ARKIT55.index("mouthSmileRight")]].sum(dim=0)
    assert smile[14, 1] == pytest.approx(1.3 * -0.02)
    assert smile[17, 2] == pytest.approx(1.3 * 0.003)
    assert expression_offsets(CORE7)[CORE7.index("mouth_wide")][20 * 3 + 1] * 0.2 == pytest.approx(-0.015)
    assert not offsets[ARKIT55.index("cheekPuff")].any()


def test_the_eyes_look_where_they_are_asked_to() -> None:
    offsets = expression_offsets(ARKIT55).view(ARKIT55.size, 21, 3)

    def look(*shapes: str) -> list[float]:
        return offsets[[ARKIT55.index(shape) for shape in shapes]].sum(dim=0)[[11, 15]].mean(dim=0).tolist()

    to_the_persons_left = look("eyeLookOutLeft", "eyeLookInRight")
    to_the_persons_right = look("eyeLookInLeft", "eyeLookOutRight")
    assert to_the_persons_left == pytest.approx([0.0255, 0, 0])
    assert to_the_persons_right == pytest.approx([-0.0255, 0, 0])
    assert look("eyeLookUpLeft", "eyeLookUpRight")[1] < 0 < look("eyeLookDownLeft", "eyeLookDownRight")[1]
