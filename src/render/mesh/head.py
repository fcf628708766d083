"""Turning the head of a flat picture: a relief in space, turned about the neck and seen in perspective.

FaceMesh gives depth at its points; a smooth interpolation carries it over the face and on over an ellipsoid through
the forehead, until it meets the plane through the ears where a head has its outline. Yaw and pitch turn this relief
about a point in the neck, behind the ears. A field can't hide anything, so for every way to turn there is a relief in
which what would be hidden is squeezed beside what hides it, what comes into view is stretched no more than a few times,
and nothing else is flattened. Roll turns the plane about the same point. What a head carries along falls from all of it
above the chin over the neck to a small share of the shoulders.

Who stands before a layer of background may leave the outline (`loose`); in a flat picture the turning fades around
the head, or it would drag the wall along (`held`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from src.face import CHIN, FACE_OVAL, FOREHEAD, NOSE_TIP
from src.motion import head_rotation
from src.render.avatar import face_size
from src.render.mesh.geometry import Array, grid_points, invert, look_up, sample_grid, smoothstep

EAR_POINTS = (234, 454)
FOREHEAD_POINTS = (10, 109, 67, 338, 297)
SKULL_ABOVE_EARS, SKULL_WIDTH, SKULL_HEIGHT = 0.25, 0.56, 0.72
"""Of a skull with hair, over the distance of the ears: height of its middle above them, half its width and height."""
CAMERA_DISTANCE = 200.0
"""From the ears to the camera over face size: a very long lens. At 8, the 75 cm of a video call, what FaceMesh finds
again of the width of a turning mouth falls from r = 0.91 to 0.88: it knows no perspective."""
NOD_HEIGHT = 0.5
"""Of the way from the ears to the chin where a head nods: most of it on the topmost vertebra, the rest further down."""
NECK_BEHIND_EARS = 0.22
"""Depth of the turning point over face size: the spine is two centimetres behind the ear canal."""
SHOULDERS_SHARE = 0.07
"""Of a turn that shoulders follow."""
SHOULDERS_LIFT, SHOULDERS_FROM = 0.4, 0.35
"""How much higher over face size the body comes to rest at the sides of the picture, and from how far inside on, over
its side. Lifted higher, the neck of a face that fills the picture is bent too sharply when it rolls."""
SHORTEST_NECK = 0.6
"""Length over face size on which the neck takes up a turn, at least."""
ANGLES, DIRECTIONS = (10.0, 20.0, 30.0, 36.0), 12
"""Degrees and number of ways round for which it is known what a turning head hides."""
YAW_GAIN, PITCH_GAIN = 1.2, 1.2
"""Parallax over that of the relief, with which FaceMesh finds again what was asked for: a picture shows no more of the
turned side than there was, and a nod hides little that could tell it."""
MINIMUM_AREA, LEAST_AREA = 0.4, 0.32
"""Area to which the turned head may squeeze a pixel: as aimed at, and as allowed between the prepared directions. A
jaw that opens squeezes it once more, and the inverse of less is found in too many rounds."""
LARGEST_AREA = 2.6
"""Area to which it may stretch one."""
BLUR = 0.06
"""Of a relief, over the radius of the face: no crease is finer than the grid."""
STEEPEST, RIM = 1.2, (1.0, 0.8)
"""Slope of depth at most around the face, and where that begins over its radius: beside an ear that comes forward
little is stretched far, and is slowly found again."""
ROUNDS, SHRINK = 10, 0.85
"""How often, and by how much, depth is made less for the angles at which a short neck would fold."""
LOOK_AHEAD = 4
"""Rounds in which a point that is twisted by where it arrives finds out where that is."""

TURNS = tuple(
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
        depth: (G, G) of the nodes from the ears, pixels; negative towards the camera.
        reliefs: (A, D, G, G) the same as it moves when the head turns by `ANGLES` in `DIRECTIONS` ways: what would be
            hidden is squeezed beside what hides it.
        follow: what turns along.
        neck: picture coordinates of the turning point and its depth behind the ears, pixels.
        distance: of the camera from the ears, pixels.
        step: pixels between nodes.
    """

    nodes: Array
    depth: Array
    reliefs: Array
    follow: Follow
    neck: tuple[float, float, float]
    distance: float
    step: int

    def turned(self, yaw: float, pitch: float) -> Array:
        """(G, G, 2) forward displacement of yaw and pitch in degrees."""
        if yaw == 0.0 and pitch == 0.0:
            return np.zeros_like(self.nodes)
        x, y, behind = self.neck
        rotation = head_rotation(yaw, pitch, 0.0)
        (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.astype(np.float32)
        relief = self._relief(rotation[2]) - np.float32(behind)
        distance = np.float32(self.distance)
        across = 1 + self.depth / distance
        right, down = (self.nodes[..., 0] - np.float32(x)) * across, (self.nodes[..., 1] - np.float32(y)) * across
        away = zx * right + zy * down + zz * (self.depth - np.float32(behind)) + np.float32(behind)
        scale = distance / (distance + away)
        shown = np.stack(
            [
                (xx * right + xy * down + xz * relief) * scale + np.float32(x),
                (yx * right + yy * down + yz * relief) * scale + np.float32(y),
            ],
            axis=-1,
        )
        return np.asarray((shown - self.nodes) * self.follow.turn[..., None], np.float32)

    def _relief(self, towards: NDArray[np.float64]) -> Array:
        """(G, G) depth for a turn after which the camera is seen from the head at minus this unit vector."""
        angle = np.interp(np.degrees(np.arccos(min(float(towards[2]), 1.0))), ANGLES, range(len(ANGLES)))
        way = np.arctan2(towards[1], towards[0]) / (2 * np.pi) * DIRECTIONS % DIRECTIONS
        lower, first = min(int(angle), len(ANGLES) - 2), int(way) % DIRECTIONS
        relief = np.zeros_like(self.depth)
        for level, share in ((lower, lower + 1 - angle), (lower + 1, angle - lower)):
            for direction, part in ((first, first + 1 - way), ((first + 1) % DIRECTIONS, way - first)):
                if share * part:
                    relief += self.reliefs[level, direction] * np.float32(share * part)
        return relief

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
    gentle = depth[..., None]
    for right, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        gentle = _limit_slope(gentle, np.array([STEEPEST * step], np.float32), right, down)
    middle = smoothstep(np.linalg.norm((nodes - centre) / radius, axis=-1), *RIM)
    depth = middle * depth + (1 - middle) * gentle[..., 0]
    sideways, chin = _neck(landmarks)
    ears = float(landmarks[list(EAR_POINTS), 1].mean())
    neck = (sideways, ears + NOD_HEIGHT * (chin - ears), NECK_BEHIND_EARS * unit)
    distance = CAMERA_DISTANCE * unit
    blur = BLUR * float(radius.min()) / step

    shares = np.ones((len(ANGLES), DIRECTIONS))
    for _ in range(ROUNDS):
        head = HeadField(nodes, depth, _reliefs(depth, shares, step, blur), follow, neck, distance, step)
        tight = [_nearest(turn) for turn in TURNS if _area_at(head, turn) < LEAST_AREA]
        if not tight:
            break
        for level, directions in set(tight):
            shares[level, list(directions)] *= SHRINK
    return head


def loose(landmarks: Array, size: int, step: int) -> Follow:
    """Of a person before a background of its own: the head goes where it likes, only the body holds it."""
    nodes, unit = grid_points(size, step), face_size(landmarks)
    neck, chin = _neck(landmarks), float(landmarks[CHIN, 1])
    beside = np.maximum(np.abs(nodes[..., 0] - neck[0]) - 0.35 * unit, 0.0)
    # The neck bends over its length; what hangs or stands beside it must bend over more, as it goes further.
    # Where the picture ends before the neck does, the lower border must move: a neck can't be bent over nothing.
    body = max(min(chin + 1.15 * unit, size - 1.0), chin + SHORTEST_NECK * unit)
    left, right, bottom = nodes[..., 0], size - 1 - nodes[..., 0], size - 1 - nodes[..., 1]
    # Shoulders go on beside the picture: where they leave it they stand still, or they would break off from the photo
    # around it. All of the neck's bending is moved up there, for a shorter one would fold.
    lift = SHOULDERS_LIFT * unit * smoothstep(np.minimum(left, right), SHOULDERS_FROM * size, 0.0)
    head = smoothstep(nodes[..., 1], body - lift, chin + 0.1 * unit - 0.9 * beside - lift)
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


def _nearest(turn: tuple[float, float]) -> tuple[int, tuple[int, int]]:
    """The prepared angle next to that of a yaw and pitch, and the directions on both sides of its own."""
    towards = head_rotation(*turn, 0.0)[2]
    level = int(np.abs(np.degrees(np.arccos(towards[2])) - ANGLES).argmin())
    way = int(np.arctan2(towards[1], towards[0]) / (2 * np.pi) * DIRECTIONS % DIRECTIONS)
    return level, (way, (way + 1) % DIRECTIONS)


def _area_at(head: HeadField, turn: tuple[float, float]) -> float:
    field = head.turned(*turn) / head.step
    (xy, xx), (yy, yx) = np.gradient(field[..., 0]), np.gradient(field[..., 1])
    return float(((1 + xx) * (1 + yy) - xy * yx).min())


def _reliefs(depth: Array, shares: NDArray[np.float64], step: int, blur: float) -> Array:
    """(A, D, G, G) depth, times (A, D) shares, that falls and rises so gently that nothing folds or smears."""
    angles = np.radians(ANGLES)
    # The area of a pixel after a turn is cos(angle) - sin(angle) * slope in the way of the turn.
    slopes = (np.cos(angles) - MINIMUM_AREA) / np.sin(angles) * step
    rises = (LARGEST_AREA - np.cos(angles)) / np.sin(angles) * step
    reliefs = np.empty((len(ANGLES), DIRECTIONS, *depth.shape), np.float32)
    for direction, way in enumerate(2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS):
        right, down = float(np.cos(way)), float(np.sin(way))
        gain = YAW_GAIN * right**2 + PITCH_GAIN * down**2
        planes = depth[..., None] * (gain * shares[:, direction]).astype(np.float32)
        limited = _limit_slope(planes, (np.sqrt(shares[:, direction]) * slopes).astype(np.float32), right, down)
        limited = _limit_slope(limited, (np.sqrt(shares[:, direction]) * rises).astype(np.float32), -right, -down)
        reliefs[:, direction] = np.moveaxis(cv2.GaussianBlur(limited, (0, 0), blur), 2, 0)
    return reliefs


def _limit_slope(planes: Array, steps: Array, right: float, down: float) -> Array:
    """The mean of the largest below and the smallest above (G, G, N) planes that grow by at most `steps` per node."""
    below = above = planes
    rows, columns = np.indices(planes.shape[:2]).astype(np.float32)
    for reach in 2 ** np.arange(int(np.ceil(np.log2(len(planes))))):
        way = np.array([reach * right, reach * down], np.float32)
        here = np.dstack([columns, rows])
        below = np.minimum(below, look_up(below, here - way) + steps * np.float32(reach))
        above = np.maximum(above, look_up(above, here + way) - steps * np.float32(reach))
    return np.asarray((below + above) / 2, np.float32)


def _ellipse(oval: Array) -> tuple[Array, Array]:
    low, high = oval.min(axis=0), oval.max(axis=0)
    return ((low + high) / 2).astype(np.float32), ((high - low) / 2).astype(np.float32)


def _depth(landmarks: Array, nodes: Array, centre: Array, radius: Array, back: float) -> Array:
    """(G, G) depth relative to the ears: the face's own inside, the skull's above, falling to 0 beside the neck."""
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1) * radius
    rings = np.concatenate([centre + circle * factor for factor in (1.3, 1.5, 1.8, 2.2, 2.8)]).astype(np.float32)
    rho = np.linalg.norm((rings - centre) / radius, axis=-1)
    skull, above = _skull(landmarks, rings)
    keep = (rho > 1.4) | (above > 0.5)
    rings, round_depth = rings[keep], (np.minimum(skull - back, 0.0) * above)[keep]
    skin = landmarks[:468]
    places = np.concatenate([skin[:, :2], rings]).astype(np.float64)
    depths = np.concatenate([np.minimum(skin[:, 2] - back, 0.0), round_depth])
    softness = 0.06 * float(radius.min())
    kernel = np.sqrt(((places[:, None] - places[None]) ** 2).sum(-1) + softness**2)
    weights = np.linalg.solve(kernel - 0.1 * softness * np.eye(len(places)), depths)
    flat = nodes.reshape(-1, 2).astype(np.float64)
    field = np.empty(len(flat))
    for start in range(0, len(flat), 4096):
        part = flat[start : start + 4096]
        field[start : start + 4096] = np.sqrt(((part[:, None] - places[None]) ** 2).sum(-1) + softness**2) @ weights
    rho = np.linalg.norm((nodes - centre) / radius, axis=-1)
    return (field.reshape(nodes.shape[:2]) * smoothstep(rho, 2.4, 1.6)).astype(np.float32)


