"""A convolution that saves the copies gives what the plain one gives of the enlarged map."""

import pytest
import torch
import torch.nn.functional as functional

from src.render.liveportrait.upsampled import UpsampledConv


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("depth", [(), (4,)])
def test_it_equals_the_convolution_of_the_enlarged_map(factor: int, depth: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    dimensions = 2 + len(depth)
    x = torch.randn(2, 3, *depth, 5, 7, dtype=torch.float64)
    weight = torch.randn(4, 3, *(3,) * dimensions, dtype=torch.float64)
    bias = torch.randn(4, dtype=torch.float64)
    enlarged = functional.interpolate(x, scale_factor=(*(1,) * len(depth), factor, factor))
    conv = functional.conv3d if depth else functional.conv2d
    torch.testing.assert_close(UpsampledConv(weight, bias, factor)(x), conv(enlarged, weight, bias, padding=1))
