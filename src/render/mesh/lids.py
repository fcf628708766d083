"""Eyelids: they close over the ball of the eye, follow its look, squint and open wide.

Each eye is painted in a patch aligned with its corners. The upper lid unrolls the skin over it; its lashes are a
layer of their own over the skin, which shrinks as the lid goes down and turns over below the edge when it is
shut. The lower lid comes up a little to meet it. What lies between them is the ball (`gaze`).
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from src.face import (
    LEFT_EYE,
    LEFT_IRIS,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
)
from src.render.mesh.controls import Controls
from src.render.mesh.gaze import Eyeball, find_eyeball
from src.render.mesh.geometry import Array, Frame2, curve, look_up, smoothstep

RIGHT_BROW, LEFT_BROW = (46, 53, 52, 65, 55), (276, 283, 282, 295, 285)
EDGE_PX = 0.9
"""Half the width of the soft edge of a lid."""
RIM = 0.34
"""Height of the lashes and their shadow over half the width of the eye."""
BREADTH = 1.4
"""Half the breadth of the patch over half the width of the eye: lashes reach beyond the outer corner."""
CLOSING = 1.4
"""Lids come down faster at first: a half-shut eye looks, and measures, less shut than half."""
RISE = 0.16
"""Share of the eye's height that the lower lid comes up to meet the upper one."""
OVERLAP = 0.1
"""Of the eye's height: how far a shut upper lid goes over the lower one, so that nothing shines through."""
TURNED = 0.45
"""Length of lashes that point down, over that of lashes that point up: they are seen from above."""
LASH_SHRINK, LASH_FADE = 0.35, 0.5
"""How much shorter and fainter lashes above the edge of a shut lid are: they no longer point at the lid's skin."""
TURNED_SHARE = 0.75
"""Darkness of lashes that point down, over that of lashes that point up: what is behind them is not dark."""
TURNING = 0.7
"""Share of closing from which lashes point down."""
EVENNESS = 0.6
"""Share of the shadows of the socket that the bulge of a shut lid takes away."""
BULGE = 0.10
"""How much darker a shut lid is at its borders than at its middle."""
BALL_SHADOW = 0.35
"""How dark a lid that comes down makes the ball right under it."""
WET_RIM = 0.2
"""Of the lashes' height: the light border of the lower lid, which turns in when the eye shuts."""
SQUINT_RISE, SQUINT_DROP, WIDE_RISE = 0.32, 0.14, 0.32
"""Ways of the lids at a full squint and at a wide open eye, over the eye's height."""
UPPER_FOLLOWS, LOWER_FOLLOWS = 0.6, 0.35
"""Share of the iris's way up or down that the lids go along."""


class EyePose(NamedTuple):
    """What one eye is to do: shares 0 .. 1, and its look in degrees with the signs of the head."""

    close: float
    squint: float
    wide: float
    yaw: float
    pitch: float

    @property
    def is_still(self) -> bool:
        """The eye is that of the portrait."""
        return not any(self)


def eye_poses(controls: Controls) -> tuple[EyePose, EyePose]:
    """What the right and the left eye are to do."""
    shapes = controls.shapes
    right, left = (
        EyePose(
            1 - (1 - close) ** CLOSING, shapes.get(f"eyeSquint{side}", 0.0), shapes.get(f"eyeWide{side}", 0.0), *look
        )
        for side, close, look in zip(("Right", "Left"), controls.blink, controls.gaze, strict=True)
    )
    return right, left


