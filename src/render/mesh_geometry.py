"""Small geometry that the parts of the mesh renderer share: face-aligned frames, curves, fades, grids."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


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
        first, second = np.asarray(first, np.float64)[:2], np.asarray(second, np.float64)[:2]
        along = (second - first) / np.linalg.norm(second - first)
        middle = (first + second) / 2
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
    position = (points + np.float32(0.5)) * np.float32(1.0 / step) - np.float32(0.5)
    return cv2.remap(field, position, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def invert(displacement: Array, targets: Array, step: int, iterations: int) -> Array:
    """Where points come from under a forward displacement: x with x + displacement(x) = target.

    Fixed-point iteration; it converges where the displacement changes by less than one pixel per pixel.

    Args:
        displacement: (G, G, 2) float32 forward displacement at `grid_points`.
        targets: (H, W, 2) float32 picture coordinates after the movement.
        step: pixels between nodes.
        iterations: rounds, each shrinking the error by the displacement's slope.

    Returns:
        (H, W, 2) float32 picture coordinates before the movement.
    """
    sources = targets
    for _ in range(iterations):
        sources = targets - sample_grid(displacement, sources, step)
    return sources


def block_map(field: Array, box: tuple[int, int, int, int], step: int) -> Array:
    """Grid values at every pixel of a box, bilinear.

    Args:
        field: (G, G, C) float32.
        box: left, top, right, bottom in pixels, multiples of `step`.
        step: pixels between nodes.

    Returns:
        (bottom - top, right - left, C) float32.
    """
    left, top, right, bottom = box
    num = field.shape[0]
    c0, c1 = max(left // step - 1, 0), min(right // step + 1, num)
    r0, r1 = max(top // step - 1, 0), min(bottom // step + 1, num)
    part = field[r0:r1, c0:c1]
    dense = cv2.resize(part, ((c1 - c0) * step, (r1 - r0) * step), interpolation=cv2.INTER_LINEAR)
    return dense[top - r0 * step : bottom - r0 * step, left - c0 * step : right - c0 * step]


def box_around(points: Array, margin: float, size: int, step: int) -> tuple[int, int, int, int]:
    """The smallest box on block borders that holds (N, 2) points and a margin, inside the picture."""
    low = np.floor((points.min(axis=0) - margin) / step).astype(int) * step
    high = np.ceil((points.max(axis=0) + margin) / step).astype(int) * step
    left, top = np.clip(low, 0, size - step)
    right, bottom = np.clip(high, (left + step, top + step), size)
    return int(left), int(top), int(right), int(bottom)
