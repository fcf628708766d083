"""Eyelids: they close over the ball of the eye, follow its look, squint and open wide.

Each eye is painted in a patch aligned with its corners. The upper lid unrolls the skin over it, which goes over into
that of a shut lid (`lid_skin`) as it comes down; its lashes are a layer of their own, which shrinks and becomes the
soft line of a shut eye. The lower lid comes up a little to meet it. What lies between them is the ball (`gaze`).
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
from src.render.mesh.lid_skin import LidSkin, Opening, lid_skin

RIGHT_BROW, LEFT_BROW = (46, 53, 52, 65, 55), (276, 283, 282, 295, 285)
EDGE_PX = 0.9
"""Half the width of the soft edge of a lid."""
RIM = 0.34
"""Height of the lashes and their shadow over half the width of the eye."""
BREADTH = 1.6
"""Half the breadth of the patch over half the width of the eye: lashes reach beyond the outer corner."""
CLOSING = 1.4
"""Lids come down faster at first: a half-shut eye looks, and measures, less shut than half."""
RISE = 0.16
"""Share of the eye's height that the lower lid comes up to meet the upper one."""
OVERLAP = 0.1
"""Of the eye's height: how far a shut upper lid goes over the lower one, so that nothing shines through."""
LINE_ABOVE, LINE_BELOW = 0.12, 0.24
"""Breadth of the line of shut lids over the height of the lashes, and of the lashes that hang below it."""
LASH_SHRINK, LASH_FADE = 0.5, 0.85
"""How much shorter and fainter lashes above the edge of a shut lid are: they no longer point at the lid's skin."""
TURNING = 0.7
"""Share of closing from which lashes point down."""
BULGE = 0.10
"""How much darker a shut lid is at its borders than at its middle, most of it below the portrait's own light."""
CREASE = 0.06
"""How much darker the crease is that stays where the lid was folded."""
BALL_SHADOW = 0.35
"""How dark a lid that comes down makes the ball right under it."""
WET_RIM = 0.2
"""Of the lashes' height: the light border of the lower lid, which turns in when the eye shuts."""
SQUINT_RISE, SQUINT_DROP, WIDE_RISE = 0.32, 0.14, 0.32
"""Ways of the lids at a full squint and at a wide open eye, over the eye's height."""
UPPER_FOLLOWS_DOWN, UPPER_FOLLOWS_UP, LOWER_FOLLOWS = 1.0, 0.6, 0.35
"""Share of the iris's way up or down that the lids go along: who looks down shows no white above the iris."""


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
        skin: the lid's skin and lashes, open and shut.
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
    skin: LidSkin
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
        upper_follows = np.where(look > 0, np.float32(UPPER_FOLLOWS_DOWN), np.float32(UPPER_FOLLOWS_UP))
        drop = SQUINT_DROP * pose.squint * height - WIDE_RISE * pose.wide * height + upper_follows * look
        rise = SQUINT_RISE * pose.squint * height - LOWER_FOLLOWS * look
        # Open lids leave some of the eye open and fold no skin; closing then takes what is left of the way.
        drop = np.clip(drop, -0.3 * self.reach, 0.7 * height)
        rise = np.clip(rise, -0.3 * self.cheek, 0.4 * height).clip(max=0.95 * height - drop)
        shut = np.maximum(RISE * height, rise)
        rise = rise + (shut - rise) * np.float32(pose.close)
        return drop + (height * (1 + OVERLAP) - shut - drop) * np.float32(pose.close), rise

    def posed(self, pose: EyePose) -> Array:
        """(h, w, 4) colour and cover 0 .. 1 of the eye's patch."""
        drop, rise = self.ways(pose)
        whole = (1.0 + OVERLAP - RISE) * float((self.bottom - self.edge).max())
        close = np.float32(np.clip(drop.max() / max(whole, 1.0), 0.0, 1.0))
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
            image *= self._closed_line(edge, close)
        changed = np.maximum(np.abs(self.rows - upper_v) * over, np.abs(lower_v - self.rows) * under)
        # A ball that does not move is the photo's own, which is a little sharper; the start of a movement fades over.
        open_now = (1.0 - over) * (1.0 - under) * min(self._motion(pose, drop, rise), 1.0)
        cover = np.clip(np.maximum(changed, open_now), 0.0, 1.0)
        turned = smoothstep(self.rows, edge + 0.6 * self.rim, edge + 0.3 * self.rim) * (self.rows > edge - 1)
        cover = np.maximum(cover, turned * close) * self.beside
        # Beyond the corners no skin moves, but the upright lashes of the open eye are no longer there.
        cover = np.maximum(cover, self.skin.almond * close * (self.rows < edge + 1))
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
        # A shut lid is a ball: lightest in its middle, darker at the crease, the lashes and the corners.
        height = np.maximum(self.edge - top + drop, 1.0)
        up = 2.0 * np.clip((edge - self.rows) / (1.6 * height), 0.0, 1.0) - 0.9
        crease = np.exp(-np.square((self.rows - top) / (0.25 * self.rim)))
        bulge = 1.0 + close * self.arch * (BULGE * (0.4 - np.square(up)) - CREASE * crease)
        # The lashes keep their line and shrink above it.
        above = np.maximum(edge - self.rows, 0.0)
        scale = 1.0 - LASH_SHRINK * close
        source = np.where(above < self.rim * scale, self.edge - above / scale, from_v)
        turned = smoothstep(np.asarray(close, np.float32), TURNING, 1.0)
        kept = (1.0 - LASH_FADE * close * smoothstep(above, 0.05 * self.rim, 0.5 * self.rim)) * (1.0 - turned)
        lashes = self._from_rows(self.skin.lashes, source) * _thrice(kept)
        lashes -= np.maximum(lashes, 0.0) * close  # light lines above the lashes are the rim of an open lid
        # Skin that was folded away is smooth; stretched folds and hairs would show as patches and streaks.
        colour = self._from_rows(self.skin.open, from_v)
        colour += (self._from_rows(self.skin.shut, from_v) - colour) * close
        return colour * _thrice(bulge) + lashes, from_v

    def _closed_line(self, edge: Array, close: np.float32) -> Array:
        """(h, w, 3) light that is left where nearly shut lids meet: a line, softer below, where lashes hang."""
        down = smoothstep(np.asarray(close, np.float32), TURNING, 1.0)
        away = self.rows - edge
        width = np.where(away > 0, LINE_BELOW * self.rim, LINE_ABOVE * self.rim) + np.float32(0.6)
        return 1.0 - _thrice(np.exp(-np.square(away / width)) * down) * self.skin.line

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
    brow_line = curve(frame.to_local(landmarks[list(brow), :2]), u)
    outwards = -1 if eye is RIGHT_EYE else 1  # u runs from the person's right to the left
    opening = Opening(u[None], v, edge[None], bottom[None], brow_line[None], half, rim, outwards)
    skin = lid_skin(portrait, opening)
    seen = np.clip(0.5 + np.minimum(v - edge, bottom - v) / (2 * EDGE_PX), 0.0, 1.0)
    seen = np.where(bottom - edge > 0.5, seen, 0.0).astype(np.float32)
    middle = frame.to_local(landmarks[iris[0], :2]) - np.array([u[0], top], np.float32)
    rims = landmarks[list(iris[1:]), :2] - landmarks[iris[0], :2]
    ball = find_eyeball(portrait, seen, middle, max(float(np.linalg.norm(rims, axis=1).mean()), 0.2 * half))
    beside = smoothstep(np.abs(u), 1.4 * half, 1.02 * half)
    return Lid(
        frame, float(u[0]), top, v, edge[None], bottom[None], reach[None], cheek[None], rim, beside[None], skin,
        portrait, ball,
    )  # fmt: skip