@dataclass(frozen=True)
class Lid:
    """One eye with its lids, in a patch aligned with it; rows and columns are pixels of v and u.

    Attributes:
        frame: origin between the corners, u from the person's right to the left.
        left, top: u and v of the patch's first pixel.
        rows: (h, 1) v of the patch rows.
        edge, bottom: (1, w) v of the upper and the lower lid's edge when open.
        reach, cheek: (1, w) heights of the skin above the lashes and below the eye that goes along.
        rim: height of the lashes.
        beside: (1, w) 1 along the eye, 0 at the sides of the patch.
        skin: (h, w, 3) the portrait without lashes.
        evening: (h, w) logarithm of the brightness that it takes to even it out.
        smooth: (h, w, 3) the same, smooth from side to side.
        lashes: (h, w, 3) what lashes and their shadow add to the skin, mostly below 0.
        portrait: (h, w, 3) the patch of the portrait.
        ball: what lies behind the lids.
    """

    frame: Frame2
    left: float
    top: float
    rows: Array
    edge: Array
    bottom: Array
    reach: Array
    cheek: Array
    rim: float
    beside: Array
    skin: Array
    evening: Array
    smooth: Array
    lashes: Array
    portrait: Array
    ball: Eyeball

    @property
    def corners(self) -> Array:
        """(4, 2) picture coordinates of the patch's corners."""
        right = self.left + self.edge.shape[1]
        low, high = self.top, float(self.rows[-1, 0])
        return self.frame.to_picture(
            np.array([[self.left, low], [right, low], [self.left, high], [right, high]], np.float32)
        )

    @property
    def arch(self) -> Array:
        """(1, w) opening of the portrait's eye along it, 1 at its widest."""
        height = self.bottom - self.edge
        return height / max(float(height.max()), 1.0)

    def ways(self, pose: EyePose) -> tuple[Array, Array]:
        """(1, w) pixels that the upper lid's edge goes down and the lower lid's edge goes up."""
        height, arch = self.bottom - self.edge, self.arch
        look = float(self.ball.way(pose.yaw, pose.pitch)[1]) * arch
        drop = SQUINT_DROP * pose.squint * height - WIDE_RISE * pose.wide * height + UPPER_FOLLOWS * look
        rise = SQUINT_RISE * pose.squint * height - LOWER_FOLLOWS * look
        # Open lids leave some of the eye open and fold no skin; closing then takes what is left of the way.
        drop = np.clip(drop, -0.3 * self.reach, 0.55 * height)
        rise = np.clip(rise, -0.3 * self.cheek, 0.4 * height)
        shut = np.maximum(RISE * height, rise)
        rise = rise + (shut - rise) * np.float32(pose.close)
        return drop + (height * (1 + OVERLAP) - shut - drop) * np.float32(pose.close), rise

    def posed(self, pose: EyePose) -> Array:
        """(h, w, 4) colour and cover 0 .. 1 of the eye's patch."""
        drop, rise = self.ways(pose)
        close = np.float32(np.clip(drop.max() / max(float((self.bottom - self.edge).max()), 1.0), 0.0, 1.0))
        edge, bottom = self.edge + drop, self.bottom - rise
        ball = self.ball.looking(pose.yaw, pose.pitch)
        shadow = 1.0 - BALL_SHADOW * close * np.clip(1.0 - (self.rows - edge) / self.rim, 0.0, 1.0)
        shadow -= BALL_SHADOW * np.clip((self.edge - self.rows) / 3.0, 0.0, 1.0)  # what no lid left before
        # The lower lid: the skin under the eye drawn up.
        below = np.clip((self.rows - bottom) / self.cheek, 0.0, 1.0)
        lower_v = self.rows + (rise + WET_RIM * self.rim * close * self.arch) * np.square(1.0 - below)
        upper, upper_v = self._upper(drop, edge, close)
        lower = self._from_rows(self.portrait, lower_v)
        under = np.clip(0.5 + (self.rows - bottom) / (2 * EDGE_PX), 0.0, 1.0)
        over = np.clip(0.5 + (edge - self.rows) / (2 * EDGE_PX), 0.0, 1.0)
        image = ball * _thrice(shadow)
        image += (lower - image) * _thrice(under)
        image += (upper - image) * _thrice(over)
        if close > TURNING:
            image += self._turned_lashes(edge, close)
        changed = np.maximum(np.abs(self.rows - upper_v) * over, np.abs(lower_v - self.rows) * under)
        # A ball that does not move is the photo's own, which is a little sharper; the start of a movement fades over.
        open_now = (1.0 - over) * (1.0 - under) * min(self._motion(pose, drop, rise), 1.0)
        cover = np.clip(np.maximum(changed, open_now), 0.0, 1.0)
        turned = smoothstep(self.rows, edge + 0.6 * self.rim, edge + 0.3 * self.rim) * (self.rows > edge - 1)
        cover = np.maximum(cover, turned * close) * self.beside
        return np.asarray(cv2.merge([*cv2.split(image), cover.astype(np.float32, copy=False)]), np.float32)

    def _motion(self, pose: EyePose, drop: Array, rise: Array) -> float:
        """Pixels of the largest movement in the eye."""
        look = self.ball.way(pose.yaw, pose.pitch)
        return float(max(np.abs(drop).max(), np.abs(rise).max(), np.hypot(*look)))

    def _upper(self, drop: Array, edge: Array, close: np.float32) -> tuple[Array, Array]:
        """(h, w, 3) the upper lid, as far down as the patch goes, and (h, w) the v of the skin seen there."""
        top = self.edge - self.rim
        # Forward: y = v + drop (1 - t)^2 at t = (top - v) / reach above the lashes; solved for t.
        excess = drop + top - self.rows
        wide = self.reach + 2 * drop
        root = np.sqrt(np.maximum(wide * wide - 4 * drop * excess, 1e-6))
        t = 2 * excess / np.maximum(wide + root, 1e-3)
        from_v = np.where(t < 0, self.rows - drop, np.where(t > 1, self.rows, top - self.reach * t))
        near = np.clip(1.0 - np.maximum(t, 0.0), 0.0, 1.0)
        even = np.exp(self._from_rows(self.evening, from_v) * (EVENNESS * close) * np.sqrt(near) * self.arch)
        # A shut lid is a ball: lightest in its middle, darker at the crease, the lashes and the corners.
        height = np.maximum(self.edge - top + drop, 1.0)
        bulge = 1.0 - (BULGE * close) * self.arch * np.square(
            2.0 * np.clip((edge - self.rows) / (1.6 * height), 0.0, 1.0) - 0.9
        )
        # The lashes keep their line and shrink above it.
        above = np.maximum(edge - self.rows, 0.0)
        scale = 1.0 - LASH_SHRINK * close * self.beside
        source = np.where(above < self.rim * scale, self.edge - above / scale, from_v)
        kept = 1.0 - LASH_FADE * close * self.beside * smoothstep(above, 0.1 * self.rim, 0.6 * self.rim)
        lashes = self._from_rows(self.lashes, source) * _thrice(kept)
        lashes -= np.maximum(lashes, 0.0) * close  # light lines above the lashes are the rim of an open lid
        # Unrolled skin is smooth from side to side; stretched pixels of single hairs would show as streaks.
        stretched = close * self.arch * smoothstep(self.rows - from_v, 0.0, 3.0)
        colour = self._from_rows(self.skin, from_v)
        colour += (self._from_rows(self.smooth, from_v) - colour) * _thrice(stretched)
        return colour * _thrice(even * bulge) + lashes, from_v

    def _turned_lashes(self, edge: Array, close: np.float32) -> Array:
        """(h, w, 3) darkness, below 0, of the lashes that hang below a lid which is nearly shut."""
        down = smoothstep(np.asarray(close, np.float32), TURNING, 1.0)
        under = np.maximum(self.rows - edge, 0.0)
        source = self.edge - under / TURNED
        lashes = np.float32(TURNED_SHARE) * np.minimum(self._from_rows(self.lashes, source), 0.0)
        fade = down * self.beside * smoothstep(under, TURNED * self.rim, 0.3 * TURNED * self.rim) * (self.rows > edge)
        return lashes * _thrice(fade)

    def _from_rows(self, picture: Array, v: Array) -> Array:
        """(h, w, C) of a picture of the patch: each pixel from its own column at the v given for it."""
        rows = (v - np.float32(self.top)).astype(np.float32, copy=False)
        columns = self.ball.columns
        found = cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found, np.float32)

    def paint(self, image: NDArray[np.uint8], where: Array, pose: EyePose) -> None:
        """Draw the eye into a part of the shown picture.

        Args:
            image: (H, W, 3) uint8 part of the shown picture, changed in place.
            where: (H, W, 2) float32 places in the portrait of the part's pixels.
            pose: what the eye does.
        """
        local = self.frame.to_local(where) - np.array([self.left, self.top], np.float32)
        layer = look_up(self.posed(pose), local, surround=cv2.BORDER_CONSTANT)
        alpha = _thrice(layer[..., 3])
        shown = image + (layer[..., :3] - image) * alpha
        image[...] = np.clip(shown + 0.5, 0, 255).astype(np.uint8)


