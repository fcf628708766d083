"""Brows that rise and frown: forward displacement of the forehead, computed once, linear in the blendshapes.

The hair of a brow moves as one band. Above it the forehead is pushed together up to the hair line, below it the skin
over the eye is stretched; the lids' edges stay. Along a brow its inner and its outer part share each movement, so
that what both do together is never more than one of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from src.face import (
    FOREHEAD,
    LEFT_BROW,
    LEFT_EYE_OUTER,
    LEFT_UPPER_LID,
    RIGHT_BROW,
    RIGHT_EYE_OUTER,
    RIGHT_UPPER_LID,
)
from src.render.mesh.geometry import Array, Box, Frame2, curve, grid_points, smoothstep

BROW_SHAPES = ("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
DOWN, INNER_UP, OUTER_UP = 0.055, 0.075, 0.07
"""Ways of a brow at a full blendshape, over face size: 5 to 7 mm on a face whose eyes are 93 mm apart outside."""
OUTER_DOWN = 0.45
"""Share of a frown that the outer end of a brow goes along."""
TOGETHER = 0.3
"""Way of the brows' inner ends to each other over their way down in a frown."""
TIGHTEST = 0.3
"""Largest way down over the room between brow and lid: a low brow cannot be lowered much."""


@dataclass(frozen=True)
class BrowField:
    """Displacement of forehead and brows per blendshape.

    Attributes:
        fields: (5, G, G, 2) float32 in the order of `BROW_SHAPES`, 0 outside `box`.
        box: left, top, right, bottom of the nodes that can move.
    """

    fields: Array
    box: Box

    def displacement(self, shapes: Mapping[str, float]) -> Array | None:
        """(G, G, 2) forward displacement of blendshapes by their ARKit names; None when no brow moves."""
        amounts = np.array([shapes.get(name, 0.0) for name in BROW_SHAPES], np.float32)
        if not amounts.any():
            return None
        left, top, right, bottom = self.box
        moved = np.zeros(self.fields.shape[1:], np.float32)
        for amount, field in zip(amounts, self.fields, strict=True):
            if amount:
                moved[top:bottom, left:right] += amount * field[top:bottom, left:right]
        return moved


def brow_fields(landmarks: Array, size: int, step: int) -> BrowField:
    """Prepare the brows of an avatar.

    Args:
        landmarks: (478, 3) float32 pixels.
        size: pixels of each side of the picture.
        step: pixels between grid nodes.
    """
    frame = Frame2.between(landmarks[RIGHT_EYE_OUTER], landmarks[LEFT_EYE_OUTER])
    unit = float(np.linalg.norm(landmarks[RIGHT_EYE_OUTER] - landmarks[LEFT_EYE_OUTER]))
    local = frame.to_local(grid_points(size, step))
    u, v = local[..., 0], local[..., 1]

    def points(*indices: int) -> Array:
        return frame.to_local(landmarks[list(indices), :2])

    low, high = points(*RIGHT_BROW[:5], *LEFT_BROW[:5]), points(*RIGHT_BROW[5:], *LEFT_BROW[5:])
    # FaceMesh draws a brow narrower than its hair grows.
    margin = 0.02 * unit
    below, above = curve(low, u) + margin, curve(high, u) - margin
    lids = points(*RIGHT_UPPER_LID, *LEFT_UPPER_LID)
    lid = np.maximum(curve(lids, u), below + 0.05 * unit)
    hair = np.minimum(float(points(FOREHEAD)[0, 1]), above - 0.25 * unit)
    band = np.where(v > below, smoothstep(v, lid, below), smoothstep(v, hair, above))
    ends = np.abs(np.concatenate([low, high])[:, 0])
    inner, outer = float(np.min(ends)), float(np.max(ends))
    beside = smoothstep(np.abs(u), outer + 0.28 * unit, outer - 0.02 * unit)
    inwards = smoothstep(np.abs(u), inner + 0.75 * (outer - inner), inner)
    room = float(np.median(curve(lids, low[:, 0]) - low[:, 1]))
    down = min(DOWN * unit, TIGHTEST * max(room, 0.05 * unit))
    none = np.zeros_like(u)

    def field(across: Array, along: Array) -> Array:
        return frame.vector_to_picture(np.stack([across, along], axis=-1))

    def side(sign: int) -> Array:
        return smoothstep(sign * u, -inner, inner)

    frown = down * band * beside * (OUTER_DOWN + (1 - OUTER_DOWN) * inwards)
    together = -TOGETHER * down * band * inwards * np.clip(u / inner, -1.0, 1.0)
    fields = {
        "browInnerUp": field(none, -INNER_UP * unit * band * beside * inwards),
        **{
            f"brow{name}{which}": field(across * side(sign), way * side(sign))
            for which, sign in (("Left", 1), ("Right", -1))
            for name, across, way in (
                ("Down", together, frown),
                ("OuterUp", none, -OUTER_UP * unit * band * beside * (1 - inwards)),
            )
        },
    }
    stacked = np.stack([fields[name] for name in BROW_SHAPES]).astype(np.float32)
    reached = (np.abs(stacked) > 0).any(axis=(0, 3))
    rows, columns = (np.flatnonzero(reached.any(axis=axis)) for axis in (1, 0))
    return BrowField(stacked, (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
