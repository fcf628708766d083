"""G with everything done beforehand that does not depend on the features: the same pictures in less time.

Exact but for rounding; `SpadeGenerator` is the readable twin. What is done:

* kernels are divided by their spectral norm once;
* hidden maps of norms over enlarged features are computed at the features' own size, phase by phase
  (`UpsampledConv`);
* an enlarged map is levelled before it is enlarged: copies change neither mean nor variance;
* maps lie in memory with their channels last, as the convolutions of CPU and GPU like them;
* the shift of the norm on the way past a block goes through that way's 1x1 kernel beforehand: fewer channels.
"""

from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from src.render.liveportrait.generator import LEAKY_SLOPE, Spade, SpadeGenerator, SpectralConv2d
from src.render.liveportrait.upsampled import UpsampledConv


class FoldedGenerator(nn.Module):
    """`SpadeGenerator` for inference."""

    def __init__(self, generator: SpadeGenerator) -> None:
        """Fold the weights of `generator`, which is left as it is."""
        super().__init__()
        with torch.no_grad():
            self.fc = _conv(*_weights(generator.fc))
            middle = (generator.get_submodule(f"G_middle_{i}") for i in range(generator.num_middle_blocks))
            self.middle = nn.ModuleList(_FoldedBlock(block, 1) for block in middle)
            self.up_0 = _FoldedBlock(generator.up_0, 2)
            self.up_1 = _FoldedBlock(generator.up_1, 4)
            self.conv_img: nn.Module = nn.Sequential(_conv(*_weights(generator.conv_img[0])), nn.PixelShuffle(2))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, features: Tensor) -> Tensor:
        """As `SpadeGenerator`."""
        features = features.contiguous(memory_format=torch.channels_last)
        x = self.fc(features)
        for block in self.middle:
            x = block(x, features)
        x = self.up_1(self.up_0(x, features), features)
        drawn: Tensor = self.conv_img(functional.leaky_relu_(x, LEAKY_SLOPE))
        return drawn.sigmoid_()


class _FoldedBlock(nn.Module):
    """A SPADE block that enlarges its input itself if it is to be larger."""

    def __init__(self, block: Any, factor: int) -> None:
        super().__init__()
        self.enlarge = 2 if factor > 1 else 1
        self.has_past = hasattr(block, "conv_s")
        self.hidden_0, self.hidden_1 = _hidden(block.norm_0, factor), _hidden(block.norm_1, factor)
        self.norm_0, self.norm_1 = _Scaled(block.norm_0), _Scaled(block.norm_1)
        self.conv_0, self.conv_1 = _plain(block.conv_0), _plain(block.conv_1)
        if self.has_past:
            self.hidden_s = _hidden(block.norm_s, factor)
            self.scale_s, self.conv_s = _scale(block.norm_s), _plain(block.conv_s)
            weight, bias = _weights(block.norm_s.mlp_beta)
            kernel = block.conv_s.weight[:, :, 0, 0]
            self.shift_s = _conv(torch.einsum("os,schw->ochw", kernel, weight), kernel @ bias)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        levelled = _enlarged(functional.instance_norm(x), self.enlarge)
        if self.has_past:
            hidden = functional.relu_(self.hidden_s(features))
            past = self.conv_s(self.scale_s(hidden).mul_(levelled)).add_(self.shift_s(hidden))
        else:
            past = _enlarged(x, self.enlarge)
        y = self.conv_0(self.norm_0(levelled, functional.relu_(self.hidden_0(features))))
        y = self.conv_1(self.norm_1(functional.instance_norm(y), functional.relu_(self.hidden_1(features))))
        whole: Tensor = y.add_(past)
        return whole


class _Scaled(nn.Module):
    """What follows the levelling of a SPADE norm, and the activation."""

    def __init__(self, norm: Spade) -> None:
        super().__init__()
        self.scale, self.shift = _scale(norm), _conv(*_weights(norm.mlp_beta))

    def forward(self, levelled: Tensor, hidden: Tensor) -> Tensor:
        scaled = self.shift(hidden).addcmul_(levelled, self.scale(hidden))
        return functional.leaky_relu_(scaled, LEAKY_SLOPE)


def _enlarged(x: Tensor, factor: int) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="nearest") if factor > 1 else x


def _hidden(norm: Spade, factor: int) -> nn.Module:
    """The first layer of a norm over features enlarged `factor` times, without the activation."""
    weight, bias = _weights(norm.mlp_shared[0])
    return _conv(weight, bias) if factor == 1 else UpsampledConv(weight, bias, factor)


def _scale(norm: Spade) -> nn.Conv2d:
    weight, bias = _weights(norm.mlp_gamma)
    return _conv(weight, bias + 1)


def _plain(conv: SpectralConv2d) -> nn.Conv2d:
    return _conv(conv.weight, conv.bias)


def _weights(conv: Any) -> tuple[Tensor, Tensor]:
    return conv.weight.detach(), conv.bias.detach()


def _conv(weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    out_channels, in_channels, kernel, _ = weight.shape
    conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=bias is not None, device="meta")
    conv.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    conv.bias = None if bias is None else nn.Parameter(bias.detach().clone(), requires_grad=False)
    return conv
