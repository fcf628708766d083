"""The mouth that a portrait itself shows: where its lower lip begins, its picture, and its lips painted closed."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from src.face import LEFT_MOUTH_CORNER, LOWER_OUTER_LIP, RIGHT_MOUTH_CORNER
from src.render.mesh.expression import Mouth
from src.render.mesh.geometry import Array, curve, look_up

GREY = 0.08
"""Saturation of a lip below which its photo is taken for black and white."""
PALER, BRIGHTER = 0.85, 1.4
"""Saturation over that of the lip in a colour photo, brightness over it in a grey one, beyond which it is no lip."""
PALEST_LIP = 0.37
"""Saturation above which nothing is taken for teeth or tongue."""
MOST_OF_LIP, LEAST_SEEN = 0.75, 0.012
"""Share of the lower lip that may be found to be none; height over face size below which it is left as it is."""
TONGUE_SEEN = 0.2
"""Lip gap over face size of a portrait above which it shows its tongue more than its lower teeth."""
MOVED = 0.5
"""Way of the lip's line over the height of what is found; the rest is painted over. Landmarks of the shown picture
tend to the teeth as well: with the whole way they follow an opening worse."""
CORNER_SHADOW = 0.045
"""Radius of the shadow in the corners of a wide open mouth, over face size."""


def with_found_lip(image: NDArray[np.uint8], landmarks: Array, mouth: Mouth) -> Mouth:
    """The mouth with its lower lip where it begins in the picture.

    Landmarks of a smile often have the inner line of the lower lip across teeth or tongue, which then would cling to
    the lip. What follows the line downwards and is paler than the lip, or in a grey photo brighter, is inside.

    Args:
        image: (H, W, 3) uint8 RGB portrait.
        landmarks: (478, 3) pixels.
        mouth: of the same landmarks.
    """
    outline = landmarks[[RIGHT_MOUTH_CORNER, *LOWER_OUTER_LIP, LEFT_MOUTH_CORNER], :2]
    thickness = curve(mouth.frame.to_local(outline), mouth.places) - mouth.lower
    share = np.linspace(0.0, 1.0, 41, dtype=np.float32)[:, None]
    column = np.stack(np.broadcast_arrays(mouth.places, mouth.lower + share * thickness), axis=-1)
    colour = look_up(image, mouth.frame.to_picture(column.astype(np.float32))).astype(np.float32)
    colour = cv2.blur(colour, (3, 3), borderType=cv2.BORDER_REPLICATE).astype(np.float32)
    largest = colour.max(axis=-1)
    paleness, brightness = (largest - colour.min(axis=-1)) / (largest + 1), colour.mean(axis=-1)
    middle = np.abs(mouth.places) < 0.5 * mouth.half_width
    lip = (share.ravel() > 0.75) & (share.ravel() < 0.95)
    own = float(np.median(paleness[lip][:, middle]))
    if own < GREY:
        inside = brightness > BRIGHTER * float(np.median(brightness[lip][:, middle]))
    else:
        inside = paleness < min(PALER * own, PALEST_LIP)
    run = np.where(inside.all(axis=0), 1.0, share.ravel()[inside.argmin(axis=0)]).astype(np.float32)
    depth = float(np.percentile((run * thickness)[middle], 65))
    if depth < LEAST_SEEN * mouth.face_size:
        return mouth
    # One even curve: single columns err where a tooth is dark or a lip shines.
    place = np.clip(np.abs(mouth.places) / mouth.half_width, 0.0, 1.0)
    down = np.minimum(MOVED * depth * (1 - place**3), MOST_OF_LIP * np.maximum(thickness, 0.0))
    lower = (mouth.lower + down).astype(np.float32)
    return replace(mouth, lower=lower, gap=float((lower - mouth.upper).max()), found=depth)


def without_teeth(image: NDArray[np.uint8], mouth: Mouth) -> NDArray[np.uint8]:
    """The portrait with an open mouth painted over from the lips inwards, so that no tooth clings to a moving lip."""
    if mouth.gap == 0:
        return image
    mask = _painted_over(image.shape, mouth)
    painted = cv2.inpaint(image, mask, 3, cv2.INPAINT_TELEA)
    # Painting leaves specks and streaks; lips are smooth.
    smooth, inner = cv2.GaussianBlur(painted, (0, 0), 1.2), cv2.blur(mask, (3, 3))[..., None] / np.float32(255)
    return np.asarray(
        np.where(mask[..., None] > 0, painted + (smooth - painted.astype(np.float32)) * inner, image) + 0.5, np.uint8
    )


def _painted_over(shape: tuple[int, ...], mouth: Mouth) -> NDArray[np.uint8]:
    """(H, W) 255 where `without_teeth` paints."""
    mask = np.zeros(shape[:2], np.uint8)
    # The shadows in the corners stay, they are what tells where a closed mouth ends; a wide mouth has too much of them.
    beyond = (1 - MOVED) * mouth.found * (1 - (np.abs(mouth.places) / mouth.half_width) ** 3)
    wide = mouth.gap > TONGUE_SEEN * mouth.face_size
    kept = np.abs(mouth.places) < (0.95 if wide else 0.8) * mouth.half_width
    upper, lower = (np.stack([mouth.places, v], axis=1)[kept] for v in (mouth.upper, mouth.lower + beyond))
    outline = np.concatenate([upper, lower[::-1]])
    points = np.round(mouth.frame.to_picture(outline) * 16).astype(np.int32)
    cv2.fillPoly(mask, [points], (255,), shift=4)
    radius = max(round(0.01 * mouth.face_size), 1)
    if wide:
        # So wide a mouth has shadows on the skin beside its corners, which would be spots beside closed lips.
        for x, y in mouth.lip_points[0][[0, -1]]:
            cv2.circle(mask, (round(x), round(y)), round(CORNER_SHADOW * mouth.face_size), (255,), -1)
    return cv2.dilate(mask, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)).astype(np.uint8)


def photo_of_mouth(image: NDArray[np.uint8], mouth: Mouth) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The portrait's own open mouth as `Inside.photo`, and where it is; empty if landmarks took it for closed."""
    if mouth.gap == 0 or mouth.found > 0.5 * mouth.gap:
        return np.zeros((0, 0, 4), np.uint8), (0, 0)
    mask = np.zeros(image.shape[:2], np.uint8)
    outline = np.concatenate([mouth.lip_points[0], mouth.lip_points[1][::-1]])
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], (255,), shift=4)
    margin = max(round(0.025 * mouth.face_size), 3)
    both = np.maximum(mask, _painted_over(image.shape, mouth))
    cover = cv2.blur(cv2.dilate(both, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)), (margin, margin))
    left, top, width, height = cv2.boundingRect(cover)
    part = np.s_[top : top + height, left : left + width]
    return np.dstack([image[part], cover[part]]).astype(np.uint8), (left, top)
