"""The inside of the mouth: dark, with a tongue and two rows of teeth, lit like the portrait.

Upper teeth belong to the skull and stay where they are; lower teeth and tongue go with the jaw. A portrait
that shows its teeth lends them; otherwise they are drawn. The colours come from the portrait's own skin
and lips, so a black-and-white photo gets grey teeth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from src.face import LOWER_OUTER_LIP, UPPER_OUTER_LIP
from src.render.mesh.expression import Mouth
from src.render.mesh.geometry import Array, curve, look_up, smoothstep

CHEEKS = (50, 280, 101, 330)
TEETH_WIDTHS = (0.092, 0.072, 0.080, 0.070, 0.064)
"""Widths of upper teeth from the middle outwards over face size (the first 8.5 mm of 92 mm)."""
TEETH_SHOWN = 0.035
"""How far drawn upper teeth reach below the closed lip line, over face size; about 3 mm."""
OWN_TEETH_GAP = 0.05
"""Lip gap over face size above which the portrait's own teeth are used."""
EDGE_PX = 0.8
SEAM = 0.7
"""Cover of the dark line where closed lips of an open portrait meet."""


@dataclass(frozen=True)
class Inside:
    """What the lips reveal, in a patch aligned with the mouth; colours 0 .. 255 float32.

    Attributes:
        left, top: u and v of the patch's first pixel in the mouth's frame.
        cavity: (h, w, 3) the dark behind everything.
        upper: (h, w, 4) colour times cover, and cover, of what belongs to the skull.
        lower: (h, w, 4) the same of what belongs to the jaw, where it is when the lips are closed.
        upper_light: brightness of `upper` just under the lip, 0 .. 1; 1 if its shadow is already in the colours.
    """

    left: float
    top: float
    cavity: Array
    upper: Array
    lower: Array
    upper_light: float

    def paint(
        self,
        sheets: Sequence[NDArray[np.uint8]],
        mouth: Mouth,
        edges: Sequence[Array],
        where: Array,
        jaw_px: float,
    ) -> NDArray[np.uint8]:
        """Join upper skin, lower skin and what shows between them.

        Args:
            sheets: upper and lower skin, (H, W, 3) uint8 each, of one part of the shown picture.
            mouth: of the avatar.
            edges: (N, 2) moved upper and lower inner lip in picture coordinates of the unturned head.
            where: (H, W, 2) picture coordinates of the part's pixels on the unturned head.
            jaw_px: how far the lower teeth have gone down.

        Returns:
            (H, W, 3) uint8.
        """
        upper, lower = (mouth.frame.to_local(edge) for edge in edges)
        columns = self.left + np.arange(self.cavity.shape[1], dtype=np.float32)
        upper_edge, lower_edge = curve(upper, columns), curve(lower, columns)
        layer = self.picture(jaw_px, upper_edge, lower_edge, upper[[0, -1], 0], mouth.face_size)
        seam = curve((upper + lower) / 2, columns)
        local = mouth.frame.to_local(where) - np.array([self.left, self.top], np.float32)
        index = np.clip(local[..., 0], 0, len(columns) - 1.001)
        whole = index.astype(np.int32)
        height = seam[whole] + (seam[whole + 1] - seam[whole]) * (index - whole) - self.top
        under = np.clip(0.5 + (local[..., 1] - height) / (2 * EDGE_PX), 0.0, 1.0)[..., None]
        patch = look_up(layer, local, surround=cv2.BORDER_CONSTANT)
        cover = patch[..., 3:]
        skin = sheets[0] + (sheets[1].astype(np.float32) - sheets[0]) * under
        return (skin + (patch[..., :3] - skin) * cover + 0.5).astype(np.uint8)

    def picture(self, jaw_px: float, upper_edge: Array, lower_edge: Array, ends: Array, face_size: float) -> Array:
        """The inside and its cover for one position of jaw and lips.

        Args:
            jaw_px: how far the lower teeth have gone down.
            upper_edge, lower_edge: (w,) v of the inner lips at the patch's columns.
            ends: u of the two corners; nothing is revealed outside.
            face_size: pixels.

        Returns:
            (h, w, 4) float32: colour 0 .. 255 and cover 0 .. 1.
        """
        height, width = self.cavity.shape[:2]
        shift = np.array([[1, 0, 0], [0, 1, jaw_px]], np.float32)
        lower = cv2.warpAffine(self.lower, shift, (width, height), flags=cv2.INTER_LINEAR)
        rows = self.top + np.arange(height, dtype=np.float32)[:, None]
        gap = np.maximum(lower_edge - upper_edge, 0.0)
        inside = np.minimum(rows - upper_edge, lower_edge - rows)
        cover = np.clip(0.5 + inside / (2 * EDGE_PX), 0.0, 1.0) * np.clip(gap / EDGE_PX, SEAM, 1.0)
        columns = np.arange(width, dtype=np.float32)
        cover = cover * ((columns >= ends[0] - self.left) & (columns <= ends[1] - self.left))
        # The lips shade what lies just behind them, and a narrow opening lets little light in.
        lit = 0.55 + 0.45 * smoothstep(gap, 0.0, 0.15 * face_size)
        below = lit * (0.6 + 0.4 * smoothstep(lower_edge - rows, -0.01 * face_size, 0.06 * face_size))
        above = self.upper_light + (1 - self.upper_light) * smoothstep(
            rows - upper_edge, -0.02 * face_size, 0.05 * face_size
        )
        colour = (self.cavity * (1 - lower[..., 3:]) + lower[..., :3]) * below[..., None]
        skull = self.upper[..., :3] * (above * (0.78 + 0.22 * smoothstep(gap, 0.0, 0.08 * face_size)))[..., None]
        colour = colour * (1 - self.upper[..., 3:]) + skull
        return np.dstack([colour, cover]).astype(np.float32)


