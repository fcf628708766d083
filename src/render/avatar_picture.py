"""One picture of an avatar package: its layers, its mesh, and the renderer at work, with captions."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.spatial import Delaunay

from src.face import FACE_OVAL, INNER_LIP, LEFT_BROW, LEFT_EYE, OUTER_LIP, RIGHT_BROW, RIGHT_EYE
from src.motion import CORE7
from src.render.avatar import Avatar
from src.render.mesh.layers import cut_out

Picture = NDArray[np.uint8]

POSES = (
    ("mouth open", {"jaw_open": 0.3}, "jaw_open 0.3"),
    ("rounded lips", {"jaw_open": 0.1, "mouth_narrow": 0.1}, "mouth_narrow 0.1, jaw_open 0.1"),
    ("eyes closed", {"eye_blink": 1.0}, "eye_blink 1"),
    ("turned", {"head_yaw": 15.0, "head_pitch": 6.0}, "yaw 15, pitch 6 degrees"),
)
"""Title, pose and caption of what the renderer is asked for."""

GREEN = (0, 177, 64)
_PAPER, _INK, _FAINT = (250, 250, 248), (30, 30, 34), (110, 110, 118)
_MESH, _OUTLINE, _LIPS, _EYES = (255, 255, 255), (70, 200, 255), (255, 120, 120), (130, 255, 150)
_COLUMNS = 4
_GAP, _MARGIN = 18, 32
_TITLE, _HEADING, _CAPTION = 30, 18, 15
"""Sizes of letters in pixels."""
_HEADER, _UNDER = 92, 62
"""Room for the title, and under each picture."""


@dataclass(frozen=True)
class Panel:
    """One of the pictures.

    Attributes:
        title: what it shows.
        caption: a few words more.
        image: (H, W, 3) uint8 RGB or (H, W, 4) with straight alpha, square.
    """

    title: str
    caption: str
    image: Picture


def layer_panels(avatar: Avatar) -> list[Panel]:
    """What the package holds: picture with mesh, person over green, matte, background."""
    green = np.ascontiguousarray(np.broadcast_to(np.array(GREEN, np.uint8), avatar.image.shape))
    person = cut_out(avatar.image, avatar.matte)
    see_through = 1 - person[..., 3:].astype(np.float32) / 255
    over_green = np.clip(person[..., :3] + see_through * green, 0, 255).astype(np.uint8)
    share = float((avatar.matte > 127).mean())
    soft = float(((avatar.matte > 8) & (avatar.matte < 247)).mean())
    return [
        Panel("picture and mesh", f"face {avatar.face_size:.0f} px, {len(avatar.landmarks)} points", with_mesh(avatar)),
        Panel("person", "over green", over_green),
        Panel("matte", f"{share:.0%} person, {soft:.1%} soft edge", np.repeat(avatar.matte[..., None], 3, axis=2)),
        Panel("background", "person filled in", avatar.background),
    ]


def pose_frames() -> NDArray[np.float32]:
    """(N, 7) frames of `POSES`."""
    frames = np.tile(CORE7.neutral, (len(POSES), 1)).astype(np.float32)
    for frame, (_, pose, _) in zip(frames, POSES, strict=True):
        for name, value in pose.items():
            frame[CORE7.index(name)] = value
    return frames


def with_mesh(avatar: Avatar) -> Picture:
    """The picture with the triangles of its landmarks drawn over it, features in colours."""
    scale = max(1, round(1024 / avatar.size))
    side = avatar.size * scale
    canvas = cv2.resize(avatar.image, (side, side), interpolation=cv2.INTER_CUBIC)
    points = (avatar.landmarks[:, :2].astype(np.float64) + 0.5) * scale - 0.5
    # Drawn at sixteenths of a pixel.
    placed = np.clip(np.round(points * 16), -(1 << 20), 1 << 20).astype(np.int32)
    lines = canvas.copy()
    for triangle in triangles(points):
        cv2.polylines(lines, [placed[triangle]], True, _MESH, 1, cv2.LINE_AA, 4)
    canvas = cv2.addWeighted(lines, 0.45, canvas, 0.55, 0)
    width = max(1, side // 500)
    for colour, rings in (
        (_OUTLINE, [FACE_OVAL]),
        (_LIPS, [OUTER_LIP, INNER_LIP]),
        (_EYES, [RIGHT_EYE, LEFT_EYE, RIGHT_BROW, LEFT_BROW]),
    ):
        for ring in rings:
            cv2.polylines(canvas, [placed[list(ring)]], True, colour, width, cv2.LINE_AA, 4)
    return np.asarray(canvas, np.uint8)


def triangles(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """(N, 3) indices of a triangulation of (P, 2) points; none where they lie in one line."""
    if np.linalg.matrix_rank(points - points.mean(axis=0), tol=1e-3) < 2:
        return np.zeros((0, 3), np.int32)
    return np.asarray(Delaunay(points).simplices, np.int32)


def avatar_sheet(title: str, subtitle: str, panels: Sequence[Panel], width: int) -> Picture:
    """All panels in rows, each with its words under it, on light paper.

    Args:
        title, subtitle: above all; cut where they are too long.
        panels: at least one.
        width: pixels of the sheet.

    Returns:
        (H, width, 3) uint8 RGB.
    """
    cell = (width - 2 * _MARGIN - (_COLUMNS - 1) * _GAP) // _COLUMNS
    rows = -(-len(panels) // _COLUMNS)
    height = _HEADER + rows * (cell + _UNDER) + _MARGIN // 2
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    room = width - 2 * _MARGIN
    _write(draw, (_MARGIN, 18), title, _TITLE, _INK, room)
    _write(draw, (_MARGIN, 56), subtitle, _HEADING, _FAINT, room)
    for index, panel in enumerate(panels):
        left = _MARGIN + index % _COLUMNS * (cell + _GAP)
        top = _HEADER + index // _COLUMNS * (cell + _UNDER)
        smaller = panel.image.shape[0] > cell
        image = cv2.resize(panel.image, (cell, cell), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
        picture = Image.fromarray(np.asarray(image, np.uint8))
        sheet.paste(picture, (left, top), picture if picture.mode == "RGBA" else None)
        _write(draw, (left, top + cell + 6), panel.title, _HEADING, _INK, cell)
        _write(draw, (left, top + cell + 30), panel.caption, _CAPTION, _FAINT, cell)
    return np.asarray(sheet, np.uint8)


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, colour: tuple[int, int, int], room: int
) -> None:
    font = ImageFont.load_default(size)
    if draw.textlength(text, font) > room:
        while text and draw.textlength(text + "...", font) > room:
            text = text[:-1]
        text += "..."
    draw.text(place, text, colour, font)
