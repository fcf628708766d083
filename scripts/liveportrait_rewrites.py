"""LivePortrait's W and G with any of their exact rewrites on or off, to measure what each of them is worth.

The readable networks are `WarpingModule` and `SpadeGenerator`; those that are used, with all rewrites, are
`FoldedWarping` and `FoldedGenerator`. What is here lies between, for `scripts.benchmark_liveportrait` alone.
"""

import copy
from collections.abc import Collection
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from src.render.liveportrait import generator as readable
from src.render.liveportrait.dense_motion import (
    DenseMotion,
    DenseMotionNetwork,
    heat_maps,
    identity_grid,
    sample,
    sparse_flows,
)
from src.render.liveportrait.folded_warping import moved, separable_heat
from src.render.liveportrait.generator import Spade, SpadeGenerator, SpectralConv2d
from src.render.liveportrait.upsampled import UpsampledConv
from src.render.liveportrait.warping import LEAKY_SLOPE, WarpingModule

SPECTRAL, LAYOUT, PHASES = "spectral fold", "channels last", "phase-wise"
LEVELLED, SHIFT = "levelled before enlarging", "merged shift"
GENERATOR_REWRITES = (SPECTRAL, LAYOUT, PHASES, LEVELLED, SHIFT)
NORMS, MATRICES, SOURCE = "batch norm fold", "matrix sampling", "source constants"
WARPING_REWRITES = (NORMS, MATRICES, SOURCE, PHASES)


class SteppedGenerator(nn.Module):
    """`SpadeGenerator` with some rewrites."""

    def __init__(self, generator: SpadeGenerator, rewrites: Collection[str]) -> None:
        """With those of `GENERATOR_REWRITES` that are named."""
        super().__init__()
        middle = (generator.get_submodule(f"G_middle_{i}") for i in range(generator.num_middle_blocks))
        self.fc, self.conv_img = generator.fc, generator.conv_img
        self.blocks = nn.ModuleList(
            [
                *(_Block(block, 1, 1, rewrites) for block in middle),
                _Block(generator.up_0, 2, 2, rewrites),
                _Block(generator.up_1, 2, 4, rewrites),
            ]
        )
        self.layout = torch.channels_last if LAYOUT in rewrites else torch.contiguous_format

    @classmethod
    def of(cls, generator: SpadeGenerator, rewrites: Collection[str]) -> "SteppedGenerator":
        """With weights of its own: their layout is one of the rewrites."""
        stepped = copy.deepcopy(cls(generator, rewrites))
        return stepped.to(memory_format=stepped.layout)  # type: ignore[call-overload]

    def forward(self, features: Tensor) -> Tensor:
        """As `SpadeGenerator`."""
        features = features.contiguous(memory_format=self.layout)
        x = self.fc(features)
        for block in self.blocks:
            x = block(x, features)
        drawn: Tensor = self.conv_img(functional.leaky_relu(x, readable.LEAKY_SLOPE))
        return drawn.sigmoid()


class _Block(nn.Module):
    """A SPADE block that enlarges its input itself, before or after levelling it."""

    def __init__(self, block: Any, enlarge: int, factor: int, rewrites: Collection[str]) -> None:
        super().__init__()
        self.enlarge, self.is_levelled_first = enlarge, LEVELLED in rewrites
        conv = _plain if SPECTRAL in rewrites else _as_it_is
        self.conv_0, self.conv_1 = conv(block.conv_0), conv(block.conv_1)
        self.norm_0, self.norm_1 = (_Norm(norm, factor, rewrites) for norm in (block.norm_0, block.norm_1))
        self.has_past, self.shift_s = hasattr(block, "conv_s"), None
        if self.has_past:
            self.conv_s, self.norm_s = conv(block.conv_s), _Norm(block.norm_s, factor, rewrites)
            if SHIFT in rewrites:
                weight, kernel = block.norm_s.mlp_beta.weight, block.conv_s.weight[:, :, 0, 0]
                self.shift_s = _conv(torch.einsum("os,schw->ochw", kernel, weight), kernel @ block.norm_s.mlp_beta.bias)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        if self.is_levelled_first:
            levelled = _enlarged(functional.instance_norm(x), self.enlarge)
            x = x if self.has_past else _enlarged(x, self.enlarge)
        else:
            x = _enlarged(x, self.enlarge)
            levelled = functional.instance_norm(x)
        if not self.has_past:
            past = x
        elif self.shift_s is None:
            past = self.conv_s(self.norm_s(levelled, features))
        else:
            hidden = self.norm_s.hidden_map(levelled, features)
            past = self.conv_s(levelled * (1 + self.norm_s.gamma(hidden))) + self.shift_s(hidden)
        y = self.conv_0(functional.leaky_relu(self.norm_0(levelled, features), readable.LEAKY_SLOPE))
        y = self.norm_1(functional.instance_norm(y), features)
        whole: Tensor = past + self.conv_1(functional.leaky_relu(y, readable.LEAKY_SLOPE))
        return whole


class _Norm(nn.Module):
    """What follows the levelling of a SPADE norm, without the activation."""

    def __init__(self, norm: Spade, factor: int, rewrites: Collection[str]) -> None:
        super().__init__()
        shared: Any = norm.mlp_shared[0]
        self.gamma, self.beta, self.shared = norm.mlp_gamma, norm.mlp_beta, shared
        is_phased = PHASES in rewrites and factor > 1
        self.phased = UpsampledConv(shared.weight, shared.bias, factor) if is_phased else None

    def hidden_map(self, levelled: Tensor, features: Tensor) -> Tensor:
        if self.phased is not None:
            return functional.relu(self.phased(features))
        return functional.relu(self.shared(functional.interpolate(features, size=levelled.shape[2:], mode="nearest")))

    def forward(self, levelled: Tensor, features: Tensor) -> Tensor:
        hidden = self.hidden_map(levelled, features)
        scaled: Tensor = levelled * (1 + self.gamma(hidden)) + self.beta(hidden)
        return scaled


