"""Files of motion templates: the official `.pkl`, and `.npz` of our own.

A `.pkl` is read without executing anything of it, in all official spellings. An `.npz` holds the fields of
`MotionTemplate` by their names, as float32, and `format`.
"""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src.errors import MotionError
from src.files import replacing
from src.render.liveportrait.driving import OPTIONAL, SHAPES, Array, MotionTemplate
from src.render.liveportrait.template_pickle import load_plain

FORMAT = "liveportrait template 1"
DEFAULT_FPS = 25.0
"""Of official templates that don't say."""

_FRAME_KEYS = {
    "rotation": ("R", "R_d"),
    "exp": ("exp",),
    "scale": ("scale",),
    "t": ("t",),
    "kp": ("kp",),
    "keypoints": ("x_s",),
}
_LIST_KEYS = {"eye_ratios": ("c_eyes_lst", "c_d_eyes_lst"), "lip_ratios": ("c_lip_lst", "c_d_lip_lst")}
"""Official names of our fields, of now and of before."""

_AGAIN = "Make the template again, or get another one."


def read_template(path: Path) -> MotionTemplate:
    """A template by its file.

    Args:
        path: `.pkl` or `.npz`.

    Raises:
        MotionError: the file is missing, damaged, tries to execute code, or holds something else; says what and where.
    """
    readers = {".pkl": _read_pickle, ".npz": _read_archive}
    if path.suffix not in readers:
        raise MotionError(f"{path}: a motion template is a .pkl or an .npz")
    try:
        return readers[path.suffix](path)
    except OSError as error:
        raise MotionError(f"{path}: can't be read ({error}). Give the path of a motion template.") from error
    except MotionError as error:
        raise MotionError(f"{path}: {error}. {_AGAIN}") from error


def write_template(path: Path, template: MotionTemplate) -> None:
    """Write an `.npz` in one step.

    Raises:
        MotionError: `path` has another suffix.
    """
    if path.suffix != ".npz":
        raise MotionError(f"{path}: templates are written as .npz")
    arrays = {name: getattr(template, name) for name in SHAPES if getattr(template, name) is not None}
    with replacing(path) as unfinished:
        np.savez(unfinished, format=np.array(FORMAT), fps=np.array(template.fps), **arrays)


def _read_archive(path: Path) -> MotionTemplate:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError, TypeError, AttributeError) as error:
        raise MotionError(f"not a readable archive of arrays ({str(error)[:160]})") from error
    found = str(arrays.pop("format", "nothing"))
    if found != FORMAT:
        raise MotionError(f"its format is {found!r}, expected {FORMAT!r}")
    fps = arrays.pop("fps", None)
    unknown = [name for name in arrays if name not in SHAPES]
    missing = [name for name in SHAPES if name not in arrays and name not in OPTIONAL]
    if unknown or missing or fps is None or fps.shape:
        raise MotionError(f"unknown arrays: {', '.join(unknown) or 'none'}; missing: {', '.join(missing) or 'fps'}")
    return MotionTemplate(fps=float(fps), **{name: _numbers(name, values) for name, values in arrays.items()})


def _read_pickle(path: Path) -> MotionTemplate:
    content = load_plain(path.read_bytes())
    frames = content.get("motion") if isinstance(content, Mapping) else None
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, Mapping) for frame in frames):
        raise MotionError("no list 'motion' of frames")
    count = content.get("n_frames", len(frames))
    if count != len(frames):
        raise MotionError(f"n_frames is {count}, but there are {len(frames)} frames")
    fields = {}
    for name, keys in _FRAME_KEYS.items():
        key = next((key for key in keys if key in frames[0]), keys[0])
        values = [frame.get(key) for frame in frames]
        if name not in OPTIONAL or values[0] is not None:
            fields[name] = _stacked(name, f"'{key}'", values)
    for name, keys in _LIST_KEYS.items():
        # Some published templates have no such lists.
        for key in [key for key in keys if content.get(key) is not None][:1]:
            if not isinstance(content[key], list) or len(content[key]) != len(frames):
                raise MotionError(f"'{key}' is no list of {len(frames)} frames")
            fields[name] = _stacked(name, f"'{key}'", content[key])
    fps = content.get("output_fps", DEFAULT_FPS)
    if isinstance(fps, bool) or not isinstance(fps, int | float):
        raise MotionError(f"output_fps is {fps!r}, expected a number")
    return MotionTemplate(fps=float(fps), **fields)


def _stacked(name: str, key: str, values: Sequence[Any]) -> Array:
    """(T, ...) of frames that are stored as (1, ...) each."""
    expected = (1, *SHAPES[name])
    for index, value in enumerate(values):
        if value is None:
            raise MotionError(f"frame {index} lacks {key}")
        if not isinstance(value, np.ndarray) or value.shape != expected:
            found = value.shape if isinstance(value, np.ndarray) else type(value).__name__
            raise MotionError(f"{key} of frame {index} is {found}, expected {expected}")
    return _numbers(name, np.concatenate(values))


def _numbers(name: str, values: Any) -> Array:
    if values.dtype.kind not in "fiu":
        raise MotionError(f"{name} holds {values.dtype}, expected numbers")
    return np.ascontiguousarray(values, np.float32)
