"""The skin of eyelids, measured once: without the lashes of an open eye, and as a shut lid shows it.

A photo with open eyes hides what a shut lid shows: skin that is folded under the brow. It is continued smoothly from
the skin around the eye, so that a shut lid has no border: brow, nose and cheek go over into it, and paint or shadow
around the eye tint it. The line of the lashes gets its darkness from the lashes of the open eye.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from src.render.mesh.geometry import Array, look_up, smoothstep

OUTER_END, INNER_END = 1.55, 1.25
"""Ends of what lashes and paint cover, over half the width of the eye."""
TAKEN_ABOVE, TAKEN_BELOW = 1.6, 0.9
"""Over the lashes' height: how far above and below the eye lies skin that a shut lid does not show."""
DARKEST, DARK = 0.55, 0.8
"""Light over that of the skin around the eye, below which pixels are hair and not continued at all, and above which
they are skin."""
FILL_FROM = (0.8, 0.4, 0.2)
"""Widths of the neighbourhoods that skin is continued from, over half the width of the eye: far ones fill the middle,
near ones keep the rim."""
LINE_SHARE = 0.95
"""Darkness of the line of shut lids over that of the lashes of the open eye."""
LINE_FADES = (0.5, 0.95)
"""Where it begins to fade and where it ends, over half the width of the eye: with a line up to the corners FaceMesh
takes eyes that shut for wider ones."""
FAINTEST = 0.3
"""Least share of light that the lashes take, if they are too fair to be measured: lids that meet cast a shadow."""
REDDER = 0.7
"""How much more the line takes of the colours that skin has less of."""


@dataclass(frozen=True)
class Opening:
    """Where an open eye is in a patch that is aligned with its corners.

    Attributes:
        u, v: (1, w) and (h, 1) coordinates of the pixels; u is 0 in the middle of the eye, v at its corners.
        edge, bottom: (1, w) v of the upper and the lower lid's edge.
        brow: (1, w) v of the brow's lower edge.
        half: half the width of the eye.
        rim: height of the lashes and their shadow.
        outwards: sign of u towards the temple.
    """

    u: Array
    v: Array
    edge: Array
    bottom: Array
    brow: Array
    half: float
    rim: float
    outwards: int


@dataclass(frozen=True)
class LidSkin:
    """Layers of the patch of an eye, (h, w, 3) float32 if nothing else is said.

    Attributes:
        open: the portrait, what is under its upper lashes like the skin above them.
        shut: smooth skin instead of the eye, its lashes and its folds.
        almond: (h, w) where that is not the portrait, 0 .. 1.
        lashes: what the upper lashes and their shadow add to `open`, mostly below 0.
        line: (1, w, 3) share of light that the line of the lashes takes from a shut lid, 0 .. 1.
    """

    open: Array
    shut: Array
    almond: Array
    lashes: Array
    line: Array


def lid_skin(portrait: Array, eye: Opening) -> LidSkin:
    """Measure the lids in a (h, w, 3) float32 patch of a portrait."""
    shut, almond = _shut(portrait, eye)
    skin, lashes = _without_lashes(portrait, eye)
    return LidSkin(skin, shut, almond, lashes, _line(portrait, shut, eye))


def _shut(portrait: Array, eye: Opening) -> tuple[Array, Array]:
    """(h, w, 3) smooth skin in place of the eye, and (h, w) its share."""
    v, half, rim = eye.v, eye.half, eye.rim
    # An almond around the eye: an ellipse where brows leave room, at least all that is close to the upper lid.
    end = np.where(eye.u * eye.outwards > 0, OUTER_END, INNER_END) * half
    side = np.sqrt(np.clip(1.0 - np.square(eye.u / end), 0.0, 1.0))
    middle = (eye.edge + eye.bottom) / 2
    height = float((eye.bottom - eye.edge).max())
    room = np.maximum(0.8 * (middle - eye.brow), 0.1 * half)
    ellipse = np.minimum((0.5 * height + TAKEN_ABOVE * rim) * side, room)
    above = np.maximum(middle - eye.edge + TAKEN_ABOVE * rim * side, ellipse)
    below = (0.5 * height + TAKEN_BELOW * rim) * side
    away = np.where(v < middle, (middle - v) / np.maximum(above, 1e-3), (v - middle) / np.maximum(below, 1e-3))
    almond = smoothstep(away, 1.2, 0.9) * smoothstep(side, 0.0, 0.5)
    known = (away > 1.05) & (v > eye.brow + 0.1 * half)
    known |= not known.any()
    light = portrait.mean(axis=-1)
    usual = max(float(np.percentile(light[known], 60)), 1.0)
    weight = (known * np.clip((light / usual - DARKEST) / (DARK - DARKEST), 0.0, 1.0)).astype(np.float32)
    fill = (portrait * weight[..., None]).sum(axis=(0, 1)) / max(float(weight.sum()), 1.0)
    for share in FILL_FROM:
        mass = cv2.GaussianBlur(weight, (0, 0), share * half)[..., None]
        colour = cv2.GaussianBlur(portrait * weight[..., None], (0, 0), share * half)
        fill = (colour + 0.03 * fill) / (mass + 0.03)
    return (portrait + (fill - portrait) * almond[..., None]).astype(np.float32), almond.astype(np.float32)


def _without_lashes(portrait: Array, eye: Opening) -> tuple[Array, Array]:
    """(h, w, 3) skin, and lashes over it."""
    first = eye.edge - eye.rim
    columns = np.broadcast_to(np.arange(portrait.shape[1], dtype=np.float32), portrait.shape[:2])
    mirrored = np.where(eye.v > first, first - np.minimum(eye.v - first, 1.2 * eye.rim), eye.v) - eye.v[0, 0]
    filled = look_up(portrait, np.stack([columns, mirrored], axis=-1).astype(np.float32))
    smooth = cv2.GaussianBlur(filled, (0, 0), sigmaX=0.09 * eye.half, sigmaY=0.04 * eye.half)
    within = smoothstep(eye.v - first, -0.4 * eye.rim, 0.3 * eye.rim)[..., None]
    skin = filled + (smooth - filled) * within
    there = (eye.v > first - 0.4 * eye.rim) & (eye.v < eye.bottom)
    return skin.astype(np.float32), np.where(there[..., None], portrait - skin, 0.0).astype(np.float32)


def _line(portrait: Array, shut: Array, eye: Opening) -> Array:
    """(1, w, 3) share of light that the line of the lashes takes: that of the darkest three pixels at their roots."""
    roots = (eye.v < eye.edge + 1) & (eye.v > eye.edge - 0.5 * eye.rim)
    dark = np.where(roots, 1.0 - portrait.mean(axis=-1) / np.maximum(shut.mean(axis=-1), 4.0), 0.0)
    line = np.maximum(np.sort(dark, axis=0)[-3:].mean(axis=0, keepdims=True), FAINTEST).astype(np.float32)
    line = cv2.GaussianBlur(line, (0, 0), sigmaX=0.15 * eye.half, sigmaY=0.01)
    line *= smoothstep(np.abs(eye.u), LINE_FADES[1] * eye.half, LINE_FADES[0] * eye.half)
    # Skin in a shadow is redder than in the light: it is lit through itself. Grey stays grey.
    tone = shut.mean(axis=(0, 1))
    colour = 1.0 + REDDER * (1.0 - tone / max(float(tone.max()), 1.0))
    return np.asarray(np.minimum(LINE_SHARE * line[..., None] * colour, 0.95), np.float32)