def paint_inside(image: NDArray[np.uint8], landmarks: Array, mouth: Mouth) -> Inside:
    """Prepare the inside of an avatar's mouth.

    Args:
        image: (H, W, 3) uint8 RGB portrait.
        landmarks: (478, 3) pixels.
        mouth: of the same landmarks.
    """
    unit = mouth.face_size
    u = np.arange(-mouth.half_width - 0.12 * unit, mouth.half_width + 0.12 * unit, dtype=np.float32)[None]
    v = np.arange(float(mouth.upper.min()) - 0.08 * unit, float(mouth.lower.max()) + 0.62 * unit, dtype=np.float32)[
        :, None
    ]
    skin, lip = _colour(image, landmarks, CHEEKS), _colour(image, landmarks, UPPER_OUTER_LIP + LOWER_OUTER_LIP)
    enamel = _enamel(skin)
    round_off = np.sqrt(np.clip(1.0 - (u / (1.15 * mouth.half_width)) ** 2, 0.0, 1.0))
    depth = smoothstep(v, 0.35 * unit, -0.05 * unit)
    cavity = lip * np.array([1.0, 0.8, 0.8], np.float32) * (0.13 + 0.14 * round_off * depth)[..., None]
    line = float(np.interp(0.0, mouth.places[:], (mouth.upper + mouth.lower) / 2))
    if mouth.gap > OWN_TEETH_GAP * unit:
        upper, upper_light = _own_teeth(image, mouth, u, v), 1.0
    else:
        upper, upper_light = _row_of_teeth(u, v, line + TEETH_SHOWN * unit, unit, enamel, down=True), 0.62
    tongue = _tongue(u, v, line - 0.10 * unit, unit, lip)
    teeth = _row_of_teeth(u * 1.22, v, line + 0.025 * unit, unit, enamel * 0.8, down=False)
    lower = teeth + tongue * (1 - teeth[..., 3:])
    return Inside(
        float(u[0, 0]), float(v[0, 0]), cavity.astype(np.float32), upper, lower.astype(np.float32), upper_light
    )


def without_teeth(image: NDArray[np.uint8], mouth: Mouth) -> NDArray[np.uint8]:
    """The portrait with an open mouth painted over from the lips inwards, so that no tooth clings to a moving lip."""
    if mouth.gap == 0:
        return image
    mask = np.zeros(image.shape[:2], np.uint8)
    # The shadows in the corners stay: they are what tells where a closed mouth ends.
    kept = np.abs(mouth.places) < 0.8 * mouth.half_width
    upper, lower = (np.stack([mouth.places, v], axis=1)[kept] for v in (mouth.upper, mouth.lower))
    outline = np.concatenate([upper, lower[::-1]])
    points = np.round(mouth.frame.to_picture(outline) * 16).astype(np.int32)
    cv2.fillPoly(mask, [points], (255,), shift=4)
    radius = max(round(0.01 * mouth.face_size), 1)
    wide = cv2.dilate(mask, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8))
    return cv2.inpaint(image, wide, 3, cv2.INPAINT_TELEA).astype(np.uint8)


