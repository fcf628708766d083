"""A face of 478 landmarks that needs no picture: eyes, lips, forehead and chin where they belong, the rest anywhere."""

import numpy as np

from src.face import (
    CHIN,
    FOREHEAD,
    INNER_LIP,
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    NUM_LANDMARKS,
    OUTER_LIP,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
)
from src.motion import head_rotation


def made_up_face() -> np.ndarray:
    """(478, 3) in face sizes, the middle of the eyes at 0, seen from the front."""
    face = np.random.default_rng(5).uniform([-0.7, -0.6, -0.3], [0.7, 1.0, 0.3], (NUM_LANDMARKS, 3))
    corners = {RIGHT_EYE_OUTER: -0.5, RIGHT_EYE_INNER: -0.17, LEFT_EYE_INNER: 0.17, LEFT_EYE_OUTER: 0.5}
    for landmark, x in corners.items():
        face[landmark] = x, 0.0, 0.0
    face[FOREHEAD], face[CHIN] = (0.0, -0.6, 0.0), (0.0, 1.1, 0.0)
    for contour, radius in ((INNER_LIP, 0.15), (OUTER_LIP, 0.25)):
        turn = np.pi + 2 * np.pi * np.arange(len(contour)) / len(contour)
        lips = np.stack([radius * np.cos(turn), 0.7 + 0.3 * radius * np.sin(turn), np.zeros(len(turn))], axis=1)
        face[list(contour)] = lips
    return face


def turned(faces: np.ndarray, yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray, size_px: float) -> np.ndarray:
    """(T, 478, 3) pixels of faces whose heads turn by degrees, somewhere in a picture."""
    return size_px * np.einsum("tij,tpj->tpi", head_rotation(yaw, pitch, roll), faces) + [320.0, 200.0, 0.0]
