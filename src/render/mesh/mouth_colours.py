"""Colours of teeth, gum, tongue and the dark behind them, under the light that falls on a portrait.

Skin and eye whites tell how bright that light is, skin and lips its colour: a dark face has bright teeth, and a
black-and-white photo grey ones.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from src.face import LEFT_EYE, LOWER_OUTER_LIP, RIGHT_EYE, UPPER_OUTER_LIP
from src.render.mesh.geometry import Array

CHEEKS = (50, 280, 101, 330)


@dataclass(frozen=True)
class Colours:
    """What is inside the mouth under the light of a portrait; (3,) float32 each, 0 .. 255.

    Attributes:
        enamel, gum, tongue, cavity: their colours where all light gets.
        lip_tint: colour of light that comes off the lips over that which falls on them, about 1.
    """

    enamel: Array
    gum: Array
    tongue: Array
    cavity: Array
    lip_tint: Array


def mouth_colours(image: NDArray[np.uint8], landmarks: Array) -> Colours:
    """Colours for the mouth of a portrait.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) pixels.
    """
    skin, lip = _colour(image, landmarks, CHEEKS), _colour(image, landmarks, UPPER_OUTER_LIP + LOWER_OUTER_LIP)
    brightness = max(float(skin.mean()), 1.0)
    # Eye whites tell the light where skin is dark; skin tells it where eyes are in the shade or painted over.
    whites = float(np.clip(_eye_whites(image, landmarks), 0.9 * brightness, 2.6 * brightness))
    light = float(np.clip(0.5 * whites + 0.5 * 1.12 * brightness, 60.0, 225.0))
    colourful = float(np.clip((skin.max() - skin.min()) / (0.25 * skin.max() + 1.0), 0.0, 1.0))
    tint = 0.62 + 0.38 * (1 + 0.6 * (skin / brightness - 1))

    def flesh(*reflectance: float) -> Array:
        own = np.array(reflectance, np.float32)
        return own.mean() + (own - own.mean()) * colourful

    pink = light * tint * flesh(0.72, 0.42, 0.41)
    return Colours(
        enamel=(light * tint).astype(np.float32),
        gum=(0.5 * pink + 0.5 * lip).astype(np.float32),
        tongue=(0.6 * pink + 0.4 * lip).astype(np.float32),
        cavity=(light * flesh(0.24, 0.10, 0.085)).astype(np.float32),
        lip_tint=(((lip + 1) / (lip.mean() + 1)) ** 0.6).astype(np.float32),
    )


def _eye_whites(image: NDArray[np.uint8], landmarks: Array) -> float:
    """Brightness of the eyes beside iris and highlight."""
    mask = np.zeros(image.shape[:2], np.uint8)
    for eye in (RIGHT_EYE, LEFT_EYE):
        cv2.fillPoly(mask, [np.round(landmarks[list(eye), :2]).astype(np.int32)], (255,))
    inside = image[mask > 0].mean(axis=-1)
    return float(np.percentile(inside, 80)) if len(inside) else 0.0


def _colour(image: NDArray[np.uint8], landmarks: Array, indices: tuple[int, ...]) -> Array:
    height, width = image.shape[:2]
    x = np.clip(np.round(landmarks[list(indices), 0]).astype(int), 1, width - 2)
    y = np.clip(np.round(landmarks[list(indices), 1]).astype(int), 1, height - 2)
    smooth = cv2.blur(image, (3, 3))
    return np.median(smooth[y, x], axis=0).astype(np.float32)
