"""A face goes back to where it was cut out, with a soft border."""

import numpy as np
import pytest

from src import seeded_weights
from src.errors import RenderError
from src.render.liveportrait.crop import Rectangle, cut_face
from src.render.liveportrait.paste_mask import CropPaste, soft_mask

PICTURE = seeded_weights.image("picture", 0, 256)
SQUARE = Rectangle(np.array([120.0, 130.0]), 150.0, 0.2)


def test_the_mask_falls_to_zero_over_16_pixels() -> None:
    mask = soft_mask()
    assert mask.shape == (512, 512, 3)
    assert (mask[16:497, 16:497] == 255).all()
    assert mask[256, :17, 0].tolist() == [255 * x // 16 for x in range(17)]
    assert mask[0, 0, 0] == 0
    # Not symmetric: the box ends at pixel 496, one short of the mirror of 16.
    assert mask[256, 511, 0] == 255 // 16


def test_what_was_cut_out_goes_back_unchanged() -> None:
    cut = cut_face(PICTURE, SQUARE)
    paste = CropPaste(PICTURE, cut.to_picture)
    pasted = paste.start()
    paste.paste(cut.image, pasted)
    assert np.abs(pasted.astype(int) - PICTURE).mean() < 2


def test_only_the_inside_of_the_crop_changes() -> None:
    cut = cut_face(PICTURE, SQUARE)
    paste = CropPaste(PICTURE, cut.to_picture)
    pasted = paste.start()
    paste.paste(np.zeros((512, 512, 3), np.uint8), pasted)
    outside = paste.mask == 0
    assert 0.4 < outside.mean() < 0.8
    np.testing.assert_array_equal(pasted[outside], PICTURE[outside])
    assert not pasted[paste.mask == 255].any()
    left, top, right, bottom = paste.box
    outside[top:bottom, left:right] = True
    assert outside.all()
    assert paste.shape == PICTURE.shape


def test_another_picture_and_another_size_are_refused() -> None:
    cut = cut_face(PICTURE, Rectangle(np.array([900.0, 900.0]), 150.0, 0.0))
    with pytest.raises(RenderError, match="the crop lies outside of the picture of 256 x 256 pixels"):
        CropPaste(PICTURE, cut.to_picture)
    paste = CropPaste(PICTURE, cut_face(PICTURE, SQUARE).to_picture)
    with pytest.raises(RenderError, match=r"a face of shape \(256, 256, 3\), expected \(512, 512, 3\)"):
        paste.paste(PICTURE, paste.start())
