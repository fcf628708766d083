"""Displacement of the skin by jaw and lips: forward fields, computed once, linear in the motion.

The skin is two sheets that differ only between the corners of the mouth: what hangs on the upper lip and
what hangs on the lower one. Each is smooth over the whole picture; beside the mouth they are the same, so
there is no seam but the lips. Four movements make up the mouth, in a frame aligned with it:

* *open*: the jaw goes down like a hinge, fully at the chin, which comes a little narrower as it goes back,
  fading to cheeks, neck and nose;
* *close*: an open mouth of the portrait is shut, each lip going its share of the way;
* *wide*: the corners go apart and the lips get thinner, or together and fuller when negative;
* *seal*: the lips of an opened jaw are drawn together, the chin stays down.

Blendshapes are further fields (`lips`). Together they could fold the skin; a bound on the squeeze of every field
tells how much of the blendshapes fits beside the four movements, so that none ever does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.face import (
    CHIN,
    INNER_LIP_BOTTOM,
    INNER_LIP_TOP,
    LEFT_INNER_CORNER,
    LEFT_MOUTH_CORNER,
    LOWER_INNER_LIP,
    LOWER_OUTER_LIP,
    RIGHT_INNER_CORNER,
    RIGHT_MOUTH_CORNER,
    UPPER_INNER_LIP,
    UPPER_OUTER_LIP,
)
from src.render.mesh.geometry import Array, Frame2, curve, grid_points, smoothstep
from src.render.mesh.lips import JAW_OF_LIP_SHAPES, SHAPES, Skin, lip_shapes, thickening

NOSE_BASE = 2
CLOSED_GAP = 0.012
"""A portrait's lip gap, over face size, below which its mouth counts as closed: what landmarks jitter by."""
UPPER_LIP_LIFT = 0.06
"""Share of an opening that the upper lip rises; the lower lip goes the rest."""
UPPER_LIP_CLOSING = 0.35
"""Share of a closing that the upper lip goes down."""
CHIN_SHARE = 0.93
"""Way of the chin over that of the lower lip: the jaw turns back, its front is seen more from above."""
CHIN_NARROWING = 0.16
"""How much narrower the chin gets per face size of opening: it goes back and away from the camera."""
CORNERS_IN = 0.05
"""Way of each corner inwards per opening. FaceMesh sees the corners of a mouth go apart by twice this as it opens with
corners that stand still (mean of 12 portraits); so the width that is measured is the width that was asked for."""
LIP_VOLUME = 0.4
"""Lips keep part of their volume: thickness lost over breadth gained."""
JAW_OPEN_OF_CLOSE = 0.53
"""Lip gap over face size that a full `mouthClose` takes from an open jaw: what a full `jawOpen` gives."""
LARGEST_SQUEEZE = 0.92
"""Of 1, at which skin would fold."""
BLOCKS = 32
"""Squeeze is bounded on this many blocks along each side of the picture."""


