import numpy as np
import pytest

from src.errors import RenderError
from src.motion import ARKIT55, CORE7, Motion, core7_of
from src.render.mesh.controls import Controls


def arkit(**values: float) -> np.ndarray:
    frame = np.zeros(ARKIT55.size, np.float32)
    for name, value in values.items():
        frame[ARKIT55.index(name)] = value
    return frame


@pytest.mark.parametrize("spec", [CORE7, ARKIT55])
def test_a_neutral_frame_asks_for_nothing(spec) -> None:
    asked = Controls.of(spec.neutral)
    assert asked == Controls(0.0, 0.0, 0.0, 0.0, 0.0, (0.0, 0.0), ((0.0, 0.0), (0.0, 0.0)), {})


def test_core7_moves_what_moves_along() -> None:
    wide, narrow = np.eye(7, dtype=np.float32)[[1, 2]] * 0.1
    assert set(Controls.of(wide).shapes) == {"mouthSmileLeft", "mouthSmileRight"}
    assert set(Controls.of(narrow).shapes) == {"mouthPucker"}
    assert Controls.of(narrow).width == pytest.approx(-0.1)


def test_arkit_has_jaw_width_and_head_of_its_projection() -> None:
    frame = arkit(jawOpen=0.5, mouthSmileLeft=0.4, mouthSmileRight=0.4, head_yaw=12.0)
    core = core7_of(Motion(frame[None], ARKIT55)).values[0]
    asked = Controls.of(frame)
    assert (asked.jaw_open, asked.width, asked.yaw) == pytest.approx((core[0], core[1] - core[2], core[3]))
    assert "jawOpen" not in asked.shapes


def test_each_lid_and_each_eye_is_its_own() -> None:
    asked = Controls.of(arkit(eyeBlinkRight=1.0, eyeLookOutLeft=1.0, eyeLookInRight=1.0))
    assert asked.blink == (1.0, 0.0)
    (right_yaw, _), (left_yaw, _) = asked.gaze
    assert right_yaw == left_yaw == 25.0  # both to the person's left, as a growing head_yaw


@pytest.mark.parametrize("frame", [np.zeros(8), np.full(7, np.nan), np.zeros((2, 7))])
def test_other_frames_are_refused_in_words(frame: np.ndarray) -> None:
    with pytest.raises(RenderError, match="7 of core7 or 55 of arkit55"):
        Controls.of(frame)
