"""An eye that looks about: the ball behind the lids, completed once, with an iris that moves on it.

A photo shows a piece of a ball. What the lids and the iris hide is filled in: the white continues smoothly, the iris
is a disc whose hidden part is the mirror image of the visible one. The iris moves as on a sphere and narrows in the
direction of its way. Catchlights are reflections of lamps: they are lifted off the iris and stay where they are.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from src.render.mesh.geometry import Array, look_up, smoothstep

BALL_OVER_IRIS = 2.05
"""Radius of the eyeball over that of the iris: 12 mm over 5.9 mm, much the same for all adults."""
PATIENCE_PX = 1.0
"""Way of the iris over which the photo itself goes over to the completed ball, so that nothing jumps at rest."""
CATCHLIGHT = 36.0
"""Grey levels above the iris around it that make a catchlight."""


@dataclass(frozen=True)
class Eyeball:
    """The ball behind one pair of lids, in the pixels of a patch.

    Attributes:
        rest: (h, w, 3) the ball as the portrait shows it, completed behind the lids.
        white: (h, w, 3) the ball without an iris.
        iris: (h, w, 4) the complete iris, and its cover 0 .. 1.
        lights: (h, w, 3) catchlights, to be added.
        centre: of the iris, x and y.
        radius: of the iris.
        columns: (h, w) x of every pixel.
    """

    rest: Array
    white: Array
    iris: Array
    lights: Array
    centre: Array
    radius: float
    columns: Array

    def way(self, yaw: float, pitch: float) -> Array:
        """(2,) pixels that the iris moves by for a look in degrees, signs as of the head."""
        turn = np.radians([yaw, -pitch])
        return (BALL_OVER_IRIS * self.radius * np.sin(turn)).astype(np.float32)

    def looking(self, yaw: float, pitch: float) -> Array:
        """(h, w, 3) the ball that looks elsewhere; not to be written to."""
        way = self.way(yaw, pitch)
        length = float(np.hypot(*way))
        if length == 0.0:
            return self.rest
        along = way / np.float32(length)
        narrow = np.sqrt(max(1.0 - (length / (BALL_OVER_IRIS * self.radius)) ** 2, 0.25))
        # centre + A (p - centre - way), A stretching by 1 / narrow along the way.
        stretch = np.eye(2, dtype=np.float32) + np.float32(1.0 / narrow - 1.0) * np.outer(along, along)
        inverse = np.column_stack([stretch, self.centre - stretch @ (self.centre + way)])
        size = self.columns.shape[1], self.columns.shape[0]
        iris = cv2.warpAffine(self.iris, inverse, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        cover = np.ascontiguousarray(iris[..., 3])
        ball = self.white + (iris[..., :3] - self.white) * cv2.merge((cover, cover, cover)) + self.lights
        share = min(length / PATIENCE_PX, 1.0)
        return ball if share == 1.0 else self.rest + (ball - self.rest) * np.float32(share)


def find_eyeball(patch: Array, seen: Array, centre: Array, radius: float) -> Eyeball:
    """Complete the ball of one eye.

    Args:
        patch: (h, w, 3) float32 portrait around the eye.
        seen: (h, w) 0 .. 1 what of it is ball, not lid.
        centre: x and y of the iris in the patch.
        radius: of the iris in pixels.
    """
    height, width = seen.shape
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    distance = np.linalg.norm(pixels - centre, axis=-1)
    inside = seen > 0.95
    # Right at the lids a photo mixes in their wet rims and shadows.
    clear = cv2.erode(inside.astype(np.uint8), np.ones((3, 1), np.uint8)) > 0
    iris, lights = _iris(patch, clear if clear.any() else inside, pixels, distance, centre, radius)
    white = _white(patch, inside, distance, radius)
    cover = smoothstep(distance, radius + 0.8, radius - 0.8)
    complete = white + (iris - white) * cover[..., None] + lights
    rest = complete + (patch - complete) * seen[..., None]
    return Eyeball(
        rest, white, np.dstack([iris, cover]), lights, centre.astype(np.float32), radius, pixels[..., 0].copy()
    )


def _white(patch: Array, inside: np.ndarray, distance: Array, radius: float) -> Array:
    """The white of the eye where it is seen, smoothly continued elsewhere."""
    light = patch.mean(axis=-1)
    known = inside & (distance > 1.15 * radius)
    # An eye that shows hardly any white is given one as bright as its brightest part, nearly grey.
    bright = float(np.percentile(light[inside], 80)) if inside.any() else float(light.mean())
    usual = 0.35 * patch[inside].mean(axis=0) / max(light[inside].mean(), 1.0) + 0.65 if inside.any() else np.ones(3)
    if known.any():
        bright = max(bright, float(np.percentile(light[known], 60)))
        known &= light > 0.55 * bright  # lashes and their shadow are no white
    weight = known.astype(np.float32)
    fill = np.broadcast_to((bright * usual).astype(np.float32), patch.shape)
    for sigma in (1.0 * radius, 0.45 * radius):
        mass = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
        colour = cv2.GaussianBlur(patch * weight[..., None], (0, 0), sigma)
        fill = (colour + 0.02 * fill) / (mass + 0.02)
    soft = cv2.GaussianBlur(weight, (0, 0), 0.7)[..., None] * weight[..., None]
    return (fill + (patch - fill) * soft).astype(np.float32)


def _iris(
    patch: Array, inside: np.ndarray, pixels: Array, distance: Array, centre: Array, radius: float
) -> tuple[Array, Array]:
    """The iris without catchlights, complete, and the catchlights."""
    disc = inside & (distance < radius)
    if not disc.any():
        return np.full_like(patch, 40.0), np.zeros_like(patch)
    light = patch.mean(axis=-1)
    rings = np.linspace(0.0, radius, 6)
    middles, colours = [0.0], [np.median(patch[disc], axis=0)]
    for near, far in pairwise(rings):
        ring = disc & (distance >= near) & (distance <= far)
        if ring.sum() >= 4:
            # The darker half of a ring: catchlights and white at its rim do not count.
            dark = ring & (light <= np.percentile(light[ring], 60))
            middles.append(float(near + far) / 2)
            colours.append(np.median(patch[dark], axis=0))
    if len(middles) > 1:
        colours[0] = colours[1]
    table = np.array(colours)
    radial = np.stack([np.interp(distance, middles, table[:, axis]) for axis in range(3)], axis=-1).astype(np.float32)
    spot = (disc & (distance < 0.85 * radius) & (light > radial.mean(axis=-1) + CATCHLIGHT)).astype(np.uint8)
    spot = cv2.dilate(spot, np.ones((3, 3), np.uint8)) & inside
    soft = cv2.GaussianBlur(spot.astype(np.float32), (0, 0), 0.6)[..., None]
    clean = patch + (radial - patch) * soft
    lights = np.maximum(patch - clean, 0.0) * (distance < 1.2 * radius)[..., None] * inside[..., None]
    # What a lid hides is the mirror image of the other half, or like the rest of its ring.
    mirrored = np.stack([pixels[..., 0], 2 * centre[1] - pixels[..., 1]], axis=-1).astype(np.float32)
    known = cv2.GaussianBlur(cv2.erode(disc.astype(np.float32), np.ones((3, 3))), (0, 0), 0.7)
    back = look_up(np.dstack([clean, known]).astype(np.float32), mirrored)
    filled = radial + (back[..., :3] - radial) * back[..., 3:]
    whole = filled + (clean - filled) * known[..., None]
    return whole.astype(np.float32), lights.astype(np.float32)
