"""Displacement of the skin by the mouth channels: forward fields, computed once, linear in the motion.

The skin is two sheets that differ only between the corners of the mouth: what hangs on the upper lip and
what hangs on the lower one. Each is smooth over the whole picture; beside the mouth they are the same, so
there is no seam but the lips. Three movements make up the mouth, in a frame aligned with it:

* *open*: the jaw goes down like a hinge, fully at the chin, fading to cheeks, neck and nose;
* *close*: an open mouth of the portrait is shut, each lip going its share of the way;
* *wide*: the corners go apart, or together when negative.
"""

from dataclasses import dataclass

import numpy as np

from src.face import (
    CHIN,
    INNER_LIP_BOTTOM,
    INNER_LIP_TOP,
    LEFT_INNER_CORNER,
    LOWER_INNER_LIP,
    RIGHT_INNER_CORNER,
    UPPER_INNER_LIP,
)
from src.render.mesh.geometry import Array, Frame2, curve, grid_points, smoothstep

NOSE_BASE = 2
CLOSED_GAP = 0.012
"""A portrait's lip gap, over face size, below which its mouth counts as closed: what landmarks jitter by."""
UPPER_LIP_LIFT = 0.06
"""Share of an opening that the upper lip rises; the lower lip goes the rest."""
UPPER_LIP_CLOSING = 0.35
"""Share of a closing that the upper lip goes down."""


@dataclass(frozen=True)
class Mouth:
    """The mouth of a portrait in its own frame; pixels.

    Attributes:
        frame: origin between the inner corners, u from the person's right corner to the left one.
        half_width: half the distance of the inner corners.
        places: (N,) u of the lip curves, from corner to corner.
        upper, lower: (N,) v of the inner lips at `places`; lower >= upper.
        gap: largest lower - upper, 0 for a closed mouth.
        face_size: unit of the mouth channels.
    """

    frame: Frame2
    half_width: float
    places: Array
    upper: Array
    lower: Array
    gap: float
    face_size: float

    @property
    def lip_points(self) -> tuple[Array, Array]:
        """(N, 2) picture coordinates of the upper and of the lower inner lip, corner to corner."""
        upper, lower = (self.frame.to_picture(np.stack([self.places, v], axis=-1)) for v in (self.upper, self.lower))
        return upper, lower

    def amounts(self, jaw_open: float, width: float) -> tuple[float, float, float]:
        """How far to open (pixels), close (0 .. 1) and widen (pixels at each corner) for two mouth channels."""
        asked = jaw_open * self.face_size
        opened = max(asked - self.gap, 0.0)
        closed = 1.0 - min(asked / self.gap, 1.0) if self.gap > 0 else 0.0
        return opened, closed, width * self.face_size / 2


@dataclass(frozen=True)
class ExpressionField:
    """Forward displacement per unit of opening, closing and widening; each (G, G, 2) float32."""

    open_upper: Array
    open_lower: Array
    close_upper: Array
    close_lower: Array
    wide: Array

    def sheets(self, opened: float, closed: float, widened: float) -> tuple[Array, Array]:
        """Forward displacement of the upper and the lower sheet."""
        wide = self.wide * np.float32(widened)
        upper = self.open_upper * np.float32(opened) + self.close_upper * np.float32(closed) + wide
        lower = self.open_lower * np.float32(opened) + self.close_lower * np.float32(closed) + wide
        return upper, lower


def opening_profile(place: Array) -> Array:
    """Opening along the mouth, -1 and 1 being the corners; 0 outside."""
    return ((1.0 - np.clip(np.abs(place), 0.0, 1.0) ** 2.2) ** 0.75).astype(np.float32)


