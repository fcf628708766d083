"""Reading a photo as a person sees it: turned upright, without transparency, of a workable size.

Files may come from anyone: only kinds that cameras and websites use are tried, size is checked before a pixel is
decoded, and what a decoder stumbles over becomes one clear error.
"""

import logging
import struct
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from src.errors import RenderError

MAXIMUM_SIDE = 4096
"""Longest side that is worked on. Larger photos are scaled down: an avatar needs a small part of that."""
MAXIMUM_PIXELS, MAXIMUM_PIXELS_JPEG = 50_000_000, 110_000_000
"""Pictures above this are refused before they are decoded: at the limit that takes up to 0.8 GB, for an animation with
transparency. JPEG needs less for each pixel; the largest that cameras make have 102 million."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
"""What is tried. Pillow knows more, such as EPS, for which it would start another program."""

_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, OverflowError, ZeroDivisionError, EOFError,
    struct.error,
)  # fmt: skip
"""What Pillow's readers raise over damaged files."""
_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by the orientation that EXIF notes."""

logger = logging.getLogger(__name__)


def load_portrait(path: Path | str) -> NDArray[np.uint8]:
    """Read a picture file.

    The orientation that a camera noted (EXIF) is applied, transparency is laid over white, grey and other
    colour models become RGB, animations give their first picture.

    Returns:
        (H, W, 3) uint8 RGB, no side above `MAXIMUM_SIDE`.

    Raises:
        RenderError: the file is missing, no picture, damaged or absurdly large.
    """
    path = Path(path)
    if not path.is_file():
        raise RenderError(f"{path}: no such picture file. Check the path.")
    try:
        with warnings.catch_warnings():
            # Pillow warns well below our limit, which is checked before a pixel is decoded; and of damage that is
            # either an error as well or does not matter.
            warnings.simplefilter("ignore")
            return _read(path)
    except UnidentifiedImageError as error:
        raise RenderError(f"{path}: not a picture that can be read. Use a JPEG, PNG or WebP file.") from error
    except Image.DecompressionBombError as error:
        raise RenderError(f"{path}: the picture is far too large ({error}). Scale it down first.") from error
    except _DAMAGE as error:
        raise RenderError(f"{path}: the picture is damaged or truncated ({error}). Copy or export it again.") from error


def _read(path: Path) -> NDArray[np.uint8]:
    Image.init()
    with Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as opened:
        width, height = opened.size
        most = MAXIMUM_PIXELS_JPEG if opened.format in ("JPEG", "MPO") else MAXIMUM_PIXELS
        if width * height > most:
            raise RenderError(
                f"{path}: the picture has {width}x{height} pixels, at most {most // 1_000_000} million are read. "
                "Scale it down first."
            )
        opened.draft("RGB", (MAXIMUM_SIDE, MAXIMUM_SIDE))
        turn = _TURNED.get(_orientation(opened, path))
        # Smaller first: turning makes a copy.
        opened.thumbnail((MAXIMUM_SIDE, MAXIMUM_SIDE), Image.Resampling.LANCZOS)
        return _as_rgb(opened if turn is None else opened.transpose(turn))


def _orientation(picture: Image.Image, path: Path) -> int:
    picture.load()  # some kinds have their EXIF at the end
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGE as error:
        logger.warning("%s: what the camera noted can't be read (%s); the picture is taken as upright.", path, error)
        return 1


def _as_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        # Pillow cuts off above 255 instead of scaling.
        values = np.nan_to_num(np.asarray(picture, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        scale = 255.0 / (65535.0 if values.max() > 255 else 255.0)
        return np.repeat(np.clip(values * scale, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.array(picture.convert("RGB"), np.uint8)
