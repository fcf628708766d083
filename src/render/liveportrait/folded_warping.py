"""W with everything done beforehand that depends on the weights or the source alone: the same features in less time.

Exact but for rounding; `WarpingModule` is the readable twin. What is done:

* batch norms go into the convolutions before them;
* the compressed volume, its unmoved copy and the heat maps of the source are made once per source;
* a keypoint moves the whole volume by one vector: that sampling is a small matrix per axis, and a heat map is a product
  of three curves;
* convolutions over enlarged volumes run at the volumes' own size, phase by phase (`UpsampledConv`);
* the occlusion map, one channel out of thousands, is a product of matrices first and a sum over the kernel after;
* flows are summed as vectors of keypoints: the share of each keypoint times its way.
"""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from src.render.liveportrait.dense_motion import (
    KEYPOINT_VARIANCE,
    DenseMotion,
    Hourglass,
    identity_grid,
    sample,
)
from src.render.liveportrait.upsampled import UpsampledConv
from src.render.liveportrait.warping import LEAKY_SLOPE, Warped, WarpingModule

Sampler = Callable[[Tensor, Tensor], Tensor]


class WarpedSource(NamedTuple):
    """What W needs of a source, ready made.

    Attributes:
        volume: (B, C, D, H, W) features.
        keypoints: (B, K, 3).
        compressed: (B, c, D, H, W) what the dense motion network looks at.
        unmoved: (B, 1, c, D, H, W) the same as sampled without a movement.
        heat: (B, K, D, H, W) nearness to the source's keypoints.
    """

    volume: Tensor
    keypoints: Tensor
    compressed: Tensor
    unmoved: Tensor
    heat: Tensor


class FoldedWarping(nn.Module):
    """`WarpingModule` for inference, in two steps."""

    def __init__(self, warping: WarpingModule, sampler: Sampler = sample) -> None:
        """Fold the weights of `warping`, which is left as it is.

        Args:
            warping: in `eval()` mode.
            sampler: (volume, places) -> values, as `sample`.
        """
        super().__init__()
        network = warping.dense_motion_network
        self.sampler = sampler
        with torch.no_grad():
            self.compress = _folded(network.compress, network.norm)
            self.hourglass = _FoldedHourglass(network.hourglass)
            self.mask, self.occlusion = _copied(network.mask), _OneChannelConv(network.occlusion)
            self.third, self.fourth = _folded(warping.third.conv, warping.third.norm), _copied(warping.fourth)

    def prepare(self, volume: Tensor, keypoints: Tensor) -> WarpedSource:
        """Everything that depends on the source alone.

        Args:
            volume: (B, C, D, H, W) of F.
            keypoints: (B, K, 3) of the source.
        """
        compressed = functional.relu(self.compress(volume))
        still = torch.zeros_like(keypoints[:, :1])
        return WarpedSource(volume, keypoints, compressed, moved(compressed, still), separable_heat(volume, keypoints))

    def forward(self, source: WarpedSource, driving: Tensor) -> Warped:
        """Warp a source to (B, K, 3) driving keypoints."""
        ways = source.keypoints - driving
        with single_precision(driving):
            heat = separable_heat(source.volume, driving) - source.heat
            heat = functional.pad(heat, (0, 0, 0, 0, 0, 0, 1, 0))
            seen = torch.cat([source.unmoved, moved(source.compressed, ways)], dim=1)
        x = self.hourglass(torch.cat([heat[:, :, None], seen], dim=2).flatten(1, 2))
        mask = self.mask(x)
        with single_precision(driving):
            mask = mask.to(ways.dtype).softmax(dim=1)
            shares = mask[:, 1:].flatten(2)
            deformation = identity_grid(source.volume) + (shares.mT @ ways).unflatten(1, mask.shape[2:])
        occlusion = self.occlusion(x.flatten(1, 2)).sigmoid()
        flat = self.sampler(source.volume, deformation).flatten(1, 2)
        features = self.fourth(functional.leaky_relu(self.third(flat), LEAKY_SLOPE)) * occlusion
        return Warped(features, DenseMotion(deformation, occlusion))


