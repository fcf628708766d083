"""One clip as a picture: frames with the landmarks drawn, the motion curves under them, the sound under those.

What a label says and what the face does at that moment stand above each other, so that an eye can judge.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from src.data.clip_info import ClipInfo
from src.data.store import Clip, Store
from src.data.video import read_timeline, sample_images
from src.errors import DataError
from src.face import FACE_OVAL, INNER_LIP, LEFT_BROW, LEFT_EYE, OUTER_LIP, RIGHT_BROW, RIGHT_EYE
from src.motion import CORE7

IMAGES = 10
WIDTH_PX = 1600

CONTOURS = (
    (FACE_OVAL, (0, 158, 115)),
    (LEFT_EYE, (86, 180, 233)),
    (RIGHT_EYE, (86, 180, 233)),
    (LEFT_BROW, (240, 228, 66)),
    (RIGHT_BROW, (240, 228, 66)),
    (OUTER_LIP, (230, 120, 0)),
    (INNER_LIP, (255, 60, 130)),
)
"""Closed outlines and their RGB colours. They are Okabe and Ito's, told apart with any colour vision."""

PANELS = (
    ("mouth", ("jaw_open", "mouth_wide", "mouth_narrow"), "ratio of\nface size"),
    ("head", ("head_yaw", "head_pitch", "head_roll"), "degrees"),
    ("eyes", ("eye_blink",), "ratio,\n1 is shut"),
)
"""Which channels share an axis, and its unit."""

_COLOURS = ("#0072b2", "#d55e00", "#009e73")
_DPI = 100
_CELL_PX = 256
_FACE_MARGIN = 0.22
_CHARACTER_PX = 7.2  # of the caption, wide ones
_LABEL_PX, _LEGEND_PX = 108, 114  # what stands left and right of the curves


def clip_strip(
    store: Store, clip_id: str, *, root: Path | None = None, num_images: int = IMAGES, width_px: int = WIDTH_PX
) -> NDArray[np.uint8]:
    """The strip of a clip.

    Args:
        store: which holds the clip.
        clip_id: which.
        root: the folder with the source videos; None takes the one that the store was prepared from, if it is known.
        num_images: pictures of the face, evenly spread over the clip.
        width_px: of the whole picture.

    Returns:
        (H, `width_px`, 3) uint8 RGB. Where the source video can't be read the landmarks are drawn on grey, and the
        caption says so.

    Raises:
        DataError: the store has no such clip, or its file is damaged.
    """
    clip, info = store.load(clip_id, CORE7.name), store.info(clip_id)
    # Each picture stands above its own time: the middle of its share of the time axis.
    end_s = max(info.frames / info.fps, info.seconds)
    times_s = (np.arange(num_images) + 0.5) / num_images * end_s
    frames = np.minimum(np.round(times_s * info.fps).astype(int), info.frames - 1)
    landmarks = store.load_landmarks(clip_id)[frames] if info.landmark_step_px else None
    pictures, remark = _pictures(store, info, frames, root)
    sizes = [(picture.shape[0], picture.shape[1]) for picture in pictures if picture is not None]
    box = _box(landmarks, sizes[0] if sizes else None)
    cells = [
        _cell(picture, None if landmarks is None else landmarks[index], bool(clip.motion.valid[frame]), box)
        for index, (frame, picture) in enumerate(zip(frames, pictures, strict=True))
    ]
    if landmarks is None:
        remark = "; ".join(filter(None, [remark, "the store keeps no landmarks"]))
    return _drawn(clip, frames, cells, caption_of(info, remark, round(width_px / _CHARACTER_PX)), width_px)


