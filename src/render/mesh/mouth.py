"""The inside of the mouth: dark, with a tongue and two rows of teeth, lit like the portrait.

Upper teeth belong to the skull and stay where they are; lower teeth and tongue go with the jaw. All lie behind the
lips, each at its own depth, and move against them when the head turns. A portrait that shows its teeth lends them;
otherwise they are drawn. The colours come from the light that falls on the portrait's eyes, skin and lips, so a
dark face has bright teeth, and a black-and-white photo grey ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from src.render.mesh.expression import UPPER_LIP_CLOSING, Mouth
from src.render.mesh.geometry import Array, curve, look_up, smoothstep
from src.render.mesh.mouth_colours import mouth_colours
from src.render.mesh.own_mouth import TONGUE_SEEN, photo_of_mouth
from src.render.mesh.teeth import LOWER, UPPER, own_teeth, row_of_teeth

TEETH_SHOWN = 0.035
"""How far drawn upper teeth reach below the closed lip line, over face size; about 3 mm."""
OWN_TEETH_GAP = 0.05
"""Lip gap over face size above which the portrait's own teeth are used."""
TEETH_LEAD = 0.86
"""Way of the lower teeth over that of the lower lip: the lip is drawn down further and bares them a little."""
TONGUE_BEHIND, THROAT_BEHIND = 0.12, 0.45
"""Depth behind the lips of the tip of the tongue and of the back of the cavity, over face size."""
OPENINGS = (0.0, 0.045, 0.08, 0.13, 0.22, 0.35)
LIT = (0.28, 0.38, 0.50, 0.70, 0.92, 1.0)
"""Light that gets to the front teeth by the gap of the lips over face size: medians of 128 mouths that talk, of 32
people, whose brightest teeth are 0.64 as bright as the cheeks in the narrow ones and 1.1 in the wide ones."""
BESIDE = 0.35
"""Light of the teeth in the corners of the mouth over that in its middle: cheeks and lips keep it out there."""
UNDER_LIP, LIP_SHADOW = 0.5, 0.04
"""Light of the teeth just under the upper lip; depth of its shadow over face size."""
LOWER_SHADE = 0.7
"""Light of the lower teeth over that of the upper ones: they look up, and the upper ones hang over them."""
EDGE_PX = 0.8
LIKE_PHOTO = 0.025
"""Way of a lip from its place in the photo, over face size, within which the photo's own inside is faded in."""
SEAM = 0.7
"""Cover of the dark line where closed lips of an open portrait meet."""


