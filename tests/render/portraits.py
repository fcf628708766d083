"""Avatars made in the test: a drawn face with real proportions, no detector needed."""

import cv2
import numpy as np
from numpy.typing import NDArray

from src.face import FACE_OVAL, INNER_LIP, LEFT_EYE, NUM_LANDMARKS, OUTER_LIP, RIGHT_EYE
from src.render.avatar import Avatar
from src.render.matting import filled_background

SIDE = 256


def drawn_landmarks(gap: float = 0.0) -> NDArray[np.float32]:
    """(478, 3) points of a frontal relief face 120 pixels wide in the middle of a 256-pixel picture.

    Args:
        gap: opening between the inner lips in pixels.
    """
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-55, 55, NUM_LANDMARKS), rng.uniform(-65, 65, NUM_LANDMARKS)
    points = np.stack([x, y], axis=1)

    def ring(indices: tuple[int, ...], centre: tuple[float, float], width: float, height: float, start: float) -> None:
        turn = start + np.linspace(0, 2 * np.pi, len(indices), endpoint=False)
        points[list(indices)] = np.stack([centre[0] + width * np.cos(turn), centre[1] + height * np.sin(turn)], axis=1)

    ring(FACE_OVAL, (0, 0), 60, 72, -np.pi / 2)
    ring(RIGHT_EYE, (-26, -18), 11, 4, np.pi)
    ring(LEFT_EYE, (26, -18), 11, 4, np.pi)
    ring(OUTER_LIP, (0, 34), 23, 7, np.pi)
    ring(INNER_LIP, (0, 34), 20, gap / 2 + 1e-3, np.pi)
    points[[1, 2]] = (0, 10), (0, 18)
    points[[46, 53, 52, 65, 55]] = [(-36, -30), (-31, -32), (-26, -33), (-20, -32), (-15, -30)]
    points[[276, 283, 282, 295, 285]] = [(36, -30), (31, -32), (26, -33), (20, -32), (15, -30)]
    inside = np.clip(1 - (points[:, 0] / 62) ** 2 - (points[:, 1] / 76) ** 2, 0, 1)
    z = -45 * np.sqrt(inside) + 20
    z[1] -= 12
    landmarks = np.column_stack([points + SIDE / 2, z])
    return landmarks.astype(np.float32)


def drawn_matte() -> NDArray[np.uint8]:
    """(256, 256) head, neck and shoulders under `drawn_landmarks`, with a border of a few pixels."""
    matte = np.zeros((SIDE, SIDE), np.uint8)
    middle = SIDE // 2
    cv2.ellipse(matte, (middle, middle - 8), (74, 90), 0, 0, 360, (255,), -1)
    cv2.ellipse(matte, (middle, SIDE + 30), (116, 70), 0, 0, 360, (255,), -1)
    cv2.rectangle(matte, (middle - 36, middle), (middle + 36, SIDE), (255,), -1)
    return np.asarray(cv2.GaussianBlur(matte, (0, 0), 2), np.uint8)


def drawn_avatar(gap: float = 0.0) -> Avatar:
    """A smooth, coloured picture under `drawn_landmarks`."""
    rng = np.random.default_rng(1)
    noise = cv2.GaussianBlur(rng.uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32), (0, 0), 6)
    noise = (noise - noise.min()) / np.ptp(noise) * 160 + 60
    image, matte = noise.astype(np.uint8), drawn_matte()
    crop = (0, 0, SIDE)
    return Avatar("drawn", image, drawn_landmarks(gap), matte, filled_background(image, matte), crop, "0" * 64)
