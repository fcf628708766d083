"""Photos are read as a person sees them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.errors import RenderError
from src.render import portrait
from src.render.portrait import load_portrait

LANDSCAPE = np.zeros((20, 40, 3), np.uint8)
LANDSCAPE[:] = 200, 0, 30
LANDSCAPE[..., 1] = np.arange(40) * 5


def test_the_camera_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right to look at it
    Image.fromarray(LANDSCAPE).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(load_portrait(tmp_path / "turned.png"), np.rot90(LANDSCAPE, -1))


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    alpha = np.zeros((20, 40), np.uint8)
    alpha[:, :20] = 255
    Image.fromarray(np.dstack([LANDSCAPE, alpha])).save(tmp_path / "a.png")
    image = load_portrait(tmp_path / "a.png")
    assert np.array_equal(image[:, :20], LANDSCAPE[:, :20])
    assert (image[:, 20:] == 255).all()


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA", "I;16"])
def test_other_colour_models_become_rgb(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        source = Image.fromarray(np.full((20, 40), 40_000, np.uint16))
    else:
        source = Image.fromarray(LANDSCAPE).convert("L" if mode == "LA" else mode).convert(mode)
    source.save(tmp_path / "a.tiff")
    image = load_portrait(tmp_path / "a.tiff")
    assert image.shape == (20, 40, 3)
    assert image.dtype == np.uint8
    if mode == "I;16":
        assert abs(int(image.mean()) - 155) <= 1


def test_large_photos_are_scaled_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portrait, "MAXIMUM_SIDE", 20)
    Image.fromarray(LANDSCAPE).save(tmp_path / "a.png")
    assert load_portrait(tmp_path / "a.png").shape == (10, 20, 3)


def test_absurd_sizes_are_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portrait, "MAXIMUM_PIXELS", 100)
    Image.fromarray(LANDSCAPE).save(tmp_path / "a.png")
    with pytest.raises(RenderError, match="the picture has 40x20 pixels"):
        load_portrait(tmp_path / "a.png")


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(RenderError, match="not a picture that can be read"):
        load_portrait(tmp_path / "a.jpg")
    with pytest.raises(RenderError, match="no such picture file"):
        load_portrait(tmp_path / "b.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_truncated_picture_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(RenderError, match="damaged or truncated"):
        load_portrait(path)
