"""Bytes damaged as disks, networks and ill will damage them, and pictures of odd kinds. Seeded: a case is a number."""

import io
import random
import struct
import zlib
from contextlib import suppress

import numpy as np
from PIL import Image

_RARE = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """A few bits, bytes or stretches changed, cut out or doubled, at the beginning and the end with preference."""
    data = bytearray(raw)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        if not data:
            break
        reach = rng.choice([len(data), len(data), min(len(data), 64), min(len(data), 600)])
        place = rng.randrange(reach)
        place = place if rng.random() < 0.8 else len(data) - 1 - place
        length = rng.choice([1, 2, 4, 30, 1000])
        match rng.randrange(12):
            case 0 | 1 | 2 | 3:
                data[place] ^= 1 << rng.randrange(8)
            case 4 | 5:
                data[place] = rng.choice(_RARE)
            case 6:
                data[place : place + 4] = rng.choice(
                    [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4)]
                )
            case 7:
                del data[place : place + length]
            case 8:
                data[place:place] = rng.randbytes(length)
            case 9:
                data[place:place] = data[place : place + length]
            case 10:
                data[place : place + length] = bytes(length)
            case 11:
                del data[place:]
    return bytes(data)


def with_right_checksums(png: bytes, rng: random.Random) -> bytes:
    """A PNG damaged inside its parts, whose checksums are right all the same, so that the damage gets further."""
    written, place = bytearray(png[:8]), 8
    while place + 12 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        body = png[place + 8 : place + 8 + length]
        if rng.random() < 0.5:
            body = damaged(body, rng)
        if kind == b"IDAT" and rng.random() < 0.3:
            with suppress(zlib.error):
                body = zlib.compress(damaged(zlib.decompress(body), rng))
        written += struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))
        place += length + 12
    return bytes(written)


def png_that_claims(width: int, height: int, colour: int = 2, depth: int = 8) -> bytes:
    """A PNG of a few hundred bytes with this size in its header, and hardly any pixels."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1000))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def odd_pictures(pixels: np.ndarray) -> dict[str, bytes]:
    """One picture as the kinds of file that people have, by name.

    Args:
        pixels: (H, W, 3) uint8 RGB.
    """
    rgb = Image.fromarray(pixels)
    alpha = rgb.convert("RGBA")
    alpha.putalpha(rgb.convert("L"))
    seen = {
        "rgb.jpg": rgb, "progressive.jpg": rgb, "grey.jpg": rgb.convert("L"), "cmyk.jpg": rgb.convert("CMYK"),
        "rgb.png": rgb, "palette.png": rgb.convert("P"), "bits.png": rgb.convert("1"), "alpha.png": alpha,
        "grey-alpha.png": alpha.convert("LA"), "grey16.png": Image.fromarray(pixels[..., 0].astype(np.uint16) * 257),
        "rgb.webp": rgb, "alpha.webp": alpha, "palette.gif": rgb.convert("P"), "rgb.bmp": rgb,
        "palette.bmp": rgb.convert("P"), "rgb.tiff": rgb,
        "float.tiff": Image.fromarray(pixels[..., 0].astype(np.float32)),
        "int.tiff": Image.fromarray(pixels[..., 0].astype(np.int32) * 200), "lab.tiff": rgb.convert("LAB"),
        "rgb.ppm": rgb,
    }  # fmt: skip
    files = {name: _encoded(picture, name, progressive=name.startswith("prog")) for name, picture in seen.items()}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        exif[0x010E] = "a picture"
        for ending in ("jpg", "png", "webp"):
            files[f"turned{orientation}.{ending}"] = _encoded(rgb, f"x.{ending}", exif=exif)
    files["animated.gif"] = _encoded(
        rgb, "x.gif", save_all=True, append_images=[rgb.rotate(20), rgb.rotate(40)], duration=40
    )
    files["animated.webp"] = _encoded(rgb, "x.webp", save_all=True, append_images=[rgb.rotate(20)], duration=40)
    files["animated.png"] = _encoded(rgb, "x.png", save_all=True, append_images=[rgb.rotate(20)], duration=40)
    return files


def _encoded(picture: Image.Image, name: str, **options: object) -> bytes:
    opened = io.BytesIO()
    kind = {"jpg": "JPEG", "tiff": "TIFF"}.get(name.rpartition(".")[2], name.rpartition(".")[2].upper())
    picture.save(opened, kind, **{key: value for key, value in options.items() if value})  # type: ignore[arg-type]
    return opened.getvalue()