def encoded(image: NDArray[np.uint8], ending: str = ".png") -> bytes:
    """(H, W, 3) uint8 RGB as the bytes of a picture file, `.png` or `.jpg`."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, 82] if ending == ".jpg" else []
    done, content = cv2.imencode(ending, image[..., ::-1], quality)
    assert done
    return content.tobytes()


def caption_of(info: ClipInfo, remark: str = "", columns: int = 1000) -> str:
    """What a clip is, in lines of at most so many characters."""
    facts = [
        info.clip_id,
        info.path,
        f"speaker {info.speaker or 'unknown'}",
        f"language {info.language or 'unknown'}",
        f"{info.seconds:.2f} s from {info.start_s:.2f} s",
    ]
    side = "late" if info.remaining_offset_ms >= 0 else "early"
    facts_2 = [
        f"face seen in {info.valid_share:.0%}",
        f"sound {abs(info.remaining_offset_ms):.0f} ms {side}, confidence {info.offset_confidence:.2f}",
        f"licence: {info.licence or 'unknown'}",
        f"consent: {info.consent or 'unknown'}",
    ]
    lines = [" · ".join(facts), " · ".join(facts_2), f"Note: {remark}." if remark else ""]
    return "\n".join(row for line in lines for row in textwrap.wrap(line, columns))


def _pictures(
    store: Store, info: ClipInfo, frames: NDArray[np.int64], root: Path | None
) -> tuple[list[NDArray[np.uint8] | None], str]:
    """The source's picture at each motion frame, and what is to be said about missing ones."""
    pictures: list[NDArray[np.uint8] | None] = [None] * len(frames)
    times_s = info.motion_start_s + frames / info.fps
    try:
        path = store.source_path(info.clip_id, root)
        for instants, image in sample_images(path, read_timeline(path), times_s):
            for instant in instants:
                pictures[int(instant)] = image
    except (DataError, OSError) as error:
        return pictures, f"no pictures, {str(error).rstrip('.')}"
    complete = all(picture is not None for picture in pictures)
    return pictures, "" if complete else "the video has no picture at some of these times"


def _box(landmarks: NDArray[np.float32] | None, picture: tuple[int, int] | None) -> tuple[float, float, float]:
    """Left, top and side of the square to show: around the face in all pictures, inside of them where that fits.

    Args:
        landmarks: (N, 478, 3) of the pictures.
        picture: height and width of the pictures, if there are any.
    """
    seen = (
        np.zeros((0, 2)) if landmarks is None else landmarks[..., :2][np.abs(landmarks[..., :2]).max(axis=(1, 2)) > 0]
    )
    if not len(seen):
        height, width = picture or (1, 1)
        side = float(max(height, width))
        return (width - side) / 2, (height - side) / 2, side
    low, high = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
    face = float((high - low).max())
    side = face * (1 + 2 * _FACE_MARGIN)
    left, top = (low + high) / 2 - side / 2
    if picture is not None:
        side = max(min(side, *picture), face)
        left, top = (low + high) / 2 - side / 2
        height, width = picture
        left, top = min(max(left, 0), max(width - side, 0)), min(max(top, 0), max(height - side, 0))
    return float(left), float(top), side


def _cell(
    picture: NDArray[np.uint8] | None,
    points: NDArray[np.float32] | None,
    is_valid: bool,
    box: tuple[float, float, float],
) -> NDArray[np.uint8]:
    """(256, 256, 3) the face in its box with its outlines; grey where there is no picture."""
    left, top, side = box
    scale = _CELL_PX / side
    place = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    cell = np.full((_CELL_PX, _CELL_PX, 3), 96, np.uint8)
    if picture is not None:
        size = (_CELL_PX, _CELL_PX)
        if scale < 0.5:  # a large face; sampling it directly would alias
            picture = np.asarray(cv2.blur(picture, (int(1 / scale),) * 2), np.uint8)
        cell = np.asarray(cv2.warpAffine(picture, place, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(96,) * 3))
    if points is not None and np.abs(points[:, :2]).max() > 0:
        shown = points[:, :2].astype(np.float64) * scale + place[:, 2]
        for contour, colour in CONTOURS:
            line = np.round(shown[list(contour)] * 16).astype(np.int32)
            cv2.polylines(cell, [line], True, colour, 1, cv2.LINE_AA, shift=4)
    if not is_valid:
        cv2.rectangle(cell, (0, 0), (_CELL_PX - 1, _CELL_PX - 1), (213, 94, 0), 6)
    return np.asarray(cell, np.uint8)


