"""Rows of teeth on a curved arch, and the teeth that a portrait itself shows.

Drawn teeth stand on an ellipse that turns away from the camera, so they get narrower and darker to the sides by
themselves. They are drawn finer than the picture and averaged: borders between teeth are a hint, no lines.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from src.render.mesh.expression import Mouth
from src.render.mesh.geometry import Array, look_up, smoothstep

FINER = 3
"""Samples per pixel along each side when teeth are drawn."""


@dataclass(frozen=True)
class Arch:
    """A row of teeth, over face size (about 92 mm).

    Attributes:
        widths: of the teeth from the middle outwards.
        short: by how much each ends before the first one.
        heights: of the crowns, from the biting edge to the gum.
        half_width, length: of the arch, an ellipse seen from above.
        behind: of its front behind the lips.
    """

    widths: tuple[float, ...]
    short: tuple[float, ...]
    heights: tuple[float, ...]
    half_width: float
    length: float
    behind: float

    def depth(self, u: Array) -> Array:
        """How far behind the lips the row is at u, both over face size."""
        across = np.clip(np.abs(u) / self.half_width, 0.0, 0.98)
        return (self.behind + self.length * (1 - np.sqrt(1 - across**2))).astype(np.float32)


UPPER = Arch(
    widths=(0.093, 0.070, 0.080, 0.074, 0.072, 0.10, 0.10),
    short=(0.0, 0.008, 0.001, 0.009, 0.014, 0.018, 0.02),
    heights=(0.112, 0.100, 0.112, 0.095, 0.09, 0.085, 0.08),
    half_width=0.30,
    length=0.42,
    behind=0.045,
)
LOWER = Arch(
    widths=(0.058, 0.063, 0.074, 0.074, 0.076, 0.11, 0.11),
    short=(0.0, 0.001, -0.004, 0.004, 0.008, 0.01, 0.01),
    heights=(0.092, 0.092, 0.10, 0.085, 0.08, 0.075, 0.07),
    half_width=0.265,
    length=0.38,
    behind=0.07,
)


def row_of_teeth(arch: Arch, u: Array, v: Array, edge: float, unit: float, colours: tuple[Array, Array]) -> Array:
    """(h, w, 4) a row of teeth with its gum; colour times cover, and cover.

    Args:
        arch: `UPPER`, whose roots lie above the biting edge, or `LOWER`, whose roots lie below.
        u, v: (1, w) and (h, 1) places of the pixels, one apart.
        edge: v of the biting edge in the middle.
        unit: face size in pixels.
        colours: (3,) of enamel and of gum.
    """
    roots = 1.0 if arch is LOWER else -1.0
    offsets = (np.arange(FINER) + 0.5) / FINER - 0.5
    x = ((u.ravel()[:, None] + offsets).ravel() / unit).astype(np.float32)
    y = (roots * ((v.ravel()[:, None] + offsets).ravel() - edge) / unit).astype(np.float32)[:, None]
    borders = np.cumsum(arch.widths)
    along = _along(arch, np.abs(x))
    index = np.minimum(np.searchsorted(borders, along), len(borders) - 1)
    start = np.concatenate([[0.0], borders[:-1]])[index]
    place = np.clip((along - start) / np.array(arch.widths)[index], 0.0, 1.0)  # 0 .. 1 across a tooth
    corner = np.abs(place - 0.5) * 2
    turned = np.sqrt(1 - np.clip(np.abs(x) / arch.half_width, 0.0, 0.98) ** 2)
    rounded = np.where(index == 2, 0.016 * corner**2, 0.010 * corner**5)
    top = np.array(arch.short)[index] + rounded + 0.25 * x * x
    gum = top + np.array(arch.heights)[index] - 0.02 * corner**2.5
    over = (y - top[None]).astype(np.float32)
    soft = 1.0 / unit
    cover = smoothstep(over, -0.5 * soft, 0.5 * soft) * (np.abs(x) < 0.97 * arch.half_width)
    # Between two teeth: open at the edge, a faint shadow further up.
    border = np.clip((corner - 0.80) / 0.20, 0.0, 1.0) ** 2
    shade = 1.0 - border * (0.10 + 0.22 * smoothstep(over, 0.045, 0.0))
    shade = shade * (0.93 + 0.07 * (1 - corner**2)) * (0.30 + 0.70 * turned**1.3)
    shade = shade * (0.88 + 0.12 * smoothstep(over, 0.0, 0.05))
    warm = np.array([1.0, 0.975, 0.92], np.float32) ** smoothstep(over, 0.03, 0.13)[..., None]
    is_gum = smoothstep(y - gum[None], -0.006, 0.006)[..., None]
    flesh = colours[1] * (0.35 + 0.65 * turned)[None, :, None]
    colour = colours[0] * warm * shade[..., None] * (1 - is_gum) + flesh * is_gum
    fine = np.dstack([colour * cover[..., None], cover]).astype(np.float32)
    return cv2.resize(fine, (u.size, v.size), interpolation=cv2.INTER_AREA).astype(np.float32)


def _along(arch: Arch, x: Array) -> Array:
    """Length of the arch from its middle to where it is seen at x."""
    turns = np.linspace(0, np.pi / 2, 200)
    wide, deep = arch.half_width * np.sin(turns), arch.length * (1 - np.cos(turns))
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(wide), np.diff(deep)))])
    return np.interp(x, wide, length).astype(np.float32)


def own_teeth(image: NDArray[np.uint8], mouth: Mouth, u: Array, v: Array) -> tuple[Array, Array]:
    """What a portrait with an open mouth shows between its lips, without the dark in between.

    Each column is cut where it is darkest between two brighter parts: what is above belongs to the skull, what is
    below, lower teeth or tongue, to the jaw.

    Returns:
        (h, w, 4) of the skull, continued upwards behind the lip, and (h, w, 4) of the jaw, continued downwards.
    """
    upper, lower = (np.interp(u, mouth.places, edge).astype(np.float32) for edge in (mouth.upper, mouth.lower))
    gap = lower - upper
    inset = np.minimum(0.012 * mouth.face_size, 0.2 * gap)
    top, bottom = upper + inset, lower - inset
    share = np.linspace(0.0, 1.0, 33, dtype=np.float32)[:, None]
    column = np.stack([np.broadcast_to(u, (33, u.size)), top + share * (bottom - top)], axis=-1)
    light = cv2.GaussianBlur(look_up(image, mouth.frame.to_picture(column)).mean(axis=-1), (0, 0), 1.2)
    open_columns = (gap > 0.03 * mouth.face_size).ravel()
    if not open_columns.any():
        empty = np.zeros((v.size, u.size, 4), np.float32)
        return empty, empty
    bright = float(np.percentile(light[:, open_columns], 92))
    cut = _cut(light, bright, open_columns)
    line = top + cut[None] * (bottom - top)
    # Behind a lip the picture goes on as in a mirror, as far as the tooth is sure to reach: no streaks.
    up = np.minimum(2 * top - v, top + 0.6 * (line - top))
    down = np.maximum(2 * bottom - v, bottom - 0.6 * (bottom - line))
    mirrored = np.where(v < top, up, np.where(v > bottom, down, v))
    local = np.stack(np.broadcast_arrays(u, mirrored), axis=-1).astype(np.float32)
    colour = look_up(image, mouth.frame.to_picture(local)).astype(np.float32)
    tooth = smoothstep(colour.mean(axis=-1), 0.38 * bright, 0.62 * bright) * np.clip(gap / 3.0, 0.0, 1.0)
    above = tooth * smoothstep(v - line, 0.6, -0.6) * (v < bottom + 1.0)
    below = tooth * smoothstep(v - line, -0.6, 0.6)
    skull, jaw = (np.dstack([colour * cover[..., None], cover]).astype(np.float32) for cover in (above, below))
    return skull, jaw


def _cut(light: Array, bright: float, open_columns: NDArray[np.bool_]) -> Array:
    """(w,) share of the way down at which each column passes from skull to jaw; 1 if it never does."""
    count = len(light)
    from_top, from_bottom = np.maximum.accumulate(light, axis=0), np.maximum.accumulate(light[::-1], axis=0)[::-1]
    valley = np.minimum(from_top, from_bottom) - light
    valley[: count // 6] = 0.0
    deepest = valley.max(axis=0)
    cut = np.where(deepest > 0.12 * bright, valley.argmax(axis=0) / (count - 1), np.nan)
    cut[~open_columns] = np.nan
    known = np.flatnonzero(np.isfinite(cut))
    if len(known) < 0.25 * open_columns.sum():
        return np.ones(light.shape[1], np.float32)
    filled = np.interp(np.arange(light.shape[1]), known, cut[known]).astype(np.float32)
    half = max(len(known) // 8, 1)
    padded = np.pad(filled, half, mode="edge")
    steady = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=-1)
    return steady.astype(np.float32)