class _FoldedHourglass(nn.Module):
    """`Hourglass` without norms and without enlarged volumes."""

    def __init__(self, hourglass: Hourglass) -> None:
        super().__init__()
        down, up = hourglass.encoder.down_blocks, hourglass.decoder.up_blocks
        self.down = nn.ModuleList(_folded_block(block) for block in down)
        self.up = nn.ModuleList(_enlarging(block) for block in up)
        self.last = _folded(hourglass.decoder.conv, hourglass.decoder.norm)

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for conv in self.down:
            seen.append(functional.avg_pool3d(functional.relu_(conv(seen[-1])), (1, 2, 2)))
        x = seen.pop()
        for conv in self.up:
            x = torch.cat([functional.relu_(conv(x)), seen.pop()], dim=1)
        return functional.relu_(self.last(x))


class _OneChannelConv(nn.Module):
    """A convolution with a single channel out, for which general ones are slow."""

    def __init__(self, conv: Any) -> None:
        super().__init__()
        places = conv.weight[0].flatten(1).flip(1).mT  # (k k, C)
        self.padding = conv.weight.shape[-1] // 2
        self.register_buffer("places", places[:, :, None, None].detach().clone())
        self.register_buffer("gather", torch.eye(len(places)).to(places).unflatten(1, (1, *conv.weight.shape[2:])))
        self.register_buffer("bias", conv.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        at_places = functional.conv2d(x, self.get_buffer("places"))
        gather, bias = self.get_buffer("gather"), self.get_buffer("bias")
        return functional.conv_transpose2d(at_places, gather, bias, padding=self.padding)


def single_precision(like: Tensor) -> AbstractContextManager[object]:
    """Without the autocast around, for a device; without anything where there is none."""
    name = like.device.type
    return torch.autocast(name, enabled=False) if torch.is_autocast_enabled(name) else nullcontext()


def moved(volume: Tensor, ways: Tensor) -> Tensor:
    """A volume as sampled when all of it is moved by one vector.

    Args:
        volume: (B, C, D, H, W).
        ways: (B, K, 3) x, y, z in the cube.

    Returns:
        (B, K, C, D, H, W): for each way what `sample` gives at `identity_grid` plus this way.
    """
    (depth, height, width), channels = volume.shape[2:], volume.shape[1]
    x = volume.flatten(1, 3)[:, None] @ _shifts(ways[..., 0], width).mT  # (B, K, C D H, W)
    x = _shifts(ways[..., 1], height)[:, :, None] @ x.unflatten(2, (channels * depth, height))
    x = x.unflatten(2, (channels, depth)).flatten(4)
    return (_shifts(ways[..., 2], depth)[:, :, None] @ x).unflatten(4, (height, width))


def _shifts(ways: Tensor, size: int) -> Tensor:
    """(B, K, size, size) weights of the values of one axis at its places moved by (B, K) `ways`."""
    places = torch.linspace(-1, 1, size, dtype=ways.dtype, device=ways.device) + ways[..., None]
    at = ((places + 1) * size - 1) / 2
    index = torch.arange(size, dtype=ways.dtype, device=ways.device)
    return (1 - (at[..., None] - index).abs()).clamp_(min=0)


def separable_heat(volume: Tensor, keypoints: Tensor) -> Tensor:
    """(B, K, D, H, W): `heat_maps`, as a product of a curve for each axis."""
    curves = []
    for axis, size in zip((2, 1, 0), volume.shape[2:], strict=True):
        places = torch.linspace(-1, 1, size, dtype=volume.dtype, device=volume.device)
        curves.append((-0.5 / KEYPOINT_VARIANCE * (places - keypoints[..., axis, None]).square()).exp())
    z, y, x = curves
    return (z[..., None] * y[..., None, :])[..., None] * x[..., None, None, :]


def _folded(conv: Any, norm: Any) -> Any:
    """A convolution with the batch norm after it."""
    return torch.nn.utils.fuse_conv_bn_eval(conv, norm).requires_grad_(False)


def _folded_block(block: Any) -> Any:
    return _folded(block.conv, block.norm)


def _enlarging(block: Any) -> UpsampledConv:
    folded = _folded_block(block)
    return UpsampledConv(folded.weight, folded.bias, 2)


def _copied(conv: nn.Module) -> nn.Module:
    return copy.deepcopy(conv).requires_grad_(False)
