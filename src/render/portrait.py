"""Reading a photo as a person sees it: turned upright, without transparency, of a workable size."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from src.errors import RenderError

MAXIMUM_SIDE = 4096
"""Longest side that is worked on. Larger photos are scaled down: an avatar needs a small part of that."""
MAXIMUM_PIXELS = 200_000_000
"""Pictures above this are refused before they are decoded; no camera makes them."""


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
            # Pillow warns well below our limit, which is checked before a pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                width, height = opened.size
                if width * height > MAXIMUM_PIXELS:
                    raise RenderError(
                        f"{path}: the picture has {width}x{height} pixels, at most "
                        f"{MAXIMUM_PIXELS // 1_000_000} million are read. Scale it down first."
                    )
                opened.draft("RGB", (MAXIMUM_SIDE, MAXIMUM_SIDE))
                upright = ImageOps.exif_transpose(opened)
                upright.thumbnail((MAXIMUM_SIDE, MAXIMUM_SIDE), Image.Resampling.LANCZOS)
                return _as_rgb(upright)
    except UnidentifiedImageError as error:
        raise RenderError(f"{path}: not a picture that can be read. Use a JPEG, PNG or WebP file.") from error
    except Image.DecompressionBombError as error:
        raise RenderError(f"{path}: the picture is far too large ({error}). Scale it down first.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise RenderError(f"{path}: the picture is damaged or truncated ({error}). Copy or export it again.") from error


def _as_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        # Pillow cuts off above 255 instead of scaling.
        values = np.asarray(picture, np.float32)
        scale = 255.0 / (65535.0 if values.max() > 255 else 255.0)
        return np.repeat(np.clip(values * scale, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.array(picture.convert("RGB"), np.uint8)