def _drawn(
    clip: Clip, frames: NDArray[np.int64], cells: Sequence[NDArray[np.uint8]], caption: str, width_px: int
) -> NDArray[np.uint8]:
    width = width_px / _DPI
    left, right = _LABEL_PX / width_px, 1 - _LEGEND_PX / width_px
    picture_height = width * (right - left) / len(cells)
    num_lines = caption.count("\n") + 1
    head_height, foot_height = 0.20 * num_lines + 0.15, 0.45
    panel_heights = [1.35, 1.2, 0.75, 0.75]
    gap = 0.13
    height = head_height + 0.25 + picture_height + sum(panel_heights) + gap * 4 + 0.1 + foot_height
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    figure.text(0.008, 1 - 0.1 / height, caption, fontsize=9, va="top", color="#17202b", linespacing=1.5)

    def area(top: float, tall: float, first: float = left, last: float = right) -> Axes:
        return figure.add_axes((first, 1 - (top + tall) / height, last - first, tall / height))

    top, step = head_height + 0.25, (right - left) / len(cells)
    for index, (frame, cell) in enumerate(zip(frames, cells, strict=True)):
        axes = area(top, picture_height, left + index * step + 0.001, left + (index + 1) * step - 0.001)
        axes.imshow(cell, aspect="equal", interpolation="antialiased")
        axes.set_axis_off()
        axes.set_title(f"{frame / clip.info.fps:.2f} s", fontsize=9, pad=3, color="#17202b")
    top += picture_height + 0.1 + gap
    times_s = np.arange(len(clip.motion)) / clip.motion.fps
    guessed = _stretches(~clip.motion.valid, clip.motion.fps)
    for (name, channels, unit), tall in zip(PANELS, panel_heights, strict=False):
        axes = area(top, tall)
        for channel, colour in zip(channels, _COLOURS, strict=False):
            axes.plot(times_s, clip.motion.channel(channel), color=colour, linewidth=1.3, label=channel)
        _dress(axes, clip, frames, guessed, f"{name}\n{unit}")
        axes.legend(loc="center left", bbox_to_anchor=(1.002, 0.5), fontsize=7.5, frameon=False, handlelength=1.0,
                    borderaxespad=0.1, handletextpad=0.4)  # fmt: skip
        axes.set_xticklabels([])
        top += tall + gap
    axes = area(top, panel_heights[-1])
    low, high = _outline(clip.waveform, width_px)
    axes.fill_between(np.linspace(0, clip.info.seconds, len(low)), low, high, color="#5b6775", linewidth=0)
    axes.set_ylim(-1, 1)
    _dress(axes, clip, frames, guessed, "sound\nof full scale")
    axes.set_xlabel("seconds from the clip's first audio sample", fontsize=9)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    return np.ascontiguousarray(pixels)


def _dress(
    axes: Axes, clip: Clip, frames: NDArray[np.int64], guessed: Sequence[tuple[float, float]], label: str
) -> None:
    """Axis, shades over guessed frames, and where the pictures are."""
    end_s = max(len(clip.motion) / clip.motion.fps, clip.info.seconds)
    axes.set_xlim(0, end_s)
    for start, stop in guessed:
        axes.axvspan(start, stop, color="#d55e00", alpha=0.18, linewidth=0)
    for frame in frames:
        axes.axvline(frame / clip.info.fps, color="#9aa7b5", linewidth=0.6, linestyle=(0, (2, 3)), zorder=0)
    axes.set_ylabel(label, fontsize=8, labelpad=3)
    axes.tick_params(labelsize=8, length=3)
    axes.grid(axis="y", color="#e9edf1", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _stretches(marks: NDArray[np.bool_], fps: float) -> list[tuple[float, float]]:
    """Start and end in seconds of each run of marked frames, each frame half its time before and after its instant."""
    padded = np.concatenate([[0], marks.astype(np.int8), [0]])
    starts, stops = np.flatnonzero(np.diff(padded) == 1), np.flatnonzero(np.diff(padded) == -1)
    return [((start - 0.5) / fps, (stop - 0.5) / fps) for start, stop in zip(starts, stops, strict=True)]


def _outline(waveform: NDArray[np.float32], columns: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Smallest and largest sample in each of at most `columns` even pieces."""
    starts = np.unique(np.linspace(0, len(waveform), min(columns, len(waveform)), endpoint=False).astype(int))
    return np.minimum.reduceat(waveform, starts), np.maximum.reduceat(waveform, starts)
