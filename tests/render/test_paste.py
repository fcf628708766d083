import numpy as np
import pytest

from src.errors import RenderError
from src.render.paste import BORDER, PasteBack, full_hd


def photo(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (height + width)], axis=-1).astype(np.uint8)


def test_the_crop_itself_gives_the_photo_back() -> None:
    whole = photo(300, 400)
    paster = PasteBack(whole, 50, 20, 200)
    out = paster.start()
    paster.paste(whole[20:220, 50:250], out)
    assert np.abs(out.astype(int) - whole).max() <= 1


def test_outside_of_the_box_nothing_changes_and_the_border_is_soft() -> None:
    whole = np.zeros((300, 400, 3), np.uint8)
    paster = PasteBack(whole, 50, 20, 200)
    out = paster.start()
    for _ in range(2):  # pasting again is not adding
        paster.paste(np.full((128, 128, 3), 200, np.uint8), out)
    left, top, right, bottom = paster.box
    assert (left, top, right, bottom) == (50, 20, 250, 220)
    middle = out[120, :, 0].astype(int)
    assert middle[:50].max() == middle[250:].max() == 0
    assert middle[50] < 20
    assert middle[50 + round(BORDER * 200)] == 200
    assert np.abs(np.diff(middle)).max() <= 200 * 2 / (BORDER * 200)


def test_at_the_end_of_the_photo_there_is_no_soft_border() -> None:
    paster = PasteBack(np.zeros((200, 200, 3), np.uint8), -20, 0, 220)
    out = paster.start()
    paster.paste(np.full((220, 220, 3), 200, np.uint8), out)
    assert paster.box == (0, 0, 200, 200)
    assert out.min() == 200


@pytest.mark.parametrize(
    ("height", "width", "shape", "scale"),
    [
        (2160, 3840, (1080, 1920, 3), 0.5),
        (4000, 3000, (1440, 1080, 3), 0.36),
        (3000, 4001, (1080, 1440, 3), 0.36),
        (480, 640, (480, 640, 3), 1.0),
    ],
)
def test_large_photos_are_shown_in_full_hd(height: int, width: int, shape: tuple[int, int, int], scale: float) -> None:
    shown, factor = full_hd(np.zeros((height, width, 3), np.uint8))
    assert shown.shape == shape
    assert factor == pytest.approx(scale)


def test_odd_sides_lose_a_row_and_nothing_is_resampled() -> None:
    whole = photo(301, 401)
    shown, scale = full_hd(whole)
    assert scale == 1.0
    assert np.array_equal(shown, whole[:300, :400])


def test_a_line_of_a_photo_is_refused() -> None:
    with pytest.raises(RenderError, match="a photo of 400 x 1 pixels is too narrow"):
        full_hd(np.zeros((1, 400, 3), np.uint8))


def test_a_crop_of_elsewhere_is_refused() -> None:
    with pytest.raises(RenderError, match="Hand in the photo that the avatar was made from"):
        PasteBack(np.zeros((200, 200, 3), np.uint8), 300, 0, 100)
