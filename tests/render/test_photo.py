import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from PIL import Image

from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from src.errors import RenderError
from src.motion import CORE7
from src.render.avatar import Avatar
from src.render.mesh import MeshRenderer
from src.render.mesh.backdrop import TransparentBackdrop
from src.render.photo import PhotoRenderer
from tests.render.portraits import SIDE, drawn_avatar


def made(folder: Path, height: int, width: int, left: int, top: int, zoom: int = 1) -> tuple[Path, Avatar]:
    """A photo with the drawn face in it, and its avatar."""
    face, side = drawn_avatar(), zoom * SIDE
    pixels = np.full((height, width, 3), (90, 120, 140), np.uint8)
    x, y = max(left, 0), max(top, 0)
    drawn = cv2.resize(face.image, (side, side), interpolation=cv2.INTER_CUBIC)[y - top :, x - left :]
    pixels[y : y + drawn.shape[0], x : x + drawn.shape[1]] = drawn[: height - y, : width - x]
    Image.fromarray(pixels).save(folder / "photo.png")
    sha256 = hashlib.sha256(pixels.tobytes()).hexdigest()
    return folder / "photo.png", replace(face, crop=(left, top, side), source_sha256=sha256)


def renderer(photo: Path, size: int = SIDE) -> PhotoRenderer:
    return PhotoRenderer(inner=MeshRenderer(size=size, grid_step=4, iterations=10), photo=photo)


def moved() -> np.ndarray:
    frame = CORE7.neutral.copy()
    frame[CORE7.index("head_yaw")], frame[CORE7.index("jaw_open")] = 15.0, 0.2
    return frame


def test_at_rest_it_is_the_photo(tmp_path: Path) -> None:
    photo, avatar = made(tmp_path, 400, 500, 100, 60)
    drawing = renderer(photo)
    image = drawing.render(drawing.prepare(avatar), CORE7.neutral)
    assert (drawing.width, drawing.height, drawing.channels) == (500, 400, 3)
    assert np.abs(image.astype(int) - np.array(Image.open(photo))).max() <= 1


def test_outside_of_the_head_nothing_is_touched(tmp_path: Path) -> None:
    photo, avatar = made(tmp_path, 400, 500, 100, 60)
    drawing, pixels = renderer(photo), np.array(Image.open(photo))
    state = drawing.prepare(avatar)
    image = drawing.render(state, moved())
    changed = (image != pixels).any(axis=2)
    assert changed[60:316, 100:356].mean() > 0.1
    changed[60:316, 100:356] = False
    assert not changed.any()
    assert not np.shares_memory(image, drawing.render(state, moved()))


@pytest.mark.parametrize(("height", "width", "left", "top"), [(2400, 3111, 403, 217), (3333, 1500, 211, 1001)])
def test_a_large_photo_is_shown_in_full_hd_without_a_shift(
    tmp_path: Path, height: int, width: int, left: int, top: int
) -> None:
    photo, avatar = made(tmp_path, height, width, left, top, zoom=4)
    drawing = renderer(photo, 512)
    image = drawing.render(drawing.prepare(avatar), CORE7.neutral)
    assert max(drawing.width, drawing.height) <= 1920
    assert min(drawing.width, drawing.height) <= 1080
    scale = min(1920 / max(width, height), 1080 / min(width, height))
    pixels = Image.open(photo).resize((round(width * scale), round(height * scale)), Image.Resampling.BOX)
    whole = np.array(pixels)[: drawing.height, : drawing.width]
    # The drawn face is smooth: a shift by half a pixel would show as more than this.
    assert np.abs(image.astype(int) - whole).mean() < 0.6


def test_a_head_at_the_corner_of_the_photo_can_be_drawn(tmp_path: Path) -> None:
    photo, avatar = made(tmp_path, 400, 500, -30, -20)
    drawing = renderer(photo)
    assert drawing.render(drawing.prepare(avatar), moved()).shape == (400, 500, 3)


def test_the_head_is_as_sharp_as_the_photo(tmp_path: Path) -> None:
    photo, avatar = made(tmp_path, 600, 700, 80, 60, zoom=2)
    pixels = np.array(Image.open(photo))
    pixels[60:572:2, 80:592] //= 2  # finer than the avatar's own picture can hold
    Image.fromarray(pixels).save(photo)
    avatar = replace(avatar, source_sha256=hashlib.sha256(pixels.tobytes()).hexdigest())
    drawing = renderer(photo, 512)
    image = drawing.render(drawing.prepare(avatar), CORE7.neutral)
    assert np.abs(image.astype(int) - pixels).mean() < 1.0


def test_a_photo_that_the_camera_turned_is_upright(tmp_path: Path) -> None:
    photo, avatar = made(tmp_path, 400, 500, 100, 60)
    turned = Image.open(photo).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    turned.save(tmp_path / "turned.png", exif=exif)
    drawing = renderer(tmp_path / "turned.png")
    assert (drawing.width, drawing.height) == (500, 400)
    drawing.prepare(avatar)


def test_another_photo_is_refused(tmp_path: Path) -> None:
    _, avatar = made(tmp_path, 400, 500, 100, 60)
    Image.new("RGB", (500, 400)).save(tmp_path / "other.png")
    with pytest.raises(RenderError, match=r"other.png: not the picture that the avatar drawn was made from"):
        renderer(tmp_path / "other.png").prepare(avatar)
    with pytest.raises(RenderError, match="no such picture file"):
        renderer(tmp_path / "missing.png")


def test_a_head_with_holes_is_refused(tmp_path: Path) -> None:
    photo, _ = made(tmp_path, 400, 500, 100, 60)
    inner = MeshRenderer(size=256, grid_step=4, iterations=10, backdrop=TransparentBackdrop())
    with pytest.raises(RenderError, match="nothing to paste it on"):
        PhotoRenderer(inner=inner, photo=photo)


@pytest.mark.parametrize("root", ["render", "realtime"])
def test_the_configuration_draws_into_the_photo(tmp_path: Path, root: str) -> None:
    photo, avatar = made(tmp_path, 400, 500, 100, 60)
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        chosen = ["render=mesh_photo", f"render.photo='{photo}'"]
        drawing: PhotoRenderer = instantiate(compose(root, chosen).render)
    assert drawing.render(drawing.prepare(avatar), moved()).shape == (400, 500, 3)
