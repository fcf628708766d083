"""Pictures go in and come out as the networks were trained."""

import numpy as np
import pytest
import torch

from src.errors import RenderError
from src.render.liveportrait.pictures import drawn_pictures, limit_size, network_input


def test_levels_are_truncated_and_clipped() -> None:
    drawn = torch.tensor([-1.0, 0.0, 0.9999 / 255, 254.9 / 255, 1.0, 2.0]).expand(2, 3, 1, 6)
    assert drawn_pictures(drawn).shape == (2, 1, 6, 3)
    assert drawn_pictures(drawn)[1, 0, :, 2].tolist() == [0, 0, 0, 254, 255, 255]


def test_a_picture_of_the_right_size_goes_in_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    pixels = network_input(image)
    assert pixels.shape == (1, 3, 256, 256)
    np.testing.assert_array_equal(drawn_pictures(pixels + 1e-4)[0], image)
    assert network_input(image[:100, :60]).shape == (1, 3, 256, 256)


@pytest.mark.parametrize(
    ("before", "after"),
    [((100, 101), (100, 100)), ((1280, 720), (1280, 720)), ((1000, 1501), (852, 1280)), ((2561, 1281), (1280, 640))],
)
def test_sides_are_limited_and_even(before: tuple[int, int], after: tuple[int, int]) -> None:
    assert limit_size(np.zeros((*before, 3), np.uint8)).shape[:2] == after


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(RenderError, match=r"float64 of shape \(8, 8, 3\), expected uint8 \(H, W, 3\) RGB"):
        network_input(np.zeros((8, 8, 3)))  # type: ignore[arg-type]
    with pytest.raises(RenderError, match=r"uint8 of shape \(8, 8\)"):
        limit_size(np.zeros((8, 8), np.uint8))
    for height, width in ((1, 8), (3, 5000)):
        with pytest.raises(RenderError, match=f"a picture of {width} x {height} pixels is too narrow"):
            limit_size(np.zeros((height, width, 3), np.uint8))
