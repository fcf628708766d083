"""Damaged and odd pictures become a picture or one clear refusal, quickly and in little memory; see `damage.py`.

Cases are numbers: `A2M_FUZZ=100000 pytest tests/render/test_picture_fuzz.py` tries more of them.
"""

import os
import random
import resource
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from src.errors import Audio2MotionError, RenderError
from src.render.portrait import MAXIMUM_SIDE, load_portrait
from tests.render.damage import damaged, odd_pictures, png_that_claims, with_right_checksums
from tests.render.portraits import drawn_avatar

CASES = int(os.environ.get("A2M_FUZZ", "1500"))
PIXELS = drawn_avatar().image[:72, :96]
ODD = odd_pictures(PIXELS)


@pytest.mark.parametrize("name", sorted(ODD))
def test_every_odd_kind_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(ODD[name])
    image = load_portrait(tmp_path / name)
    turned = name.startswith("turned") and int(name[6]) >= 5
    assert image.shape == ((96, 72, 3) if turned else (72, 96, 3))
    assert image.dtype == np.uint8


def test_no_damage_of_a_picture_crashes(tmp_path: Path) -> None:
    rng, path, read = random.Random(0), tmp_path / "damaged", 0
    for _ in range(CASES):
        name = rng.choice(sorted(ODD))
        harmed = with_right_checksums if name.endswith("png") and rng.random() < 0.5 else damaged
        path.write_bytes(harmed(ODD[name], rng))
        with suppress(RenderError):
            image = load_portrait(path)
            assert image.ndim == 3
            assert image.shape[2] == 3
            assert image.dtype == np.uint8
            assert max(image.shape) <= MAXIMUM_SIDE
            read += 1
    assert 0.1 < read / CASES < 0.9, "damage that is always or never noticed tests nothing"
    assert [one.name for one in tmp_path.iterdir()] == ["damaged"]


def test_a_photo_whose_notes_are_damaged_is_read_as_it_lies(tmp_path: Path) -> None:
    raw = ODD["turned6.jpg"].replace(b"Exif\0\0MM\0*", b"Exif\0\0XX\0*")
    assert raw != ODD["turned6.jpg"]
    (tmp_path / "a.jpg").write_bytes(raw)
    assert load_portrait(tmp_path / "a.jpg").shape == (72, 96, 3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b""),
        ("a.jpg", b"\xff\xd8\xff"),
        ("a.png", "text in another name 文字".encode()),
        ("a.png", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
        ("a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file quit\n"),
        ("a.png", b"GIF89a"),
        ("a.gif", b"%PDF-1.7\n"),
    ],
)
def test_what_is_no_picture_is_refused_whatever_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RenderError, match="not a picture that can be read|damaged or truncated"):
        load_portrait(tmp_path / name)


@pytest.mark.parametrize("size", [(20_000, 20_000), (2**31 - 1, 2**31 - 1), (0, 5), (10_000, 9_000)])
def test_a_size_that_a_header_claims_costs_nothing(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(png_that_claims(*size))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RenderError):
        load_portrait(tmp_path / "a.png")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (2, 2), (5000, 3)])
def test_thin_and_tiny_pictures_are_refused_by_the_pre_flight_at_the_latest(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    pytest.importorskip("mediapipe", reason="needs the extra `data`")
    from PIL import Image

    from scripts.make_avatar import avatar_from_picture

    Image.new("RGB", size, (200, 150, 120)).save(tmp_path / "a.png")
    image = load_portrait(tmp_path / "a.png")
    assert max(image.shape) <= MAXIMUM_SIDE
    assert min(image.shape) >= 1
    with pytest.raises(Audio2MotionError, match="no face was found"):
        avatar_from_picture(image, 256, "thin", 24.0)
