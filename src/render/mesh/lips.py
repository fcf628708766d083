"""Blendshapes of lips, jaw and cheeks as displacement fields, by their ARKit names.

Each is what one group of muscles does at full strength, in the frame of the mouth and in face sizes. The gap between
the lips and the distance of the corners are not theirs: these are channels of their own (`Controls`), to which a shape
adds where the opening lies, how the corners stand, how full the lips are.
"""

from dataclasses import dataclass

import numpy as np

from src.render.mesh.geometry import Array, smoothstep

LIFTED_BY_UPPER_UP, DRAWN_BY_LOWER_DOWN, PARTED_BY_FUNNEL = 0.10, 0.12, 0.08
"""Way of a lip at the full shape, over face size."""

JAW_OF_LIP_SHAPES = {
    f"{name}{side}": way / 2
    for name, way in (("mouthUpperUp", LIFTED_BY_UPPER_UP), ("mouthLowerDown", DRAWN_BY_LOWER_DOWN))
    for side in ("Left", "Right")
}
"""Opening of `jaw_open` that a shape makes by the lips alone, over face size, per side: the jaw stays up by as much."""

_BOTH_SIDES = (
    "cheekSquint", "jaw", "mouth", "mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress", "mouthSmile",
    "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip
_WHOLE = (
    "cheekPuff", "jawForward", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper",
)  # fmt: skip
SHAPES = frozenset((*_WHOLE, *(f"{name}{side}" for name in _BOTH_SIDES for side in ("Left", "Right"))))
"""Names of the fields that `lip_shapes` makes."""


@dataclass(frozen=True)
class Skin:
    """The skin around a mouth at the nodes of the grid, in the frame of the mouth; (G, G) pixels.

    Attributes:
        u, v: place.
        unit: face size.
        half_width: half the distance of the inner corners.
        upper, lower: v of the inner lips.
        upper_thickness, lower_thickness: height of the red of the lips.
        profile: opening along the mouth, 1 in the middle, 0 in the corners and beyond.
        above, below: 1 on a lip, fading to nose and chin.
        above_reach: pixels over which `above` fades.
        nose, chin: v of the base of the nose and of the chin.
    """

    u: Array
    v: Array
    unit: float
    half_width: float
    upper: Array
    lower: Array
    upper_thickness: Array
    lower_thickness: Array
    profile: Array
    above: Array
    below: Array
    above_reach: float
    nose: float
    chin: float


def thickening(skin: Skin, share: float) -> tuple[Array, Array]:
    """(G, G) way down of the upper and the lower sheet when lips get fuller by a share of their thickness.

    The inner edges stay; the outer ones go outwards, skin gives way up to the nose and halfway to the chin.
    """

    def bulge(distance: Array, thickness: Array, reach: float) -> Array:
        out = smoothstep(distance, 0.0, thickness) * smoothstep(distance, np.maximum(reach, 1.6 * thickness), thickness)
        return out * thickness * share

    along = smoothstep(np.abs(skin.u) / skin.half_width, 1.25, 0.55)
    upper = -bulge(skin.upper - skin.v, skin.upper_thickness, skin.above_reach) * along
    lower = bulge(skin.v - skin.lower, skin.lower_thickness, 0.85 * skin.chin) * along
    return upper.astype(np.float32), lower.astype(np.float32)


def lip_shapes(skin: Skin, opened: Array) -> dict[str, Array]:
    """Fields of all blendshapes below the eyes.

    Args:
        skin: of the avatar.
        opened: (2, G, G, 2) displacement of both sheets per pixel of opening.

    Returns:
        By ARKit name (1, G, G, 2) where both sheets move alike, else (2, G, G, 2); pixels in the frame of the mouth.
    """
    middle = smoothstep(skin.u, -0.6 * skin.half_width, 0.6 * skin.half_width)
    shapes = _whole_mouth(skin)
    for side, share, outwards in (("Right", 1 - middle, -1.0), ("Left", middle, 1.0)):
        for name, field in (_of_corner(skin, share, outwards) | _of_lip(skin, share, opened)).items():
            shapes[f"{name}{side}"] = field
        shapes |= _sideways(skin, side, outwards)
    return {name: field.astype(np.float32) for name, field in shapes.items()}


def _whole_mouth(skin: Skin) -> dict[str, Array]:
    unit, v, profile = skin.unit, skin.v, skin.profile
    around = smoothstep(np.abs(skin.u), skin.half_width + 0.3 * unit, 0.5 * skin.half_width)
    chin = around * smoothstep(v, skin.lower, 0.8 * skin.chin) * smoothstep(v, skin.chin + 0.8 * unit, skin.chin)
    lips = np.where(v < 0, skin.above, smoothstep(v, 0.85 * skin.chin, 0.1 * unit)) * around
    rounded = profile**1.5
    full, rolled = thickening(skin, 0.22), thickening(skin, -0.6)
    none = np.zeros_like(v)
    return {
        "mouthPucker": _apart(full[0], full[1]),
        "mouthFunnel": _apart(
            0.7 * full[0] - 0.45 * PARTED_BY_FUNNEL * unit * rounded * skin.above,
            0.7 * full[1] + 0.55 * PARTED_BY_FUNNEL * unit * rounded * skin.below,
        ),
        "mouthRollUpper": _apart(rolled[0], none),
        "mouthRollLower": _apart(none, rolled[1]),
        # One lip pushes the other: both go up, or the lower would slide over the upper one.
        "mouthShrugUpper": _together(none, -0.035 * unit * lips * smoothstep(v, 0.25 * unit, 0.0)),
        "mouthShrugLower": _together(none, -0.045 * unit * np.maximum(lips, 0.7 * chin)),
        "jawForward": _together(0.10 * skin.u * chin, 0.035 * unit * chin),
        "cheekPuff": _cheeks(skin),
    }


def _of_corner(skin: Skin, share: Array, outwards: float) -> dict[str, Array]:
    """Shapes that pull at one corner of the mouth, or at the cheek beside it."""
    unit, u, v = skin.unit, skin.u, skin.v
    place = np.abs(u) / skin.half_width
    line = (skin.upper + skin.lower) / 2
    pulled = np.minimum(place, 1.0) ** 1.6 * smoothstep(np.abs(u), skin.half_width + 0.5 * unit, skin.half_width)
    near = np.where(v < line, smoothstep(line - v, 0.55 * unit, 0.0), smoothstep(v - line, 0.5 * unit, 0.0))
    corner = share * pulled * near
    tight = share * np.minimum(place, 1.0) * smoothstep(np.abs(u), skin.half_width + 0.3 * unit, skin.half_width)
    tight = tight * smoothstep(np.abs(v - line), 0.35 * unit, 0.0)
    apple = _bump(skin, outwards * (skin.half_width + 0.13 * unit), skin.nose - 0.14 * unit, 0.30 * unit, 0.26 * unit)
    wing = _bump(skin, outwards * 0.17 * unit, skin.nose - 0.08 * unit, 0.20 * unit, 0.24 * unit)
    none = np.zeros_like(u)
    thin = np.stack(thickening(skin, -0.1)) * share
    stretch = _together(none, 0.02 * unit * corner)
    return {
        "mouthSmile": _together(none, -unit * (0.085 * corner + 0.03 * apple)),
        "mouthFrown": _together(none, 0.065 * unit * corner),
        "mouthStretch": stretch + _apart(thin[0], thin[1]),
        "mouthDimple": _together(outwards * 0.025 * unit * tight, -0.012 * unit * tight),
        "cheekSquint": _together(none, -0.035 * unit * apple),
        "noseSneer": _together(none, -0.045 * unit * wing),
    }


def _of_lip(skin: Skin, share: Array, opened: Array) -> dict[str, Array]:
    """Shapes of one side of a lip. What they part, the jaw must not: `jaw_open` is the gap, whoever makes it."""
    unit = skin.unit
    lift, draw = LIFTED_BY_UPPER_UP * unit, DRAWN_BY_LOWER_DOWN * unit
    pressed = np.stack(thickening(skin, -0.4)) * share
    none = np.zeros_like(skin.u)
    return {
        "mouthPress": _apart(pressed[0], pressed[1]),
        "mouthUpperUp": _apart(-lift * share * skin.profile * skin.above, none) - lift / 2 * opened,
        "mouthLowerDown": _apart(none, draw * share * skin.profile * skin.below) - draw / 2 * opened,
    }


def _sideways(skin: Skin, side: str, outwards: float) -> dict[str, Array]:
    unit, v = skin.unit, skin.v
    around = smoothstep(np.abs(skin.u), skin.half_width + 0.45 * unit, 0.8 * skin.half_width)
    mouth = around * np.where(v < 0, smoothstep(-v, 0.42 * unit, 0.0), smoothstep(v, 0.75 * unit, 0.1 * unit))
    jaw = smoothstep(v, skin.nose, 0.7 * skin.chin) * smoothstep(v, skin.chin + 1.0 * unit, skin.chin)
    jaw = jaw * smoothstep(np.abs(skin.u), 0.85 * unit, 0.25 * unit)
    none = np.zeros_like(v)
    return {
        f"mouth{side}": _together(outwards * 0.08 * unit * mouth, none),
        f"jaw{side}": _together(outwards * 0.08 * unit * jaw, none),
    }


def _cheeks(skin: Skin) -> Array:
    """Blown cheeks: each grows around its middle, outwards most."""
    unit = skin.unit
    total = np.zeros((1, *skin.u.shape, 2), np.float32)
    for outwards in (-1.0, 1.0):
        at = outwards * (skin.half_width + 0.16 * unit)
        weight = _bump(skin, at, 0.02 * unit, 0.36 * unit, 0.42 * unit)
        total += _together(weight * (0.07 * outwards * unit + 0.15 * (skin.u - at)), weight * 0.15 * skin.v)
    return total


def _bump(skin: Skin, u: float, v: float, wide: float, high: float) -> Array:
    return smoothstep(np.hypot((skin.u - u) / wide, (skin.v - v) / high), 1.0, 0.0)


def _together(sideways: Array, down: Array) -> Array:
    return np.stack([sideways, down], axis=-1)[None]


def _apart(upper: Array, lower: Array) -> Array:
    """Both sheets, each its own way down."""
    none = np.zeros_like(upper)
    return np.stack([np.stack([none, upper], axis=-1), np.stack([none, lower], axis=-1)])
