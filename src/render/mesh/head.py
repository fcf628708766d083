"""Turning the head of a flat picture: a relief in space, turned about the neck and seen in perspective.

FaceMesh gives depth at its points; a smooth interpolation carries it over the face and on over the skull, until it
meets the plane through the ears where a head has its outline. Yaw and pitch turn this relief about a point in the
neck, behind the ears. Roll turns the plane about the same point. What a head carries along falls from all of it
above the chin over the neck to a small share of the shoulders.

Who stands before a layer of background may leave the outline (`loose`); in a flat picture the turning fades around
the head, or it would drag the wall along (`held`).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from src.face import CHIN, FACE_OVAL, NOSE_TIP
from src.motion import head_rotation
from src.render.avatar import face_size
from src.render.mesh.geometry import Array, grid_points, invert, sample_grid, smoothstep

EAR_POINTS = (234, 454)
CAMERA_DISTANCE = 200.0
"""From the ears to the camera over face size: a very long lens. At 8, the 75 cm of a video call, what FaceMesh finds
again of the width of a turning mouth falls from r = 0.91 to 0.88: it knows no perspective."""
NOD_HEIGHT = 0.5
"""Of the way from the ears to the chin where a head nods: most of it on the topmost vertebra, the rest further down."""
NECK_BEHIND_EARS = 0.22
"""Depth of the turning point over face size: the spine is two centimetres behind the ear canal."""
SHOULDERS_SHARE = 0.07
"""Of a turn that shoulders follow."""
SHORTEST_NECK = 0.6
"""Length over face size on which the neck takes up a turn, at least."""
SMALL_TURN_GAINS, LARGE_TURN_GAINS = (1.3, 1.35), (1.0, 1.0)
"""Parallax of yaw and of pitch over that of the relief. A picture shows no more of the turned side than there was, and
a nod hides little that could tell it; with these gains eyes and FaceMesh see about what was asked of small turns. On
large ones more would show as a roll that nobody asked for."""
STEEPEST, STEEPER_DOWN = 3.0, 1.6
"""Slope of depth that is tried first; how much steeper it may be up and down, as yaw reaches further than pitch."""
SMALL_TURN, LARGE_TURN, PITCH_WEIGHT = 8.0, 32.0, 1.5
"""Degrees of yaw between which depth goes over to that of large turns; pitch counts more as it reaches less far."""
MINIMUM_AREA = 0.13
"""Smallest area to which the turned head may squeeze a pixel. Steeper depth is flattened until this holds."""
LOOK_AHEAD = 4
"""Rounds in which a point that is twisted by where it arrives finds out where that is."""

TURNS_LARGE = tuple((float(yaw), float(pitch)) for yaw in (-30, 30) for pitch in (-20, 0, 20))
TURNS_ALL = tuple(
    (float(yaw), float(pitch)) for yaw in (-30, -22, -15, -8, 0, 8, 15, 22, 30) for pitch in (-20, -10, 0, 10, 20)
)


@dataclass(frozen=True)
class Follow:
    """What a head takes along when it turns.

    Attributes:
        turn: (G, G) share of yaw and pitch at the nodes of the portrait.
        twist: (G, G) share of roll at the nodes of the shown picture.
        centre: picture coordinates of the centre of roll.
    """

    turn: Array
    twist: Array
    centre: tuple[float, float]


@dataclass(frozen=True)
class HeadField:
    """A head that can be turned.

    Attributes:
        nodes: (G, G, 2) picture coordinates of the grid.
        near, far: (G, G, 4) places of the nodes in space from the neck, in pixels, for small and for large turns:
            x, y, depth as it moves sideways, and as it moves up and down.
        follow: what turns along.
        neck: picture coordinates of the turning point and its depth behind the ears, pixels.
        distance: of the camera from the ears, pixels.
        step: pixels between nodes.
    """

    nodes: Array
    near: Array
    far: Array
    follow: Follow
    neck: tuple[float, float, float]
    distance: float
    step: int

    def turned(self, yaw: float, pitch: float) -> Array:
        """(G, G, 2) forward displacement of yaw and pitch in degrees."""
        if yaw == 0.0 and pitch == 0.0:
            return np.zeros_like(self.nodes)
        # A far cheek would hide behind the nose in a large turn, which a field can't show: depth is flatter there.
        large = float(np.clip((np.hypot(yaw, PITCH_WEIGHT * pitch) - SMALL_TURN) / (LARGE_TURN - SMALL_TURN), 0.0, 1.0))
        places = self.near + (self.far - self.near) * np.float32(large)
        (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = head_rotation(yaw, pitch, 0.0)
        rotation = np.array([[xx, xy, xz, 0], [yx, yy, 0, yz], [zx, zy, zz / 2, zz / 2]], np.float32)
        places = places @ rotation.T
        x, y, behind = self.neck
        scale = np.float32(self.distance) / (places[..., 2:] + np.float32(self.distance + behind))
        shown = places[..., :2] * scale + np.array([x, y], np.float32)
        return np.asarray((shown - self.nodes) * self.follow.turn[..., None], np.float32)

    def backward(self, turned: Array, roll: float, iterations: int) -> Array:
        """(G, G, 2) where the nodes of the shown picture lie on the unturned head.

        Args:
            turned: displacement of yaw and pitch.
            roll: degrees.
            iterations: rounds of inverting.
        """
        nodes = self.nodes
        if roll:
            nodes = _about(nodes, self.follow.centre, self.follow.twist * np.float32(-roll))
        return invert(turned, nodes, self.step, iterations) if turned.any() else nodes

    def forward(self, points: Array, turned: Array, roll: float) -> Array:
        """Where points (N, 2) of the unturned head are shown."""
        moved = points + sample_grid(turned, points[None].astype(np.float32), self.step)[0]
        shown = moved
        for _ in range(LOOK_AHEAD if roll else 0):
            share = sample_grid(self.follow.twist, shown[None], self.step)[0]
            shown = _about(moved, self.follow.centre, share * np.float32(roll))
        return shown


def head_field(landmarks: Array, follow: Follow, size: int, step: int) -> HeadField:
    """Prepare the head of an avatar.

    Args:
        landmarks: (478, 3) float32 pixels.
        follow: `loose` or `held`, on the same grid.
        size: pixels of each side of the picture.
        step: pixels between grid nodes.
    """
    nodes = grid_points(size, step)
    unit = face_size(landmarks)
    oval = landmarks[list(FACE_OVAL)]
    centre, radius = _ellipse(oval[:, :2])
    back = float(landmarks[list(EAR_POINTS), 2].mean())
    depth = _depth(landmarks, nodes, centre, radius, back)
    sideways, chin = _neck(landmarks)
    ears = float(landmarks[list(EAR_POINTS), 1].mean())
    neck = (sideways, ears + NOD_HEIGHT * (chin - ears), NECK_BEHIND_EARS * unit)
    distance = CAMERA_DISTANCE * unit
    blur = 0.05 * float(radius.min()) / step

    def places(sideways: Array, down: Array) -> Array:
        across = 1 + (sideways + down)[..., None] / np.float32(2 * distance)
        depths = np.dstack([sideways, down]) - np.float32(neck[2])
        return np.dstack([(nodes - np.array(neck[:2], np.float32)) * across, depths]).astype(np.float32)

    def relief(gain: float, across: float, along: float) -> Array:
        limited = _limit_slope(_limit_slope(depth * gain, across, axis=1), along, axis=0)
        return np.asarray(cv2.GaussianBlur(limited, (0, 0), blur), np.float32)

    def steepest(gains: tuple[float, float], turns: tuple[tuple[float, float], ...], far: Array | None) -> HeadField:
        """With the steepest depth that keeps its area, for small turns if that for large ones is known."""
        for slope in STEEPEST * step * 0.9 ** np.arange(24):
            down = STEEPER_DOWN * slope
            near = places(relief(gains[0], slope, down), relief(gains[1], down, down))
            head = HeadField(nodes, near, near if far is None else far, follow, neck, distance, step)
            if _area_at(head, turns) >= MINIMUM_AREA:
                break
        return head

    return steepest(SMALL_TURN_GAINS, TURNS_ALL, steepest(LARGE_TURN_GAINS, TURNS_LARGE, None).far)


def loose(landmarks: Array, size: int, step: int) -> Follow:
    """Of a person before a background of its own: the head goes where it likes, only the body holds it."""
    nodes, unit = grid_points(size, step), face_size(landmarks)
    neck, chin = _neck(landmarks), float(landmarks[CHIN, 1])
    beside = np.maximum(np.abs(nodes[..., 0] - neck[0]) - 0.35 * unit, 0.0)
    # The neck bends over its length; what hangs or stands beside it must bend over more, as it goes further.
    # Where the picture ends before the neck does, the lower border must move: a neck can't be bent over nothing.
    body = max(min(chin + 1.15 * unit, size - 1.0), chin + SHORTEST_NECK * unit)
    head = smoothstep(nodes[..., 1], body, chin + 0.1 * unit - 0.9 * beside)
    left, right, bottom = nodes[..., 0], size - 1 - nodes[..., 0], size - 1 - nodes[..., 1]
    framed = smoothstep(np.minimum(np.minimum(left, right), bottom), 0.0, 0.12 * size)
    share = (head + SHOULDERS_SHARE * (1 - head) * framed).astype(np.float32)
    return Follow(share, share, neck)


def held(landmarks: Array, size: int, step: int) -> Follow:
    """Of a flat picture: around the head and at the border nothing moves."""
    nodes = grid_points(size, step)
    oval = landmarks[list(FACE_OVAL), :2]
    centre, radius = _ellipse(oval)
    rho = np.linalg.norm((nodes - centre) / radius, axis=-1)
    border = np.minimum(nodes.min(axis=-1), size - 1 - nodes.max(axis=-1))
    turn = smoothstep(rho, 2.0, 1.15) * smoothstep(border, 0.0, 0.12 * size)
    # A twist that depends on the radius alone keeps areas, so it can't fold.
    x, y = (centre + landmarks[NOSE_TIP, :2]) / 2
    reach = float(min(x, size - x, y, size - y))
    inner = min(float(np.linalg.norm(oval - (x, y), axis=1).max()) * 1.02, 0.62 * reach)
    twist = smoothstep(np.linalg.norm(nodes - np.array([x, y], np.float32), axis=-1), reach, inner)
    return Follow(turn.astype(np.float32), twist, (float(x), float(y)))


def _neck(landmarks: Array) -> tuple[float, float]:
    """Picture coordinates of the turning point: between the ears, at the height of the chin."""
    return float(landmarks[list(EAR_POINTS), 0].mean()), float(landmarks[CHIN, 1])


def _about(points: Array, centre: tuple[float, float], angle_deg: Array) -> Array:
    x, y = points[..., 0] - np.float32(centre[0]), points[..., 1] - np.float32(centre[1])
    angle = angle_deg * np.float32(np.pi / 180)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * x - sin * y + np.float32(centre[0]), sin * x + cos * y + np.float32(centre[1])], axis=-1)


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
