"""What the mesh renderer is asked for, in its own terms: `core7` and `arkit55` both come down to this.

`core7` says little, so its channels drive what moves along in a real face: corners that part rise a little, corners
that close push the lips forward, lids that shut draw the brows down. `arkit55` says these things itself. Its jaw, width
and lids are those of `core7_of`; what this module calls shapes is only what that projection leaves out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.errors import RenderError
from src.motion import ARKIT55, CORE7, Motion, MotionSpec, core7_of

LARGEST_GAZE_DEG = 25.0
"""Turn of an eye at a look of 1. Eyes go further, but people turn the head then."""

LID_GAIN = 1.8
"""Of `eyeBlink` to a lid's closing, as in `core7_of`: MediaPipe scores a shut lid at little more than a half."""

SMILE_OF_WIDTH, PUCKER_OF_WIDTH, BROWS_OF_BLINK = 1.5, 5.0, 0.12
"""Share of a shape per unit of a `core7` channel that it moves along with."""

SPECS = (CORE7, ARKIT55)
"""What can be rendered; a frame's length tells which it is."""

_IN_CORE7 = {"_neutral", "jawOpen", "eyeBlinkLeft", "eyeBlinkRight"}
_SHAPES = tuple(
    name for name in ARKIT55.names if name not in _IN_CORE7 | set(CORE7.names) and not name.startswith("eyeLook")
)


@dataclass(frozen=True)
class Controls:
    """One motion frame for the renderer, every value inside its range.

    Attributes:
        jaw_open: gap between the inner lips, over face size.
        width: way of the lip corners apart (positive) or together, over face size.
        yaw, pitch, roll: of the head, degrees.
        blink: closing of the person's right and left lid, 0 .. 1.
        gaze: (yaw, pitch) of the right and of the left eye in degrees, signs as of the head.
        shapes: further blendshapes by their ARKit names, those above 0, up to 1.
    """

    jaw_open: float
    width: float
    yaw: float
    pitch: float
    roll: float
    blink: tuple[float, float]
    gaze: tuple[tuple[float, float], tuple[float, float]]
    shapes: Mapping[str, float]

    @classmethod
    def of(cls, frame: ArrayLike, moves_along: float = 1.0) -> "Controls":
        """Read a motion frame.

        Args:
            frame: (7,) values of `core7` or (55,) of `arkit55`; values outside their ranges are clamped.
            moves_along: factor of what `core7` drives without naming it.

        Raises:
            RenderError: the frame has another number of values or is not finite.
        """
        values = np.asarray(frame, np.float32)
        spec = next((spec for spec in SPECS if values.shape == (spec.size,)), None)
        if spec is None or not np.isfinite(values).all():
            expected = " or ".join(f"{spec.size} of {spec.name}" for spec in SPECS)
            raise RenderError(
                f"motion frame of shape {values.shape} can't be rendered, expected finite values, {expected}. "
                "Predict or convert the motion with one of these specs."
            )
        values = np.clip(values, spec.minimum, spec.maximum)
        return _of_core7(values, moves_along) if spec is CORE7 else _of_arkit55(values, spec)


def _of_core7(values: NDArray[np.float32], moves_along: float) -> Controls:
    jaw_open, wide, narrow, yaw, pitch, roll, blink = values.tolist()
    width = wide - narrow
    along = {
        "mouthSmile": SMILE_OF_WIDTH * max(width, 0.0),
        "mouthPucker": PUCKER_OF_WIDTH * max(-width, 0.0),
        "browDown": BROWS_OF_BLINK * blink,
    }
    shapes = {
        side: min(moves_along * value, 1.0)
        for name, value in along.items()
        for side in ([name] if name in _SHAPES else [f"{name}Left", f"{name}Right"])
        if moves_along * value > 0
    }
    return Controls(jaw_open, width, yaw, pitch, roll, (blink, blink), ((0.0, 0.0), (0.0, 0.0)), shapes)


def _of_arkit55(values: NDArray[np.float32], spec: MotionSpec) -> Controls:
    core = _of_core7(core7_of(Motion(values[None], spec)).values[0], moves_along=0.0)
    value = dict(zip(spec.names, values.tolist(), strict=True))
    right, left = (min(LID_GAIN * value[f"eyeBlink{side}"], 1.0) for side in ("Right", "Left"))
    shapes = {name: value[name] for name in _SHAPES if value[name] > 0}
    gaze = _gaze(value, "Right", outwards=-1.0), _gaze(value, "Left", outwards=1.0)
    return Controls(core.jaw_open, core.width, core.yaw, core.pitch, core.roll, (right, left), gaze, shapes)


def _gaze(value: Mapping[str, float], side: str, outwards: float) -> tuple[float, float]:
    """(yaw, pitch) of an eye; `outwards` is the sign of a yaw away from the nose."""
    yaw = outwards * (value[f"eyeLookOut{side}"] - value[f"eyeLookIn{side}"])
    pitch = value[f"eyeLookUp{side}"] - value[f"eyeLookDown{side}"]
    return LARGEST_GAZE_DEG * yaw, LARGEST_GAZE_DEG * pitch