class SteppedWarping(nn.Module):
    """`WarpingModule` with some rewrites, for one source."""

    def __init__(self, warping: WarpingModule, rewrites: Collection[str], volume: Tensor, source: Tensor) -> None:
        """With those of `WARPING_REWRITES` that are named.

        Args:
            warping: in `eval()` mode.
            rewrites: that are on.
            volume: (B, C, D, H, W) of the source.
            source: (B, K, 3) its keypoints.
        """
        super().__init__()
        network: DenseMotionNetwork = warping.dense_motion_network
        folds = NORMS in rewrites
        self.rewrites, self.volume, self.source = frozenset(rewrites), volume, source
        self.mask, self.occlusion, self.fourth = network.mask, network.occlusion, warping.fourth
        self.compress = _joined(network.compress, network.norm, folds)
        self.third = _joined(warping.third.conv, warping.third.norm, folds)
        self.down = nn.ModuleList(
            _joined(block.conv, block.norm, folds) for block in network.hourglass.encoder.down_blocks
        )
        self.up = nn.ModuleList(_upward(block, rewrites) for block in network.hourglass.decoder.up_blocks)
        self.last = _joined(network.hourglass.decoder.conv, network.hourglass.decoder.norm, folds)
        self.kept = self._of_source() if SOURCE in rewrites else None

    def forward(self, driving: Tensor) -> tuple[Tensor, DenseMotion]:
        """(B, K, 3) driving keypoints -> features, and how the volume was warped."""
        compressed, unmoved, heat = self._of_source() if self.kept is None else self.kept
        grid, ways = identity_grid(self.volume), self.source - driving
        flows = sparse_flows(grid, driving, self.source)
        difference = functional.pad(self._heat(driving) - heat, (0, 0, 0, 0, 0, 0, 1, 0))
        if MATRICES in self.rewrites:
            seen = torch.cat([unmoved, moved(compressed, ways)], dim=1)
        else:
            seen = torch.cat([unmoved, *(sample(compressed, flow)[:, None] for flow in flows[:, 1:].unbind(1))], dim=1)
        x = self._hourglass(torch.cat([difference[:, :, None], seen], dim=2).flatten(1, 2))
        deformation = (self.mask(x).softmax(dim=1)[..., None] * flows).sum(dim=1)
        occlusion = self.occlusion(x.flatten(1, 2)).sigmoid()
        flat = sample(self.volume, deformation).flatten(1, 2)
        features: Tensor = self.fourth(functional.leaky_relu(self.third(flat), LEAKY_SLOPE)) * occlusion
        return features, DenseMotion(deformation, occlusion)

    def _of_source(self) -> tuple[Tensor, Tensor, Tensor]:
        """The compressed volume, its unmoved copy, and the heat maps of the source."""
        compressed = functional.relu(self.compress(self.volume))
        if MATRICES in self.rewrites:
            unmoved = moved(compressed, torch.zeros_like(self.source[:, :1]))
        else:
            grid = identity_grid(self.volume).expand(len(self.volume), *self.volume.shape[2:], 3)
            unmoved = sample(compressed, grid)[:, None]
        return compressed, unmoved, self._heat(self.source)

    def _heat(self, keypoints: Tensor) -> Tensor:
        if MATRICES in self.rewrites:
            return separable_heat(self.volume, keypoints)
        return heat_maps(identity_grid(self.volume), keypoints)

    def _hourglass(self, x: Tensor) -> Tensor:
        seen = [x]
        for conv in self.down:
            seen.append(functional.avg_pool3d(functional.relu(conv(seen[-1])), (1, 2, 2)))
        x = seen.pop()
        for conv in self.up:
            x = torch.cat([functional.relu(conv(x)), seen.pop()], dim=1)
        return functional.relu(self.last(x))


class _Upsample(nn.Module):
    """Twice the height and width by repetition."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=(1, 2, 2))


def _upward(block: Any, rewrites: Collection[str]) -> nn.Module:
    if PHASES not in rewrites:
        return nn.Sequential(_Upsample(), _joined(block.conv, block.norm, NORMS in rewrites))
    if NORMS in rewrites:
        folded = _joined(block.conv, block.norm, True)
        return UpsampledConv(folded.weight, folded.bias, 2)  # type: ignore[arg-type]
    return nn.Sequential(UpsampledConv(block.conv.weight, block.conv.bias, 2), block.norm)


def _joined(conv: Any, norm: Any, folds: bool) -> nn.Module:
    """A convolution and the batch norm after it, as one or as two."""
    return torch.nn.utils.fuse_conv_bn_eval(conv, norm) if folds else nn.Sequential(conv, norm)


def _enlarged(x: Tensor, factor: int) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="nearest") if factor > 1 else x


def _as_it_is(conv: SpectralConv2d) -> nn.Module:
    return conv


def _plain(conv: SpectralConv2d) -> nn.Module:
    return _conv(conv.weight, conv.bias)


def _conv(weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    out_channels, in_channels, kernel, _ = weight.shape
    conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=bias is not None, device="meta")
    conv.weight = nn.Parameter(weight.detach(), requires_grad=False)
    conv.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)
    return conv
