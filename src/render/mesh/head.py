"""Turning the head of a flat picture: depth parallax for yaw and pitch, a twist of the plane for roll.

The face is a relief: FaceMesh gives depth at its points, a smooth interpolation carries it over the face
and lets it fade behind the ears and the hair, so that the background stays where it is. Yaw and pitch move
each point as its depth asks (orthographic). Roll turns the plane about the face, fully over the head and
not at all at the border of the picture; a turn that depends on the radius alone keeps areas, so it can't fold.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from src.face import FACE_OVAL, NOSE_TIP
from src.motion import head_rotation
from src.render.mesh.geometry import Array, grid_points, invert, sample_grid, smoothstep

EAR_POINTS = (234, 454)
DEPTH_GAIN = 1.25
"""Parallax of small turns over the orthographic one. Hair, ears and outline stay behind in a flat picture, so eyes and
FaceMesh alike see less turn than the face makes; with this gain they see what was asked."""
SMALL_TURN, LARGE_TURN, PITCH_WEIGHT = 8.0, 32.0, 1.5
"""Degrees of yaw between which depth goes over to the flatter relief; pitch counts more because it reaches less far."""
MINIMUM_AREA = 0.22
"""Smallest area to which the turned head may squeeze a pixel. Steeper depth is flattened until this holds."""

TURNS_LARGE = tuple((float(yaw), float(pitch)) for yaw in (-30, 30) for pitch in (-20, 0, 20))
TURNS_ALL = tuple(
    (float(yaw), float(pitch)) for yaw in (-30, -22, -15, -8, 0, 8, 15, 22, 30) for pitch in (-20, -10, 0, 10, 20)
)


@dataclass(frozen=True)
class HeadField:
    """Displacement of the head as a linear combination of four maps.

    Attributes:
        basis: (G, G, 4) float32: x, y, depth from the ears in pixels for small and for large turns, each faded
            to 0 outside the head.
        nodes: (G, G, 2) picture coordinates of the grid.
        pivot: picture coordinates of the centre of the roll.
        inner_px, outer_px: radii between which the roll fades.
        step: pixels between grid nodes.
    """

    basis: Array
    nodes: Array
    pivot: Array
    inner_px: float
    outer_px: float
    step: int

    def turned(self, yaw: float, pitch: float) -> Array:
        """(G, G, 2) forward displacement of yaw and pitch in degrees."""
        rotation = (head_rotation(yaw, pitch, 0.0) - np.eye(3))[:2]
        # A far cheek would hide behind the nose in a large turn, which a field can't show: depth is flatter there.
        large = float(np.clip((np.hypot(yaw, PITCH_WEIGHT * pitch) - SMALL_TURN) / (LARGE_TURN - SMALL_TURN), 0.0, 1.0))
        mixed = np.column_stack([rotation[:, :2], rotation[:, 2] * (1 - large), rotation[:, 2] * large])
        return (self.basis @ mixed.T.astype(np.float32)).astype(np.float32)

    def twisted(self, points: Array, roll: float) -> Array:
        """Points (..., 2) turned in the plane by roll degrees; -roll is the exact inverse."""
        if roll == 0.0:
            return points
        x, y = points[..., 0] - self.pivot[0], points[..., 1] - self.pivot[1]
        angle = np.float32(np.radians(roll)) * smoothstep(np.sqrt(x * x + y * y), self.outer_px, self.inner_px)
        cos, sin = np.cos(angle), np.sin(angle)
        return np.stack([cos * x - sin * y + self.pivot[0], sin * x + cos * y + self.pivot[1]], axis=-1)

    def backward(self, nodes: Array, turned: Array, roll: float, iterations: int) -> Array:
        """Where the pixels of the shown picture lie on the unturned head.

        Args:
            nodes: (G, G, 2) grid nodes of the picture.
            turned: displacement of yaw and pitch.
            roll: degrees.
            iterations: rounds of inverting.

        Returns:
            (G, G, 2) picture coordinates.
        """
        return invert(turned, self.twisted(nodes, -roll), self.step, iterations)

    def forward(self, points: Array, turned: Array, roll: float) -> Array:
        """Where points (N, 2) of the unturned head are shown."""
        moved = points + sample_grid(turned, points[None].astype(np.float32), self.step)[0]
        return self.twisted(moved, roll)


def head_field(landmarks: Array, size: int, step: int) -> HeadField:
    """Prepare the head of an avatar.

    Args:
        landmarks: (478, 3) float32 pixels.
        size: pixels of each side of the picture.
        step: pixels between grid nodes.
    """
    nodes = grid_points(size, step)
    oval = landmarks[list(FACE_OVAL)]
    centre, radius = _ellipse(oval[:, :2])
    rho = np.linalg.norm((nodes - centre) / radius, axis=-1)
    back = float(landmarks[list(EAR_POINTS), 2].mean())
    border = np.minimum(nodes.min(axis=-1), size - 1 - nodes.max(axis=-1))
    fade = smoothstep(rho, 2.0, 1.15) * smoothstep(border, 0.0, 0.12 * size)
    depth = _depth(landmarks, nodes, centre, radius, back)
    axis = np.array([landmarks[list(EAR_POINTS), 0].mean(), landmarks[list(EAR_POINTS), 1].mean()], np.float32)
    flat = (nodes - axis) * fade[..., None]
    pivot = ((centre + landmarks[NOSE_TIP, :2]) / 2).astype(np.float32)
    reach = float(min(pivot[0], size - pivot[0], pivot[1], size - pivot[1]))
    inner = min(float(np.linalg.norm(oval[:, :2] - pivot, axis=1).max()) * 1.02, 0.62 * reach)
    blur = 0.05 * float(radius.min()) / step
    empty = np.zeros_like(depth)

    def field(near: Array, far: Array) -> HeadField:
        return HeadField(np.dstack([flat, near, far]).astype(np.float32), nodes, pivot, inner, reach, step)

    def flattest(gain: float, other: Array | None) -> Array:
        """The steepest relief that keeps its area; the large one first, then the small one mixed with it."""
        for slope in np.arange(3.0, 0.2, -0.15):
            # Yaw reaches further than pitch, so depth must be flatter sideways than up and down.
            relief = _limit_slope(_limit_slope(depth * gain, slope * step, axis=1), 1.4 * slope * step, axis=0)
            relief = cv2.GaussianBlur(relief, (0, 0), blur) * fade
            if other is None and _area_at(field(empty, relief), TURNS_LARGE) >= MINIMUM_AREA:
                return relief
            if other is not None and _area_at(field(relief, other), TURNS_ALL) >= MINIMUM_AREA:
                return relief
        return relief

    far = flattest(1.0, None)
    return field(flattest(DEPTH_GAIN, far), far)


def _area_at(head: HeadField, turns: tuple[tuple[float, float], ...]) -> float:
    areas = []
    for yaw, pitch in turns:
        field = head.turned(yaw, pitch) / head.step
        (xy, xx), (yy, yx) = np.gradient(field[..., 0]), np.gradient(field[..., 1])
        areas.append(((1 + xx) * (1 + yy) - xy * yx).min())
    return float(min(areas))


def _limit_slope(field: Array, step: float, axis: int) -> Array:
    """The mean of the largest field below and the smallest above that change by at most `step` per node."""
    rows = np.moveaxis(field, axis, 0)
    lowest, highest = rows.copy(), rows.copy()
    for i in range(1, len(rows)):
        lowest[i] = np.minimum(lowest[i], lowest[i - 1] + step)
        highest[i] = np.maximum(highest[i], highest[i - 1] - step)
    for i in range(len(rows) - 2, -1, -1):
        lowest[i] = np.minimum(lowest[i], lowest[i + 1] + step)
        highest[i] = np.maximum(highest[i], highest[i + 1] - step)
    return np.moveaxis((lowest + highest) / 2, 0, axis)


def _ellipse(oval: Array) -> tuple[Array, Array]:
    low, high = oval.min(axis=0), oval.max(axis=0)
    return ((low + high) / 2).astype(np.float32), ((high - low) / 2).astype(np.float32)


def _depth(landmarks: Array, nodes: Array, centre: Array, radius: Array, back: float) -> Array:
    """(G, G) depth relative to the ears: the face's own inside, falling to 0 on a ring around the head."""
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1) * radius
    rings = np.concatenate([centre + circle * factor for factor in (1.5, 1.8, 2.2, 2.8)])
    skin = landmarks[:468]
    places = np.concatenate([skin[:, :2], rings]).astype(np.float64)
    depths = np.concatenate([np.minimum(skin[:, 2] - back, 0.0), np.zeros(len(rings))])
    softness = 0.06 * float(radius.min())
    kernel = np.sqrt(((places[:, None] - places[None]) ** 2).sum(-1) + softness**2)
    weights = np.linalg.solve(kernel - 0.1 * softness * np.eye(len(places)), depths)
    flat = nodes.reshape(-1, 2).astype(np.float64)
    field = np.empty(len(flat))
    for start in range(0, len(flat), 4096):
        part = flat[start : start + 4096]
        field[start : start + 4096] = np.sqrt(((part[:, None] - places[None]) ** 2).sum(-1) + softness**2) @ weights
    rho = np.linalg.norm((nodes - centre) / radius, axis=-1)
    return (field.reshape(nodes.shape[:2]) * smoothstep(rho, 1.9, 1.3)).astype(np.float32)