@dataclass(frozen=True)
class Inside:
    """What the lips reveal, in a patch aligned with the mouth; colours 0 .. 255 float32.

    Attributes:
        left, top: u and v of the patch's first pixel in the mouth's frame.
        places: (h, w, 2) column and row of each pixel.
        cavity: (h, w, 3) the dark behind everything.
        layers: upper teeth, lower teeth, tongue: (h, w, 4) colour times cover, and cover; what belongs to the jaw
            where it is when the jaw is shut.
        depths: (h, w) of each layer behind the lips, pixels.
        own_opening: of the portrait over face size if its own teeth are shown, else None.
        lip_tint: (3,) colour of the lips over their brightness.
        photo: (h, w, 4) the portrait's own mouth, and how much of it was painted over; upright, empty if closed.
        photo_at: x and y of its first pixel.
    """

    left: float
    top: float
    places: Array
    cavity: Array
    layers: tuple[Array, Array, Array]
    depths: tuple[Array, Array, Array]
    own_opening: float | None
    lip_tint: Array
    photo: NDArray[np.uint8]
    photo_at: tuple[int, int]

    def paint(
        self,
        sheets: Sequence[NDArray[np.uint8]],
        mouth: Mouth,
        edges: Sequence[Array],
        where: Array,
        jaw_px: float,
        turn: tuple[float, float],
    ) -> NDArray[np.uint8]:
        """Join upper skin, lower skin and what shows between them.

        Args:
            sheets: upper and lower skin, (H, W, 3) uint8 each, of one part of the shown picture.
            mouth: of the avatar.
            edges: (N, 2) moved upper and lower inner lip in picture coordinates of the unturned head.
            where: (H, W, 2) picture coordinates of the part's pixels on the unturned head.
            jaw_px: how far the jaw has gone down.
            turn: yaw and pitch of the head, degrees.

        Returns:
            (H, W, 3) uint8.
        """
        upper, lower = (mouth.frame.to_local(edge) for edge in edges)
        columns = self.left + np.arange(self.cavity.shape[1], dtype=np.float32)
        upper_edge, lower_edge = curve(upper, columns), curve(lower, columns)
        layer = self.picture(jaw_px, turn, upper_edge, lower_edge, upper[[0, -1], 0], mouth.face_size)
        seam = curve((upper + lower) / 2, columns)
        local = mouth.frame.to_local(where) - np.array([self.left, self.top], np.float32)
        index = np.clip(local[..., 0], 0, len(columns) - 1.001)
        whole = index.astype(np.int32)
        beyond: Array = index - whole.astype(np.float32)
        height = seam[whole] + (seam[whole + 1] - seam[whole]) * beyond - np.float32(self.top)
        under = np.clip(0.5 + (local[..., 1] - height) / (2 * EDGE_PX), 0.0, 1.0)
        patch = look_up(layer, local, surround=cv2.BORDER_CONSTANT)
        skin = cv2.blendLinear(sheets[1], sheets[0], under, 1 - under)
        painted = patch[..., :3] + skin * (1 - patch[..., 3:]) + np.float32(0.5)
        like_photo = self._like_photo(mouth, upper, lower)
        if like_photo > 0:
            own = look_up(self.photo, where - np.array(self.photo_at, np.float32), surround=cv2.BORDER_CONSTANT)
            painted += (own[..., :3] - painted) * (own[..., 3:] * np.float32(like_photo / 255))
        return np.asarray(painted, np.uint8)

    def _like_photo(self, mouth: Mouth, upper: Array, lower: Array) -> float:
        """How near the moved lips are to where they are in the photo: 1 there, 0 if far; 0 for a closed mouth."""
        if not self.photo.size:
            return 0.0
        moved = max(
            float(np.abs(edge - np.stack([mouth.places, own], axis=-1)).max())
            for edge, own in ((upper, mouth.upper), (lower, mouth.lower))
        )
        return float(smoothstep(np.array(moved / mouth.face_size, np.float32), LIKE_PHOTO, 0.0))

    def picture(
        self,
        jaw_px: float,
        turn: tuple[float, float],
        upper_edge: Array,
        lower_edge: Array,
        ends: Array,
        face_size: float,
    ) -> Array:
        """The inside and its cover for one position of head, jaw and lips.

        Args:
            jaw_px: how far the jaw has gone down.
            turn: yaw and pitch of the head, degrees.
            upper_edge, lower_edge: (w,) v of the inner lips at the patch's columns.
            ends: u of the two corners; nothing is revealed outside.
            face_size: pixels.

        Returns:
            (h, w, 4) float32: colour 0 .. 255 times cover, and cover 0 .. 1.
        """
        shown = np.zeros((*self.cavity.shape[:2], 4), np.float32)
        seen = self._between(upper_edge, lower_edge, ends)
        if not shown[seen].size:
            return shown
        upper_edge, lower_edge = upper_edge[seen[1]], lower_edge[seen[1]]
        rows = self.top + np.arange(shown.shape[0], dtype=np.float32)[seen[0], None]
        gap = np.maximum(lower_edge - upper_edge, 0.0)
        inside = np.minimum(rows - upper_edge, lower_edge - rows)
        cover = np.clip(0.5 + inside / (2 * EDGE_PX), 0.0, 1.0) * np.clip(gap / EDGE_PX, SEAM, 1.0)
        # What lies deeper moves against the lips when the head turns.
        slip = np.sin(np.radians(turn)).astype(np.float32) * np.array([1, -1], np.float32)
        jaw = np.array([0.0, TEETH_LEAD * jaw_px], np.float32)
        upper, lower, tongue = (
            look_up(layer, self.places[seen] + (depth[seen][..., None] * slip - way), surround=cv2.BORDER_CONSTANT)
            for layer, depth, way in zip(self.layers, self.depths, (0 * jaw, jaw, jaw), strict=True)
        )
        opening = float(gap.max()) / face_size
        lit = np.float32(light_inside(opening))
        columns = self.left + np.arange(self.cavity.shape[1], dtype=np.float32)[seen[1]]
        place = np.abs(columns - ends.mean()) / max(float(ends[1] - ends[0]) / 2, 1.0)
        beside = BESIDE + (1 - BESIDE) * smoothstep(place, 1.0, 0.2)
        under_lip = UNDER_LIP + (1 - UNDER_LIP) * smoothstep(rows - upper_edge, 0.0, LIP_SHADOW * face_size)
        over_lip = 0.7 + 0.3 * smoothstep(lower_edge - rows, 0.0, 0.05 * face_size)
        deep = 0.55 + 0.45 * smoothstep(rows - upper_edge, 0.0, 0.2 * face_size)
        below = lit * beside * over_lip * deep
        lights, fills = [below, LOWER_SHADE * below, lit * beside * under_lip], [lit, lit, lit]
        if self.own_opening is not None:
            # The shadows of the photo are in its colours; what has closed since brings its own.
            closed = max(1 - opening / self.own_opening, 0.0)
            own = min(lit / light_inside(self.own_opening), np.float32(1.0))
            lights[1:] = (own * (1 - closed + closed * beside * shadow) for shadow in (over_lip, under_lip))
            fills[1:] = own, own
            if self.own_opening > TONGUE_SEEN:
                # It is mostly tongue that a wide mouth shows on the jaw: drawn back and dark when the lips come near.
                lights[1] = lights[1] * (1 - 0.45 * closed)
                fills[1] = own - 1.5 * closed
        colour = self.cavity[seen] * (0.6 + 0.4 * lit) * (0.6 + 0.4 * beside)[None, :, None]
        for layer, light, fill in zip((tongue, lower, upper), lights, fills, strict=True):
            # What little light a narrow opening lets in comes off the lips.
            tinted = light[..., None] * self.lip_tint ** (1 - fill)
            colour = colour * (1 - layer[..., 3:]) + np.minimum(layer[..., :3] * tinted, 255.0 * layer[..., 3:])
        shown[seen] = np.dstack([colour * cover[..., None], cover])
        return shown

    def _between(self, upper_edge: Array, lower_edge: Array, ends: Array) -> tuple[slice, slice]:
        """Rows and columns of the patch outside of which the lips hide everything; as `picture`."""
        height, width = self.cavity.shape[:2]
        first, last = np.clip(np.ceil(ends[0] - self.left), 0, width), np.floor(ends[1] - self.left) + 1
        columns = slice(int(first), int(np.clip(last, first, width)))
        if columns.start == columns.stop:
            return slice(0, 0), columns
        over = np.clip(np.floor(upper_edge[columns].min() - EDGE_PX - self.top), 0, height)
        under = np.clip(np.ceil(lower_edge[columns].max() + EDGE_PX - self.top) + 1, over, height)
        return slice(int(over), int(under)), columns