def _thrice(values: Array) -> Array:
    """(h, w) -> (h, w, 3): NumPy is slow where it repeats a value for three channels."""
    values = np.ascontiguousarray(values, np.float32)
    return np.asarray(cv2.merge((values, values, values)), np.float32)


def find_lids(image: NDArray[np.uint8], landmarks: Array) -> tuple[Lid, Lid]:
    """The right and the left eye of a portrait with (478, 3) landmarks in pixels."""
    return (
        _lid(image, landmarks, RIGHT_EYE, RIGHT_UPPER_LID, RIGHT_LOWER_LID, RIGHT_BROW, RIGHT_IRIS),
        _lid(image, landmarks, LEFT_EYE, LEFT_UPPER_LID, LEFT_LOWER_LID, LEFT_BROW, LEFT_IRIS),
    )


def _lid(
    image: NDArray[np.uint8],
    landmarks: Array,
    eye: tuple[int, ...],
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    brow: tuple[int, ...],
    iris: tuple[int, ...],
) -> Lid:
    corner, other = landmarks[eye[0]], landmarks[eye[len(upper) + 1]]
    frame = Frame2.between(corner, other)
    half = float(np.linalg.norm((other - corner)[:2])) / 2
    ends = np.array([[-half, 0.0], [half, 0.0]], np.float32)
    u = np.arange(-BREADTH * half, BREADTH * half, dtype=np.float32)

    def through(indices: tuple[int, ...]) -> Array:
        points = frame.to_local(landmarks[list(indices), :2])
        return curve(np.concatenate([ends[:1], points, ends[1:]]), u)

    edge, bottom = through(upper), through(lower)
    bottom = np.maximum(bottom, edge)
    brow_v = float(np.median(frame.to_local(landmarks[list(brow), :2])[:, 1]))
    rim = RIM * half
    reach = np.maximum((edge - rim - brow_v) * 0.9, 0.3 * half)
    cheek = np.full_like(edge, 0.7 * half)
    top = float((edge - rim - reach).min()) - 4
    v = np.arange(top, float(bottom.max()) + 0.8 * half, dtype=np.float32)[:, None]
    places = frame.to_picture(np.stack(np.broadcast_arrays(u[None], v), axis=-1).astype(np.float32))
    portrait = look_up(image, places).astype(np.float32)
    skin, evening, smooth, lashes = _without_lashes(portrait, v, edge[None], bottom[None], rim, half)
    seen = np.clip(0.5 + np.minimum(v - edge, bottom - v) / (2 * EDGE_PX), 0.0, 1.0)
    seen = np.where(bottom - edge > 0.5, seen, 0.0).astype(np.float32)
    middle = frame.to_local(landmarks[iris[0], :2]) - np.array([u[0], top], np.float32)
    rims = landmarks[list(iris[1:]), :2] - landmarks[iris[0], :2]
    ball = find_eyeball(portrait, seen, middle, max(float(np.linalg.norm(rims, axis=1).mean()), 0.2 * half))
    beside = smoothstep(np.abs(u), BREADTH * half, 1.02 * half)
    return Lid(
        frame, float(u[0]), top, v, edge[None], bottom[None], reach[None], cheek[None], rim, beside[None], skin,
        evening, smooth, lashes, portrait, ball,
    )  # fmt: skip


