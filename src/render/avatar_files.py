"""The pictures and landmarks of an avatar package as bytes, and back without trust in them.

Only what this program writes is read: PNG of 8 bits with nothing but pixels, and one shape of array. So no header can
ask for more memory than an avatar has, and no rarely used part of a decoder is reached.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.face import NUM_LANDMARKS
from src.render.avatar_schema import AGAIN, BACKGROUND, DESCRIPTION, LANDMARKS, MATTE, PICTURE
from src.render.avatar_signature import LARGEST_SIGNATURE, SIGNATURE

LARGEST_BYTES = {
    DESCRIPTION: 1 << 16,
    PICTURE: 1 << 26,
    MATTE: 1 << 26,
    BACKGROUND: 1 << 26,
    LANDMARKS: 1 << 13,
}
"""The files of a package in their order, and the most that each may have. A 4096-pixel picture of noise has 2^25.6."""
OPTIONAL_BYTES = {SIGNATURE: LARGEST_SIGNATURE}
"""The same for what a package may lack."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _GREY = 2, 0
"""Colour types of PNG."""
_NPY_START = b"\x93NUMPY\x01\x00"
_NPY_HEADER = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({NUM_LANDMARKS}, 3), }}".encode()
_FAR = 4.0
"""Landmarks farther than this from the picture's corner, over its side, belong to no face in it."""


def read_folder(folder: Path) -> dict[str, bytes]:
    """The content of each file of a package folder.

    Raises:
        RenderError: a file is missing, too large or unreadable.
    """
    if not (folder / DESCRIPTION).is_file():
        raise RenderError(f"{folder}: no avatar package ({DESCRIPTION} is missing). Check the path. {AGAIN}")
    files = {}
    for name, largest in (LARGEST_BYTES | OPTIONAL_BYTES).items():
        if not (folder / name).is_file():
            if name in OPTIONAL_BYTES:
                continue
            raise RenderError(f"{folder}: the avatar package lacks {name}. {AGAIN}")
        try:
            with open(folder / name, "rb") as opened:
                files[name] = opened.read(largest + 1)
        except OSError as error:
            raise RenderError(f"{folder}: {name} can't be read ({error}). Check its permissions.") from error
        if len(files[name]) > largest:
            raise RenderError(f"{folder}: {name} is larger than {largest} bytes; no avatar has that. {AGAIN}")
    return files


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) RGB or (H, W) grey as PNG."""
    done, encoded = cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[..., ::-1])
    if not done:
        raise RenderError(f"a picture of shape {pixels.shape} can't be written as PNG. Make the avatar again.")
    return encoded.tobytes()


def from_png(raw: bytes, size: int, channels: int, where: str) -> NDArray[np.uint8]:
    """Decode a picture.

    Args:
        raw: what `as_png` gave.
        size: of each side in pixels.
        channels: 3 for (size, size, 3) RGB, 1 for (size, size) grey.
        where: what error messages call the file.

    Raises:
        RenderError: it is something else.
    """
    colour = _RGB if channels == 3 else _GREY
    expected = struct.pack(">IIBBBBB", size, size, 8, colour, 0, 0, 0)
    try:
        chunks = list(_chunks(raw))
    except (struct.error, ValueError) as error:
        raise RenderError(f"{where}: not a readable picture ({error}). {AGAIN}") from error
    kinds = [kind for kind, _ in chunks]
    if len(kinds) < 3 or (kinds[0], kinds[-1]) != (b"IHDR", b"IEND") or set(kinds[1:-1]) != {b"IDAT"}:
        raise RenderError(f"{where}: not a readable picture (parts other than pixels). {AGAIN}")
    if chunks[0][1] != expected:
        raise RenderError(f"{where}: not a picture of {size}x{size} pixels, {channels} x 8 bit. {AGAIN}")
    _check_pixels(b"".join(body for _, body in chunks[1:-1]), size * (1 + size * channels), where)
    kind = cv2.IMREAD_COLOR if channels == 3 else cv2.IMREAD_GRAYSCALE
    picture = cv2.imdecode(np.frombuffer(raw, np.uint8), kind)
    if picture is None:
        raise RenderError(f"{where}: not a readable picture. {AGAIN}")
    return np.ascontiguousarray(picture[..., ::-1] if channels == 3 else picture, np.uint8)


def as_npy(landmarks: NDArray[np.float32]) -> bytes:
    """(478, 3) landmarks as the file that numpy reads."""
    opened = io.BytesIO()
    np.save(opened, np.ascontiguousarray(landmarks, "<f4"))
    return opened.getvalue()


def from_npy(raw: bytes, size: int, where: str) -> NDArray[np.float32]:
    """Decode landmarks.

    Args:
        raw: what `as_npy` gave.
        size: of the picture in pixels.
        where: what error messages call the file.

    Raises:
        RenderError: another array, or points that are in no picture of this size.
    """
    # Read by hand: numpy's reader evaluates the header as a Python expression and allocates what it says.
    start = len(_NPY_START) + 2
    length = int.from_bytes(raw[len(_NPY_START) : start], "little")
    header, body = raw[start : start + length], raw[start + length :]
    if not raw.startswith(_NPY_START) or header.strip() != _NPY_HEADER or len(body) != NUM_LANDMARKS * 3 * 4:
        raise RenderError(f"{where}: not a readable array of ({NUM_LANDMARKS}, 3) float32. {AGAIN}")
    landmarks = np.frombuffer(body, "<f4").reshape(NUM_LANDMARKS, 3).astype(np.float32)
    if not np.isfinite(landmarks).all() or np.abs(landmarks).max() > _FAR * size:
        raise RenderError(f"{where}: landmarks far outside the picture of {size} pixels. {AGAIN}")
    return landmarks


def _chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not raw.startswith(_PNG_SIGNATURE):
        raise ValueError("no PNG")
    position = len(_PNG_SIGNATURE)
    while position < len(raw):
        length, kind = struct.unpack_from(">I4s", raw, position)
        body = raw[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", raw, position + 8 + length)
        if checksum != zlib.crc32(kind + body):
            raise ValueError(f"damaged part at byte {position}")
        yield kind, body
        position += length + 12


def _check_pixels(compressed: bytes, expected: int, where: str) -> None:
    """The pixels unpack to exactly what the picture needs; libpng would fill up what is missing."""
    unpacker = zlib.decompressobj()
    try:
        length = len(unpacker.decompress(compressed, expected + 1))
    except zlib.error as error:
        raise RenderError(f"{where}: not a readable picture ({error}). {AGAIN}") from error
    if length != expected or not unpacker.eof:
        raise RenderError(f"{where}: not a readable picture (too few or too many pixels). {AGAIN}")