def paint_inside(image: NDArray[np.uint8], landmarks: Array, mouth: Mouth) -> Inside:
    """Prepare the inside of an avatar's mouth.

    Args:
        image: (H, W, 3) uint8 RGB portrait.
        landmarks: (478, 3) pixels.
        mouth: of the same landmarks.
    """
    unit = mouth.face_size
    u = np.arange(-mouth.half_width - 0.12 * unit, mouth.half_width + 0.12 * unit, dtype=np.float32)[None]
    v = np.arange(float(mouth.upper.min()) - 0.14 * unit, float(mouth.lower.max()) + 0.62 * unit, dtype=np.float32)[
        :, None
    ]
    colours = mouth_colours(image, landmarks)
    line = float(np.interp(0.0, mouth.places, mouth.upper + UPPER_LIP_CLOSING * (mouth.lower - mouth.upper)))
    own_opening = None
    upper = row_of_teeth(UPPER, u, v, line + TEETH_SHOWN * unit, unit, (colours.enamel, colours.gum))
    lower = row_of_teeth(LOWER, u, v, line + 0.02 * unit, unit, (colours.enamel * 0.85, colours.gum * 0.85))
    if mouth.gap - mouth.found > OWN_TEETH_GAP * unit:
        upper, own_jaw = own_teeth(image, mouth, u, v)
        own_opening = mouth.gap / unit
        # The jaw of the picture is open already; here it is kept as if it were shut.
        shut = np.array([[1, 0, 0], [0, 1, -TEETH_LEAD * mouth.jaw_px(mouth.amounts(mouth.gap / unit, 0.0))]])
        shut_jaw = cv2.warpAffine(own_jaw, shut, (u.size, v.size), flags=cv2.INTER_LINEAR).astype(np.float32)
        lower = shut_jaw + LOWER_SHADE * light_inside(own_opening) * lower * (1 - shut_jaw[..., 3:])
    tongue = _tongue(u, v, line + 0.02 * unit, unit, colours.tongue)
    edge = np.sqrt(np.clip(1.0 - (u / (1.2 * mouth.half_width)) ** 2, 0.0, 1.0))
    depth = smoothstep(v, 0.40 * unit, -0.05 * unit)
    cavity = colours.cavity * (0.55 + 0.45 * edge * depth)[..., None]
    flat = np.zeros((v.size, u.size), np.float32)
    depths = (
        flat + unit * UPPER.depth(u / unit),
        flat + unit * LOWER.depth(u / unit),
        flat + unit * (TONGUE_BEHIND + 0.2 * smoothstep(v, line + 0.1 * unit, line - 0.15 * unit)),
    )
    places = np.stack(np.meshgrid(np.arange(u.size), np.arange(v.size)), axis=-1).astype(np.float32)
    layers = tuple(layer.astype(np.float32) for layer in (upper, lower, tongue))
    return Inside(
        float(u[0, 0]),
        float(v[0, 0]),
        places,
        cavity.astype(np.float32),
        (layers[0], layers[1], layers[2]),
        (depths[0], depths[1], depths[2]),
        own_opening,
        colours.lip_tint,
        *photo_of_mouth(image, mouth),
    )


def light_inside(opening: float) -> float:
    """Light that gets to the front teeth through a gap of the lips over face size, 0 .. 1."""
    return float(np.interp(opening, OPENINGS, LIT))


def _tongue(u: Array, v: Array, top: float, unit: float, colour: Array) -> Array:
    """(h, w, 4) a low mound behind the lower teeth, brightest in front, dark towards the throat."""
    down = (v - top) / unit
    back = -0.19 - 0.05 * np.clip(1 - (u / (0.2 * unit)) ** 2, 0.0, 1.0)  # v of its horizon
    cover = smoothstep(down - back, -0.02, 0.03) * smoothstep(np.abs(u), 0.31 * unit, 0.22 * unit)
    front = smoothstep(down, -0.24, 0.06)
    groove = 1.0 - 0.14 * np.exp(-((u / (0.018 * unit)) ** 2)) * front
    across = 0.65 + 0.35 * np.sqrt(np.clip(1 - (u / (0.33 * unit)) ** 2, 0.0, 1.0))
    shade = (0.34 + 0.60 * front) * groove * across
    return np.dstack([colour * (shade * cover)[..., None], cover]).astype(np.float32)
