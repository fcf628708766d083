"""Small geometry that the parts of the mesh renderer share: face-aligned frames, curves, fades, grids."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""

STEEP = 0.7
"""Pixels per pixel of displacement above which points are inverted at a pace of their own."""
INVERTED_PX = 0.02
"""What inverted points may be off."""
PACED_ROUNDS, STEEP_ROUNDS, MOST_ROUNDS = 6, 2.0, 14
"""Rounds at a pace of their own, more of them per steepness beyond `VERY_STEEP`, and at most."""
VERY_STEEP = 3.0
"""Pixels per pixel of displacement beside the corners of a mouth that opens as wide as in a shout."""
PACES = (0.2, 2.5)
"""Not backwards, not in leaps."""


@dataclass(frozen=True)
class Frame2:
    """An upright frame in the picture: an origin and the unit vector of its first axis.

    Coordinates (u, v) are pixels: u along the axis, v at a right angle to it, down for an upright face.
    """

    origin: tuple[float, float]
    axis: tuple[float, float]

    @classmethod
    def between(cls, first: Array, second: Array) -> "Frame2":
        """The frame in the middle of two points, looking from the first to the second."""
        along = (second - first)[:2] / np.linalg.norm((second - first)[:2])
        middle = (first + second)[:2] / 2
        return cls((float(middle[0]), float(middle[1])), (float(along[0]), float(along[1])))

    def to_local(self, points: Array) -> Array:
        """(..., 2) picture coordinates -> (..., 2) frame coordinates."""
        (ox, oy), (ax, ay) = self.origin, self.axis
        x, y = points[..., 0] - np.float32(ox), points[..., 1] - np.float32(oy)
        return np.stack([x * np.float32(ax) + y * np.float32(ay), y * np.float32(ax) - x * np.float32(ay)], axis=-1)

    def to_picture(self, points: Array) -> Array:
        """(..., 2) frame coordinates -> (..., 2) picture coordinates."""
        return self.vector_to_picture(points) + np.asarray(self.origin, np.float32)

    def vector_to_picture(self, vectors: Array) -> Array:
        """(..., 2) vectors of the frame -> (..., 2) vectors of the picture."""
        ax, ay = np.float32(self.axis[0]), np.float32(self.axis[1])
        u, v = vectors[..., 0], vectors[..., 1]
        return np.stack([u * ax - v * ay, u * ay + v * ax], axis=-1).astype(np.float32)


def smoothstep(value: Array, start: float | Array, end: float | Array) -> Array:
    """0 at `start`, 1 at `end` (either may be larger), with flat ends."""
    t = np.clip((value - start) / (end - start), 0.0, 1.0)
    return (t * t * (3.0 - 2.0 * t)).astype(np.float32)


def curve(points: Array, at: Array) -> Array:
    """Height v of a curve through (N, 2) points in (u, v), ordered by u, at any u; the ends are held."""
    order = np.argsort(points[:, 0])
    return np.interp(at, points[order, 0], points[order, 1]).astype(np.float32)


def grid_points(size: int, step: int) -> Array:
    """(G, G, 2) picture coordinates of the nodes of a coarse grid, in the middle of each block of pixels.

    `cv2.resize` by `step` then interpolates between the nodes at every pixel.
    """
    nodes = (np.arange(size // step, dtype=np.float32) + 0.5) * step - 0.5
    return np.stack(np.meshgrid(nodes, nodes), axis=-1)


def sample_grid(field: Array, points: Array, step: int) -> Array:
    """Values of a grid field at any points of the picture, bilinear; outside, the border is held.

    Args:
        field: (G, G) or (G, G, C) float32 values at `grid_points`.
        points: (H, W, 2) float32 picture coordinates.
        step: pixels between nodes.

    Returns:
        (H, W) or (H, W, C) float32.
    """
    return look_up(field, _on_grid(points, step))


def _on_grid(points: Array, step: int) -> Array:
    """Picture coordinates -> columns and rows of a grid."""
    return np.asarray((points + np.float32(0.5)) * np.float32(1.0 / step) - np.float32(0.5), np.float32)


def invert(displacement: Array, targets: Array, step: int, iterations: int) -> Array:
    """Where points come from under a forward displacement: x with x + displacement(x) = target.

    Fixed-point iteration. It converges slowly or not at all where the displacement changes by about a
    pixel per pixel or more, as beside a wide open mouth; there each point finds its own pace.

    Args:
        displacement: (G, G, 2) float32 forward displacement at `grid_points`.
        targets: (H, W, 2) float32 picture coordinates after the movement.
        step: pixels between nodes.
        iterations: rounds at a common pace at most, 1 or more; a gentle displacement needs fewer.

    Returns:
        (H, W, 2) float32 picture coordinates before the movement.

    Reference:
        Barzilai, Borwein: Two-point step size gradient methods, IMA Journal of Numerical Analysis 1988.
    """
    return _invert(displacement, targets, step, iterations, _reach(displacement, step))


def _invert(displacement: Array, targets: Array, step: int, iterations: int, reach: tuple[float, float]) -> Array:
    way, steepest = reach
    rounds = min(_rounds(way, steepest), iterations)
    if not rounds:
        return targets
    # Everything in nodes instead of pixels, so that no round converts.
    nodes, moved = _on_grid(targets, step), displacement * np.float32(1.0 / step)
    paced = min(round(PACED_ROUNDS + STEEP_ROUNDS * max(steepest - VERY_STEEP, 0.0)), MOST_ROUNDS)
    sources = _invert_paced(moved, nodes, paced) if steepest > STEEP else _invert_even(moved, nodes, rounds)
    return np.asarray((sources + np.float32(0.5)) * np.float32(step) - np.float32(0.5), np.float32)


def inverse_field(displacement: Array, nodes: Array, box: Box, step: int, iterations: int) -> Array:
    """The displacement that undoes another one: x + inverse(x) is where x comes from.

    Args:
        displacement: (G, G, 2) float32 forward displacement at `nodes`, 0 outside `box` or not of interest there.
        nodes: (G, G, 2) grid points.
        box: nodes (not pixels) that are solved for; elsewhere the inverse is 0.
        step: pixels between nodes.
        iterations: rounds of inverting.

    Returns:
        (G, G, 2) float32.
    """
    left, top, right, bottom = box
    # Points in the box come from the box, so the grid may end there; all is counted from its corner.
    corner = nodes[top, left] - nodes[0, 0]
    targets = nodes[top:bottom, left:right]
    undone = np.zeros_like(displacement)
    moved = np.ascontiguousarray(displacement[top:bottom, left:right])
    targets = targets - corner
    # How hard it is is that of the whole, or a smaller box would be another solution.
    undone[top:bottom, left:right] = _invert(moved, targets, step, iterations, _reach(displacement, step)) - targets
    return undone


def _reach(displacement: Array, step: int) -> tuple[float, float]:
    """The largest way, and the largest change of it per pixel."""
    if not displacement.any():
        return 0.0, 0.0
    steepest = max(cv2.norm(displacement[1:], displacement[:-1], cv2.NORM_INF),
                   cv2.norm(displacement[:, 1:], displacement[:, :-1], cv2.NORM_INF))  # fmt: skip
    return float(cv2.norm(displacement, cv2.NORM_INF)), float(steepest) / step


def _rounds(way: float, steepest: float) -> int:
    """Rounds after which every point is where it belongs, to `INVERTED_PX`."""
    if way <= INVERTED_PX:
        return 1 if way else 0
    # Both axes may change at once, which adds up at worst; in fields of faces it hardly does.
    return 1 + math.ceil(math.log(INVERTED_PX / way) / math.log(min(1.25 * steepest + 0.01, 0.9)))


def _invert_even(displacement: Array, targets: Array, rounds: int) -> Array:
    sources = targets
    for _ in range(rounds):
        sources = targets - look_up(displacement, sources)
    return sources


def _invert_paced(displacement: Array, targets: Array, rounds: int) -> Array:
    change = -look_up(displacement, targets)
    sources, residual = targets + change, change
    for _ in range(rounds - 1):
        before, residual = residual, targets - sources - look_up(displacement, sources)
        along = np.einsum("hwc,hwc->hw", change, change)
        slope = np.einsum("hwc,hwc->hw", change, before - residual)
        pace = np.clip(along / np.maximum(slope, np.float32(1e-10)), *PACES)
        change = pace[..., None] * residual
        sources = sources + change
    return np.asarray(sources, np.float32)


def look_up(picture: NDArray[Any], where: Array, *, surround: int = cv2.BORDER_REPLICATE) -> NDArray[Any]:
    """Values of a picture at (H, W, 2) float32 places, bilinear, in the picture's type.

    Outside, the border is held, or all is 0 with `surround=cv2.BORDER_CONSTANT`.
    """
    empty: Any = None  # all coordinates are in the first map
    return cv2.remap(picture, where, empty, cv2.INTER_LINEAR, borderMode=surround)


def extended(field: Array) -> Array:
    """(G, G, 2) -> (G + 2, G + 2, 2): one more node on each side, continued linearly.

    Without it the outermost half block of pixels would look at its innermost pixel.
    """
    wide = np.empty((field.shape[0] + 2, field.shape[1] + 2, 2), np.float32)
    wide[1:-1, 1:-1] = field
    wide[0, 1:-1], wide[-1, 1:-1] = 2 * field[0] - field[1], 2 * field[-1] - field[-2]
    wide[:, 0], wide[:, -1] = 2 * wide[:, 1] - wide[:, 2], 2 * wide[:, -2] - wide[:, -3]
    return wide


def finer(field: Array) -> Array:
    """(G + 2, G + 2, 2) `extended` field -> (2 G + 2, 2 G + 2, 2), the same with half the step, bilinear."""
    sides = 2 * field.shape[1], 2 * field.shape[0]
    return np.asarray(cv2.resize(field, sides, interpolation=cv2.INTER_LINEAR)[1:-1, 1:-1], np.float32)


def block_map(field: Array, box: Box, step: int) -> Array:
    """Grid values at every pixel of a box, bilinear.

    Args:
        field: (G + 2, G + 2, 2) float32, `extended`.
        box: left, top, right, bottom in pixels, multiples of `step`.
        step: pixels between nodes.

    Returns:
        (bottom - top, right - left, 2) float32.
    """
    left, top, right, bottom = (side // step for side in box)
    part = field[top : bottom + 2, left : right + 2]
    dense = cv2.resize(part, (part.shape[1] * step, part.shape[0] * step), interpolation=cv2.INTER_LINEAR)
    return dense[step:-step, step:-step].astype(np.float32, copy=False)


def box_around(points: Array, margin: float, size: int, step: int) -> Box:
    """The smallest box on block borders that holds (N, 2) points and a margin, inside the picture."""
    low = np.floor((points.min(axis=0) - margin) / step).astype(int) * step
    high = np.ceil((points.max(axis=0) + margin) / step).astype(int) * step
    left, top = np.clip(low, 0, size - step)
    right, bottom = np.clip(high, (left + step, top + step), size)
    return int(left), int(top), int(right), int(bottom)
