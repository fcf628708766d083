"""Eyelids that close: the skin over the eye unrolls downwards, its lash line kept, until it meets the lower lid."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from src.face import LEFT_EYE, LEFT_LOWER_LID, LEFT_UPPER_LID, RIGHT_EYE, RIGHT_LOWER_LID, RIGHT_UPPER_LID
from src.render.mesh.geometry import Array, Frame2, curve, look_up

RIGHT_BROW, LEFT_BROW = (46, 53, 52, 65, 55), (276, 283, 282, 295, 285)
EDGE_PX = 0.9
"""Half the width of the soft edge of a lid."""
RIM = 0.34
"""Height of the lash line over half the width of the eye: lashes and their shadow, carried along unstretched."""
OVERLAP = 1.12
"""Way of a shut lid over the height of the eye: lashes come to lie on the lower lid."""
SHADE = 0.08
"""How much darker the skin of a closed lid is near the lashes: it turns away from light from above."""


@dataclass(frozen=True)
class Lid:
    """One upper lid, in a patch aligned with its eye; rows and columns are pixels of v and u.

    Attributes:
        frame: origin between the corners, u from the person's right to the left.
        left, top: u and v of the patch's first pixel.
        rows: (h, 1) v of the patch rows.
        edge: (1, w) v of the lash line when open, travel: how far it goes to be shut.
        reach: (1, w) height of the skin above the edge that unrolls.
        rim: height of the lash line, which is not stretched.
    """

    frame: Frame2
    left: float
    top: float
    rows: Array
    edge: Array
    travel: Array
    reach: Array
    rim: float

    @property
    def corners(self) -> Array:
        """(4, 2) picture coordinates of the patch's corners."""
        right = self.left + self.edge.shape[1]
        low, high = self.top, float(self.rows[-1, 0])
        return self.frame.to_picture(
            np.array([[self.left, low], [right, low], [self.left, high], [right, high]], np.float32)
        )

    def closed(self, blink: float) -> tuple[Array, Array, Array]:
        """The lid at `blink` 0 .. 1.

        Returns:
            (h, w) v of the skin that is seen at each patch pixel, (h, w) cover 0 .. 1 of the lid over what
            lies below it, (h, w) brightness factor.
        """
        drop = self.travel * np.float32(blink)
        top = self.edge - self.rim
        # Forward: y = v + drop (1 - t)^2 at t = (top - v) / reach above the rim; solved for t.
        excess = drop + top - self.rows
        wide = self.reach + 2 * drop
        root = np.sqrt(np.maximum(wide * wide - 4 * drop * excess, 1e-6))
        t = 2 * excess / (wide + root)
        source = np.where(t < 0, self.rows - drop, np.where(t > 1, self.rows, top - self.reach * t))
        cover = np.clip(0.5 + (self.edge + drop - self.rows) / (2 * EDGE_PX), 0.0, 1.0)
        share = drop / np.maximum(self.travel.max(), 1e-3)
        shade = 1.0 - SHADE * share * np.clip(1.0 - np.maximum(t, 0.0), 0.0, 1.0) ** 2
        return source.astype(np.float32), cover.astype(np.float32), shade.astype(np.float32)

    def paint(self, image: NDArray[np.uint8], source: NDArray[np.uint8], where: Array, blink: float) -> None:
        """Draw the lid into a part of the shown picture.

        Args:
            image: (H, W, 3) uint8 part of the shown picture, changed in place.
            source: (h, w, 3) uint8 the portrait.
            where: (H, W, 2) float32 picture coordinates of the part's pixels on the unturned head.
            blink: 0 .. 1.
        """
        from_v, cover, shade = self.closed(blink)
        columns = np.broadcast_to(self.left + np.arange(from_v.shape[1], dtype=np.float32), from_v.shape)
        skin = look_up(source, self.frame.to_picture(np.stack([columns, from_v], axis=-1))).astype(np.float32)
        # Unrolled skin is smooth from side to side; stretched pixels of single lashes would show as streaks.
        smooth = cv2.GaussianBlur(skin, (0, 0), sigmaX=self.rim * 0.6, sigmaY=0.5)
        stretched = np.clip((self.edge - self.rim * 0.8 - from_v) / self.rim, 0.0, 1.0)
        stretched *= np.clip((self.rows - from_v) / 3.0, 0.0, 1.0)
        skin += (smooth - skin) * stretched[..., None]
        skin *= shade[..., None]
        # Nothing of the patch shows where the skin has not moved, so its border can't be seen.
        moved = np.clip(self.rows - from_v, 0.0, 1.0)
        layer = np.dstack([skin, cover * moved])
        local = self.frame.to_local(where) - np.array([self.left, self.top], np.float32)
        layer = look_up(layer, local, surround=cv2.BORDER_CONSTANT)
        alpha = layer[..., 3:]
        image[...] = (image * (1 - alpha) + layer[..., :3] * alpha + 0.5).astype(np.uint8)


def find_lids(landmarks: Array) -> tuple[Lid, Lid]:
    """The right and the left upper lid of (478, 3) landmarks in pixels."""
    return (
        _lid(landmarks, RIGHT_EYE, RIGHT_UPPER_LID, RIGHT_LOWER_LID, RIGHT_BROW),
        _lid(landmarks, LEFT_EYE, LEFT_UPPER_LID, LEFT_LOWER_LID, LEFT_BROW),
    )


def _lid(
    landmarks: Array, eye: tuple[int, ...], upper: tuple[int, ...], lower: tuple[int, ...], brow: tuple[int, ...]
) -> Lid:
    corner, other = landmarks[eye[0]], landmarks[eye[len(upper) + 1]]
    frame = Frame2.between(corner, other)
    half = float(np.linalg.norm((other - corner)[:2])) / 2
    ends = np.array([[-half, 0.0], [half, 0.0]], np.float32)
    columns = np.arange(-1.15 * half, 1.15 * half, dtype=np.float32)

    def through(indices: tuple[int, ...]) -> Array:
        points = frame.to_local(landmarks[list(indices), :2])
        return curve(np.concatenate([ends[:1], points, ends[1:]]), columns)

    edge, bottom = through(upper), through(lower)
    brow_v = float(np.median(frame.to_local(landmarks[list(brow), :2])[:, 1]))
    travel = OVERLAP * np.maximum(bottom - edge, 0.0)
    rim = RIM * half
    reach = np.maximum((edge - rim - brow_v) * 0.9, 0.3 * half)
    top = float((edge - rim - reach).min()) - 4
    rows = np.arange(top, float(bottom.max()) + 0.3 * half, dtype=np.float32)[:, None]
    return Lid(frame, float(columns[0]), top, rows, edge[None], travel[None], reach[None], rim)
