"""How far an avatar moves: a factor per channel of `core7`, for motion of every vocabulary that can be rendered."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.errors import RenderError
from src.motion import ARKIT55, CORE7, Motion, core7_of

_DRIVEN = core7_of(Motion(np.eye(ARKIT55.size, dtype=np.float32), ARKIT55)).values
"""(55, 7): by how much each channel of `arkit55` moves those of `core7`, none more than one of them."""


def scaled(frame: ArrayLike, factors: ArrayLike) -> NDArray[np.float32]:
    """Motion that goes further, or less far, from the neutral face.

    A blendshape has the factor of the channel that `core7_of` counts it to: with `jaw_open` at 0 neither `jawOpen`
    nor the shapes that lift and lower the lips part them. Shapes that `core7_of` leaves out stay as they are.

    Args:
        frame: (..., 7) values of `core7` or (..., 55) of `arkit55`.
        factors: (7,) in the order of `core7`; 0 keeps a channel neutral, 1 changes nothing.

    Returns:
        The same shape, inside the ranges of the vocabulary.

    Raises:
        RenderError: the frame has another number of values.
    """
    values, gains = np.asarray(frame, np.float32), np.asarray(factors, np.float32)
    channels = values.shape[-1] if values.ndim else 0
    if channels not in (CORE7.size, ARKIT55.size):
        raise RenderError(
            f"motion frame of shape {values.shape} can't be rendered, expected {CORE7.size} values of {CORE7.name} or "
            f"{ARKIT55.size} of {ARKIT55.name}. Predict or convert the motion with one of these specs."
        )
    spec = CORE7 if channels == CORE7.size else ARKIT55
    if spec is ARKIT55:
        gains = np.where(_DRIVEN.any(axis=1), gains[_DRIVEN.argmax(axis=1)], np.float32(1))
    return np.clip(spec.neutral + gains * (values - spec.neutral), spec.minimum, spec.maximum).astype(np.float32)