def _without_lashes(
    portrait: Array, v: Array, edge: Array, bottom: Array, rim: float, half: float
) -> tuple[Array, Array, Array, Array]:
    """(h, w, 3) skin, (h, w) its evening brightness as a logarithm, (h, w, 3) it made smooth, and lashes over it."""
    first = edge - rim
    columns = np.broadcast_to(np.arange(portrait.shape[1], dtype=np.float32), (len(v), portrait.shape[1]))
    mirrored = np.where(v > first, first - np.minimum(v - first, 1.2 * rim), v) - v[0, 0]
    filled = look_up(portrait, np.stack([columns, mirrored], axis=-1).astype(np.float32))
    smooth = cv2.GaussianBlur(filled, (0, 0), sigmaX=0.09 * half, sigmaY=0.04 * half)
    within = smoothstep(v - first, -0.4 * rim, 0.3 * rim)[..., None]
    skin = filled + (smooth - filled) * within
    light = np.maximum(skin.mean(axis=-1), 4.0)
    lid = (v < edge) & (v > first - 1.5 * rim) & (np.abs(columns - columns.mean()) < 0.9 * half)
    cheek = (v > bottom + 0.3 * half) & (np.abs(columns - columns.mean()) < 0.9 * half)
    wanted = 0.6 * float(np.median(light[lid])) + 0.4 * float(np.median(portrait.mean(axis=-1)[cheek]))
    low = cv2.GaussianBlur(light, (0, 0), 0.25 * half)
    even = np.log(np.clip(wanted / low, 0.75, 1.8))
    lashes = np.where(((v > first - 0.4 * rim) & (v < bottom))[..., None], portrait - skin, 0.0)
    skin, even, smooth, lashes = (array.astype(np.float32) for array in (skin, even, smooth, lashes))
    return skin, even, smooth, lashes