def _skull(landmarks: Array, points: Array) -> tuple[Array, Array]:
    """Depth of an ellipsoid through the forehead at (N, 2) points, and 1 above the ears, 0 below.

    Beside its outline it goes on in the plane of the outline, as seen by a camera far away.
    """
    first, second = (landmarks[index].astype(np.float64) for index in EAR_POINTS)
    ears = float(np.linalg.norm(second - first))
    right = (second - first) / ears
    up = (landmarks[FOREHEAD] - landmarks[CHIN]).astype(np.float64)
    up -= right * (up @ right)
    up /= np.linalg.norm(up)
    axes = np.stack([right, up, np.cross(right, up)])
    middle = (first + second) / 2 + up * SKULL_ABOVE_EARS * ears
    wide, tall = SKULL_WIDTH * ears, SKULL_HEIGHT * ears
    local = (landmarks[list(FOREHEAD_POINTS)] - middle) @ axes.T
    inside = np.clip(1 - (local[:, 0] / wide) ** 2 - (local[:, 1] / tall) ** 2, 0.1, 1.0)
    long = float(np.mean(np.abs(local[:, 2]) / np.sqrt(inside)))
    form = axes.T @ np.diag([wide**-2, tall**-2, long**-2]) @ axes
    way = points.astype(np.float64) - middle[:2]
    slope = way @ form[:2, 2]
    offset = np.einsum("ni,ij,nj->n", way, form[:2, :2], way) - 1
    depth = middle[2] - (slope + np.sqrt(np.maximum(slope**2 - form[2, 2] * offset, 0.0))) / form[2, 2]
    height = (way @ up[:2]) / ears + SKULL_ABOVE_EARS
    return depth.astype(np.float32), smoothstep(height.astype(np.float32), 0.0, 0.35)