def find_mouth(landmarks: Array, size_px: float) -> Mouth:
    """Measure the mouth of (478, 3) landmarks whose face size is `size_px`."""
    frame = Frame2.between(landmarks[RIGHT_INNER_CORNER], landmarks[LEFT_INNER_CORNER])
    corners = frame.to_local(landmarks[[RIGHT_INNER_CORNER, LEFT_INNER_CORNER], :2])
    half_width = float(corners[1, 0])
    places = np.linspace(-half_width, half_width, 61, dtype=np.float32)
    ends = corners[:1], corners[1:]
    upper = curve(np.concatenate([ends[0], frame.to_local(landmarks[list(UPPER_INNER_LIP), :2]), ends[1]]), places)
    lower = curve(np.concatenate([ends[0], frame.to_local(landmarks[list(LOWER_INNER_LIP), :2]), ends[1]]), places)
    gap = float(np.linalg.norm(landmarks[INNER_LIP_TOP] - landmarks[INNER_LIP_BOTTOM]))
    if gap < CLOSED_GAP * size_px:
        middle = (upper + lower) / 2
        return Mouth(frame, half_width, places, middle, middle, 0.0, size_px)
    lower = np.maximum(lower, upper)
    return Mouth(frame, half_width, places, upper, lower, float((lower - upper).max()), size_px)


def expression_field(landmarks: Array, mouth: Mouth, size: int, step: int) -> ExpressionField:
    """Prepare the skin of an avatar.

    Args:
        landmarks: (478, 3) float32 pixels.
        mouth: of the same landmarks.
        size: pixels of each side of the picture.
        step: pixels between grid nodes.
    """
    unit = mouth.face_size
    local = mouth.frame.to_local(grid_points(size, step))
    u, v = local[..., 0], local[..., 1]
    upper, lower = np.interp(u, mouth.places, mouth.upper), np.interp(u, mouth.places, mouth.lower)
    gap, profile = lower - upper, opening_profile(u / mouth.half_width)
    nose, chin = mouth.frame.to_local(landmarks[[NOSE_BASE, CHIN], :2])[:, 1]

    def jaw(at_v: Array) -> Array:
        # The nose stays; the cheeks beside it and with them the corners of the mouth are drawn along.
        start = nose - 0.05 * unit - 0.45 * unit * smoothstep(np.abs(u), 0.12 * unit, 0.42 * unit)
        down = 0.96 * smoothstep(at_v, start, 0.85 * chin)
        # The rate at which the neck may be squeezed under the chin: full range stays above zero area.
        return (
            down
            * smoothstep(at_v, chin + 1.15 * unit, chin - 0.02 * unit)
            * np.exp(-(np.abs(u / (0.62 * unit)) ** 2.6))
        )

    # Fades of what belongs to one lip only: down to the chin, up to the nose.
    below = smoothstep(v - lower, 0.95 * chin, 0.04 * unit)
    above = smoothstep(upper - v, max(0.85 * (float(np.median(mouth.upper)) - nose), 0.12 * unit), 0.0)
    common = jaw(v)
    # On the lips each sheet moves its own share; in the corners and beyond both move with the jaw.
    beside, chin_up = 1 - profile, -0.3 * mouth.gap
    around = 1 - profile * below
    open_upper = common * beside - UPPER_LIP_LIFT * profile * above
    open_lower = common * around + (1 - UPPER_LIP_LIFT) * profile * below
    close_upper = chin_up * common * beside + UPPER_LIP_CLOSING * gap * above
    close_lower = chin_up * common * around - (1 - UPPER_LIP_CLOSING) * gap * below
    # Below, the corners' way sideways must not change with height where their way down changes with breadth.
    reach = np.where(v > 0, smoothstep(v, 0.9 * unit, 0.2 * unit), smoothstep(-v, 0.48 * unit, 0.0))
    spread = _spread(u, mouth.half_width) * reach

    def vertical(amount: Array) -> Array:
        return mouth.frame.vector_to_picture(np.stack([np.zeros_like(amount), amount], axis=-1))

    return ExpressionField(
        vertical(open_upper),
        vertical(open_lower),
        vertical(close_upper),
        vertical(close_lower),
        mouth.frame.vector_to_picture(np.stack([spread, np.zeros_like(spread)], axis=-1)),
    )


def _spread(u: Array, half_width: float) -> Array:
    """Sideways movement when each corner moves by 1: a stretch inside the mouth, fading over the cheeks."""
    place = np.abs(u) / half_width
    inside = np.minimum(place, 1.0)
    return (np.sign(u) * inside * smoothstep(place, 2.7, 1.1)).astype(np.float32)