def _colour(image: NDArray[np.uint8], landmarks: Array, indices: tuple[int, ...]) -> Array:
    height, width = image.shape[:2]
    x = np.clip(np.round(landmarks[list(indices), 0]).astype(int), 1, width - 2)
    y = np.clip(np.round(landmarks[list(indices), 1]).astype(int), 1, height - 2)
    smooth = cv2.blur(image, (3, 3))
    return np.median(smooth[y, x], axis=0).astype(np.float32)


def _enamel(skin: Array) -> Array:
    """Teeth under the light that gives this skin colour: brighter, nearly grey."""
    light = float(np.clip(skin.mean() * 1.12, 60.0, 225.0))
    tint = skin / max(float(skin.mean()), 1.0)
    return (light * (0.62 + 0.38 * tint)).astype(np.float32)


def _row_of_teeth(u: Array, v: Array, edge: float, unit: float, enamel: Array, *, down: bool) -> Array:
    """(h, w, 4) a row of teeth whose biting edge lies at v = `edge`, roots above it (`down`) or below."""
    borders = np.cumsum(TEETH_WIDTHS) * unit
    distance = np.abs(u) + 0.15 * u * u / borders[-1]  # the arch turns away, teeth look narrower
    index = np.minimum(np.searchsorted(borders, distance), len(borders) - 1)
    starts = np.concatenate([[0.0], borders[:-1]])
    width = borders[index] - starts[index]
    inner = (distance - starts[index]) / width  # 0 .. 1 across a tooth
    corner = np.abs(inner - 0.5) * 2
    rise = (0.012 * corner**4 + 0.10 * (distance / borders[-1]) ** 2) * unit + np.where(index == 1, 0.008, 0.0) * unit
    over = (edge - rise - v) if down else (v - edge - rise)
    cover = np.clip(0.5 + over / 1.6, 0.0, 1.0) * np.clip(0.5 + (0.16 * unit - over) / 3.0, 0.0, 1.0)
    cover = cover * np.clip((borders[-1] - distance) / 2.0, 0.0, 1.0)
    shade = 1.0 - 0.28 * np.clip((corner - 0.82) / 0.18, 0.0, 1.0) ** 2  # the gaps between teeth
    shade = shade * (1.0 - 0.62 * (distance / borders[-1]) ** 1.6)  # and the dark towards the corners
    shade = shade * (0.86 + 0.14 * np.clip(over / (0.05 * unit), 0.0, 1.0))
    colour = enamel * shade[..., None]
    return np.dstack([colour * cover[..., None], cover]).astype(np.float32)


def _own_teeth(image: NDArray[np.uint8], mouth: Mouth, u: Array, v: Array) -> Array:
    """(h, w, 4) what the portrait shows between its lips, continued upwards behind the lip."""
    upper = np.interp(u, mouth.places, mouth.upper)
    lower = np.interp(u, mouth.places, mouth.lower)
    inset = np.minimum(2.0, 0.25 * (lower - upper))
    inside_v = np.clip(v, upper + inset, np.maximum(lower - inset, upper + inset))
    places = mouth.frame.to_picture(np.stack(np.broadcast_arrays(u, inside_v), axis=-1).astype(np.float32))
    colour = look_up(image, places).astype(np.float32)
    cover = np.clip(0.5 + (lower - inset * 0.5 - v) / 1.6, 0.0, 1.0) * np.clip((lower - upper) / 3.0, 0.0, 1.0)
    return np.dstack([colour * cover[..., None], cover]).astype(np.float32)


def _tongue(u: Array, v: Array, top: float, unit: float, lip: Array) -> Array:
    radius = np.hypot(u / (0.30 * unit), (v - top - 0.22 * unit) / (0.22 * unit))
    cover = smoothstep(radius, 1.02, 0.72)
    groove = 1.0 - 0.12 * np.exp(-((u / (0.02 * unit)) ** 2))
    shade = (0.50 + 0.22 * np.clip(1.0 - radius, 0.0, 1.0)) * groove
    return np.dstack([lip * (shade * cover)[..., None], cover]).astype(np.float32)