class MouthMotion(NamedTuple):
    """What a mouth is to do: pixels for the movements of jaw and lips, shares for the rest.

    Attributes:
        opened: further apart than the lips of the portrait, pixels.
        closed: share of the portrait's own gap that is closed, 0 .. 1.
        widened: way of each corner outwards, pixels.
        sealed: of `opened`, drawn together again by the lips alone, pixels.
        shapes: blendshapes by their ARKit names, 0 .. 1.
    """

    opened: float
    closed: float
    widened: float
    sealed: float
    shapes: Mapping[str, float]

    @property
    def is_still(self) -> bool:
        """Nothing moves."""
        return not (self.opened or self.closed or self.widened or self.sealed or self.shapes)


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
        found: height of teeth or tongue seen below the landmarks of the lower lip.
    """

    frame: Frame2
    half_width: float
    places: Array
    upper: Array
    lower: Array
    gap: float
    face_size: float
    found: float = 0.0

    @property
    def lip_points(self) -> tuple[Array, Array]:
        """(N, 2) picture coordinates of the upper and of the lower inner lip, corner to corner."""
        upper, lower = (self.frame.to_picture(np.stack([self.places, v], axis=-1)) for v in (self.upper, self.lower))
        return upper, lower

    def amounts(self, jaw_open: float, width: float, shapes: Mapping[str, float] | None = None) -> MouthMotion:
        """What two mouth channels and blendshapes ask of this mouth; shapes of eyes and brows are left out."""
        asked = jaw_open * self.face_size
        opened = max(asked - self.gap, 0.0)
        closed = 1.0 - min(asked / self.gap, 1.0) if self.gap > 0 else 0.0
        shapes = shapes or {}
        sealed = min(shapes.get("mouthClose", 0.0) * JAW_OPEN_OF_CLOSE * self.face_size, opened)
        own = {name: value for name, value in shapes.items() if name in SHAPES and value > 0}
        return MouthMotion(opened, closed, width * self.face_size / 2, sealed, own)

    def jaw_px(self, motion: MouthMotion) -> float:
        """How far the jaw itself is down from biting: lips that open by their own muscles need no jaw."""
        by_lips = sum(JAW_OF_LIP_SHAPES.get(name, 0.0) * value for name, value in motion.shapes.items())
        opened = motion.opened + (1 - motion.closed) * self.gap
        return max(opened - by_lips * self.face_size, 0.0) * (1 - UPPER_LIP_LIFT)


@dataclass(frozen=True)
class ExpressionField:
    """Forward displacement per unit of each movement.

    Attributes:
        movements: (4, 2, G, G, 2) float32: opened, closed, widened, sealed; the upper and the lower sheet.
        shapes: per blendshape the same for both sheets, (1, G, G, 2), or (2, G, G, 2) each its own.
        squeezes: (2, 4, blocks) largest squeeze per unit of a movement, forwards and backwards.
        shape_squeezes: per blendshape (blocks,) the same at 1.
    """

    movements: Array
    shapes: Mapping[str, Array]
    squeezes: Array
    shape_squeezes: Mapping[str, Array]

    def sheets(
        self, opened: float, closed: float, widened: float, sealed: float, shapes: Mapping[str, float]
    ) -> tuple[Array, Array]:
        """Forward displacement of the upper and the lower sheet for a `MouthMotion`."""
        amounts = np.array([opened, closed, widened, sealed], np.float32)
        total = np.zeros(self.movements.shape[1:], np.float32)
        for amount, movement in zip(amounts, self.movements, strict=True):
            if amount:
                total += movement * amount
        share = self._fitting(amounts, shapes) if shapes else 1.0
        for name, value in shapes.items():
            total += self.shapes[name] * np.float32(value * share)
        return total[0], total[1]

    def _fitting(self, amounts: Array, shapes: Mapping[str, float]) -> float:
        """Largest share of the blendshapes that folds nothing beside the movements."""
        # Squeeze is the negative of the smallest stretch, which is at least the sum of the smallest stretches.
        per_unit = np.where(amounts[:, None] >= 0, self.squeezes[0], self.squeezes[1])
        taken = np.abs(amounts) @ per_unit
        wanted = np.sum([value * self.shape_squeezes[name] for name, value in shapes.items()], axis=0)
        room = np.maximum(LARGEST_SQUEEZE - taken, 0.0)
        return float(np.clip((room / np.maximum(wanted, 1e-6)).min(), 0.0, 1.0)) if wanted.any() else 1.0


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
    skin = _skin(landmarks, mouth, size, step)
    movements = _movements(skin, mouth)
    shapes = lip_shapes(skin, movements[0])
    # Lower sheet and upper sheet are seen on their own side of the lips only, and squeeze nothing elsewhere.
    seen = np.stack([skin.v <= skin.lower + step, skin.v >= skin.upper - step])
    squeezes = np.stack([[_squeeze(sign * field, seen, step) for field in movements] for sign in (1, -1)])
    turned = {name: mouth.frame.vector_to_picture(field) for name, field in shapes.items()}
    return ExpressionField(
        mouth.frame.vector_to_picture(movements),
        turned,
        squeezes,
        {name: _squeeze(field, seen, step) for name, field in shapes.items()},
    )


def _skin(landmarks: Array, mouth: Mouth, size: int, step: int) -> Skin:
    local = mouth.frame.to_local(grid_points(size, step))
    u, v = local[..., 0], local[..., 1]
    ends = mouth.frame.to_local(landmarks[[RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER], :2])

    def outer(indices: tuple[int, ...]) -> Array:
        inside = mouth.frame.to_local(landmarks[list(indices), :2])
        return curve(np.concatenate([ends[:1], inside, ends[1:]]), u)

    nose, chin = mouth.frame.to_local(landmarks[[NOSE_BASE, CHIN], :2])[:, 1]
    upper, lower = (np.interp(u, mouth.places, edge).astype(np.float32) for edge in (mouth.upper, mouth.lower))
    # Fades of what belongs to one lip only: down to the chin, up to the nose.
    below = smoothstep(v - lower, 0.95 * chin, 0.04 * mouth.face_size)
    reach = max(0.85 * (float(np.median(mouth.upper)) - nose), 0.12 * mouth.face_size)
    return Skin(
        u=u,
        v=v,
        unit=mouth.face_size,
        half_width=mouth.half_width,
        upper=upper,
        lower=lower,
        upper_thickness=np.maximum(upper - outer(UPPER_OUTER_LIP), 0.02 * mouth.face_size),
        lower_thickness=np.maximum(outer(LOWER_OUTER_LIP) - lower, 0.02 * mouth.face_size),
        profile=opening_profile(u / mouth.half_width),
        above=smoothstep(upper - v, reach, 0.0),
        below=below,
        above_reach=reach,
        nose=float(nose),
        chin=float(chin),
    )


def _movements(skin: Skin, mouth: Mouth) -> Array:
    """(4, 2, G, G, 2) opened, closed, widened, sealed of both sheets, in the frame of the mouth."""
    u, v, unit, profile = skin.u, skin.v, skin.unit, skin.profile
    gap, common = skin.lower - skin.upper, _jaw(skin)
    # On the lips each sheet moves its own share; in the corners and beyond both move with the jaw.
    beside, chin_up = 1 - profile, -0.3 * mouth.gap
    around = 1 - profile * skin.below
    lift, drop = profile * skin.above, profile * skin.below
    narrower = -CHIN_NARROWING * u / unit * common * smoothstep(v, 0.0, 0.8 * skin.chin)
    # Below, the corners' way sideways must not change with height where their way down changes with breadth.
    reach = np.where(v > 0, smoothstep(v, 0.9 * unit, 0.2 * unit), smoothstep(-v, 0.48 * unit, 0.0))
    spread = _spread(u, mouth.half_width) * reach
    narrower, apart = narrower - CORNERS_IN * spread, CORNERS_IN * mouth.gap * spread
    thin_upper, thin_lower = thickening(skin, -LIP_VOLUME / mouth.half_width)
    none = np.zeros_like(u)

    def pair(upper: tuple[Array, Array], lower: tuple[Array, Array]) -> Array:
        return np.stack([np.stack(upper, axis=-1), np.stack(lower, axis=-1)])

    opened = pair(
        (narrower, common * beside - UPPER_LIP_LIFT * lift),
        (narrower, common * around + (1 - UPPER_LIP_LIFT) * drop),
    )
    closed = pair(
        (apart, chin_up * common * beside + UPPER_LIP_CLOSING * gap * skin.above),
        (apart, chin_up * common * around - (1 - UPPER_LIP_CLOSING) * gap * skin.below),
    )
    widened = pair((spread, thin_upper), (spread, thin_lower))
    sealed = pair((none, UPPER_LIP_CLOSING * lift), (none, -(1 - UPPER_LIP_CLOSING) * drop))
    return np.stack([opened, closed, widened, sealed]).astype(np.float32)


def _jaw(skin: Skin) -> Array:
    """How much of the jaw's way down each place goes along, lips aside."""
    unit, chin, u, v = skin.unit, skin.chin, skin.u, skin.v
    # The nose stays; the cheeks beside it and with them the corners of the mouth are drawn along.
    start = skin.nose - 0.05 * unit - 0.45 * unit * smoothstep(np.abs(u), 0.12 * unit, 0.42 * unit)
    down = CHIN_SHARE * smoothstep(v, start, 0.85 * chin)
    # The rate at which the neck may be squeezed under the chin: full range stays above zero area.
    neck = smoothstep(v, chin + 1.15 * unit, chin - 0.02 * unit)
    return (down * neck * np.exp(-(np.abs(u / (0.62 * unit)) ** 2.6))).astype(np.float32)


def _spread(u: Array, half_width: float) -> Array:
    """Sideways movement when each corner moves by 1: a stretch inside the mouth, fading over the cheeks."""
    place = np.abs(u) / half_width
    inside = np.minimum(place, 1.0)
    return (np.sign(u) * inside * smoothstep(place, 2.7, 1.1)).astype(np.float32)


def _squeeze(field: Array, seen: NDArray[np.bool_], step: int) -> Array:
    """(blocks,) largest shortening per length of a (1 or 2, G, G, 2) field in any direction, where it is seen."""
    (uy, ux), (vy, vx) = (np.gradient(field[..., axis], step, axis=(1, 2)) for axis in (0, 1))
    shear = (uy + vx) / 2
    smallest = (ux + vy) / 2 - np.hypot((ux - vy) / 2, shear)
    squeeze = np.maximum(-smallest, 0.0) * seen
    worst = squeeze.max(axis=0)
    side = -(-worst.shape[0] // BLOCKS)
    padded = np.pad(worst, ((0, -worst.shape[0] % side), (0, -worst.shape[1] % side)))
    rows, columns = padded.shape[0] // side, padded.shape[1] // side
    return padded.reshape(rows, side, columns, side).max(axis=(1, 3)).ravel().astype(np.float32)
