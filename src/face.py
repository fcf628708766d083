"""Names for the points of MediaPipe FaceMesh: which of its 478 landmarks is what on a face.

Labels measure these points, the mesh renderer moves them, avatars store them. Left and right are the
person's own. Contours run around the outline in order; upper and lower lists go from the person's
right corner to the left one, corners left out.

Source: the landmark map that MediaPipe publishes with its canonical face model (Apache-2.0).
"""

import numpy as np
from numpy.typing import NDArray

NUM_LANDMARKS = 478

RIGHT_EYE_OUTER, RIGHT_EYE_INNER = 33, 133
LEFT_EYE_INNER, LEFT_EYE_OUTER = 362, 263
FACE_SIZE_POINTS = (RIGHT_EYE_OUTER, LEFT_EYE_OUTER)
"""Their distance is the face size that mouth channels are ratios of (`src/motion.py`)."""

RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER = 61, 291
INNER_LIP_TOP, INNER_LIP_BOTTOM = 13, 14
OUTER_LIP_TOP, OUTER_LIP_BOTTOM = 0, 17
RIGHT_INNER_CORNER, LEFT_INNER_CORNER = 78, 308
UPPER_INNER_LIP = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_INNER_LIP = (95, 88, 178, 87, 14, 317, 402, 318, 324)
UPPER_OUTER_LIP = (185, 40, 39, 37, 0, 267, 269, 270, 409)
LOWER_OUTER_LIP = (146, 91, 181, 84, 17, 314, 405, 321, 375)
INNER_LIP = (RIGHT_INNER_CORNER, *UPPER_INNER_LIP, LEFT_INNER_CORNER, *reversed(LOWER_INNER_LIP))
OUTER_LIP = (RIGHT_MOUTH_CORNER, *UPPER_OUTER_LIP, LEFT_MOUTH_CORNER, *reversed(LOWER_OUTER_LIP))

RIGHT_UPPER_LID = (246, 161, 160, 159, 158, 157, 173)
RIGHT_LOWER_LID = (7, 163, 144, 145, 153, 154, 155)
LEFT_UPPER_LID = (398, 384, 385, 386, 387, 388, 466)
LEFT_LOWER_LID = (382, 381, 380, 374, 373, 390, 249)
RIGHT_EYE = (RIGHT_EYE_OUTER, *RIGHT_UPPER_LID, RIGHT_EYE_INNER, *reversed(RIGHT_LOWER_LID))
LEFT_EYE = (LEFT_EYE_INNER, *LEFT_UPPER_LID, LEFT_EYE_OUTER, *reversed(LEFT_LOWER_LID))
RIGHT_IRIS, LEFT_IRIS = (468, 469, 470, 471, 472), (473, 474, 475, 476, 477)
RIGHT_EAR_POINTS = (33, 160, 158, 133, 153, 144)
LEFT_EAR_POINTS = (263, 387, 385, 362, 380, 373)
"""Of the eye aspect ratio: corner, two upper, corner, two lower."""

RIGHT_BROW = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
LEFT_BROW = (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)
"""Around each brow: its lower edge from the outer end to the inner one, and back along its upper edge."""

NOSE_TIP, NOSE_BRIDGE, CHIN, FOREHEAD = 1, 168, 152, 10
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip

RIGID = (
    33, 133, 362, 263, 168, 6, 197, 195, 5, 10, 151, 9, 8, 108, 337, 69, 299, 67, 297, 127, 356, 234, 454, 162, 389,
)  # fmt: skip
"""Points that speech and blinks hardly move: eye corners, nose bridge, forehead, temples."""

MIDFACE = (
    1, 4, 6, 8, 19, 22, 24, 26, 28, 30, 33, 35, 44, 46, 48, 50, 52, 55, 59, 63, 65, 70, 75, 93, 97, 99, 101, 105,
    110, 112, 114, 116, 118, 120, 122, 124, 126, 128, 130, 132, 134, 139, 142, 144, 147, 154, 156, 158, 160, 162,
    166, 173, 177, 188, 190, 195, 197, 203, 206, 209, 217, 219, 221, 223, 225, 227, 229, 231, 233, 235, 237, 239,
    241, 243, 245, 247, 249, 251, 253, 255, 257, 259, 261, 264, 266, 275, 277, 279, 281, 283, 286, 290, 294, 296,
    300, 305, 323, 327, 329, 331, 336, 340, 342, 344, 346, 348, 350, 352, 354, 356, 358, 360, 363, 368, 371, 373,
    376, 381, 383, 385, 387, 389, 392, 399, 411, 413, 417, 420, 425, 429, 438, 440, 442, 444, 446, 448, 450, 452,
    454, 456, 458, 460, 462, 464, 466,
)  # fmt: skip
"""Every second point from the brows to below the nose: skin that neither the jaw nor the hair line moves."""


def eye_aspect_ratio(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far the eyes are open: height over width, the mean of both.

    Args:
        landmarks: (..., 478, 3) points of faces.

    Returns:
        (...) ratios, about 0.3 for open eyes.

    Reference:
        Soukupova, Cech: Real-Time Eye Blink Detection using Facial Landmarks, CVWW 2016.
    """
    return (_aspect_ratio(landmarks, RIGHT_EAR_POINTS) + _aspect_ratio(landmarks, LEFT_EAR_POINTS)) / 2


CLOSED_EYE = 0.3
"""Eye aspect ratio of a shut eye as a share of the open one: FaceMesh hardly brings the lids together (0.13 to 0.35 at
the bottom of blinks in news, interview and laboratory footage)."""


def eye_closure(ratio: NDArray[np.float64], open_ratio: float) -> NDArray[np.float64]:
    """How far the eyes are shut, 0 open and 1 shut: `eye_blink` of `core7` before it is clamped.

    Args:
        ratio: (...) of `eye_aspect_ratio`.
        open_ratio: that of the same person's open eyes.
    """
    return (open_ratio - ratio) / (open_ratio - CLOSED_EYE * open_ratio)


def _aspect_ratio(landmarks: NDArray[np.floating], eye: tuple[int, ...]) -> NDArray[np.float64]:
    outer, upper_1, upper_2, inner, lower_2, lower_1 = (landmarks[..., index, :] for index in eye)
    heights = np.linalg.norm(upper_1 - lower_1, axis=-1) + np.linalg.norm(upper_2 - lower_2, axis=-1)
    ratio: NDArray[np.float64] = heights / (2 * np.linalg.norm(outer - inner, axis=-1))
    return ratio
