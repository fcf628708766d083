"""Where each place of the driven volume comes from in the source's: the dense motion network of W.

Each keypoint moves the whole volume by its own way; an hourglass network decides which of them counts where.
"""

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from src.render.liveportrait.appearance import ConvNorm, DownBlock

KEYPOINT_VARIANCE = 0.01
"""Of the heat map of a keypoint, in the cube's units."""


class DenseMotion(NamedTuple):
    """How a volume is to be warped.

    Attributes:
        deformation: (B, D, H, W, 3) where each place comes from, x, y, z in the cube.
        occlusion: (B, 1, H, W) how much of what comes is to be believed, 0..1.
    """

    deformation: Tensor
    occlusion: Tensor


class UpBlock(ConvNorm):
    """Twice the height and width; the depth stays."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) -> (B, C', D, 2 H, 2 W)."""
        return functional.relu(super().forward(functional.interpolate(x, scale_factor=(1, 2, 2))))


class Encoder(nn.Module):
    """Down blocks that remember what they were given."""

    def __init__(self, widths: list[int]) -> None:
        """From each of `widths` to the next."""
        super().__init__()
        self.down_blocks = nn.ModuleList(
            DownBlock(before, after, dimensions=3) for before, after in itertools.pairwise(widths)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """The input and the output of each block."""
        seen = [x]
        for block in self.down_blocks:
            seen.append(block(seen[-1]))
        return seen


class Decoder(nn.Module):
    """Up blocks, each beside what the encoder had at its size."""

    def __init__(self, widths: list[int], block_expansion: int) -> None:
        """Back through `widths` of the encoder; the last block has `block_expansion` channels."""
        super().__init__()
        outs = [*widths[1:-1][::-1], block_expansion]
        ins = [widths[-1], *(2 * width for width in outs[:-1])]
        self.up_blocks = nn.ModuleList(
            UpBlock(before, after, dimensions=3) for before, after in zip(ins, outs, strict=True)
        )
        self.conv = nn.Conv3d(block_expansion + widths[0], block_expansion + widths[0], 3, padding=1)
        self.norm = nn.BatchNorm3d(block_expansion + widths[0])

    def forward(self, seen: list[Tensor]) -> Tensor:
        """What the encoder saw -> (B, C, D, H, W)."""
        x = seen[-1]
        for block, beside in zip(self.up_blocks, reversed(seen[:-1]), strict=True):
            x = torch.cat([block(x), beside], dim=1)
        return functional.relu(self.norm(self.conv(x)))


class Hourglass(nn.Module):
    """A U-net over height and width of a volume."""

    def __init__(self, in_channels: int, block_expansion: int, num_blocks: int, max_features: int) -> None:
        """From `in_channels`, through at most `max_features`."""
        super().__init__()
        widths = [in_channels, *(min(max_features, block_expansion * 2 ** (i + 1)) for i in range(num_blocks))]
        self.encoder = Encoder(widths)
        self.decoder = Decoder(widths, block_expansion)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) -> (B, C + block_expansion, D, H, W)."""
        decoded: Tensor = self.decoder(self.encoder(x))
        return decoded


class DenseMotionNetwork(nn.Module):
    """Keypoints of source and driver -> a warp of the source's volume."""

    def __init__(
        self,
        *,
        block_expansion: int,
        num_blocks: int,
        max_features: int,
        num_keypoints: int,
        volume_channels: int,
        volume_depth: int,
        compressed_channels: int,
    ) -> None:
        """Build the network.

        Args:
            block_expansion, num_blocks, max_features: of the hourglass.
            num_keypoints: of source and driver.
            volume_channels, volume_depth: of the source's features.
            compressed_channels: that the network looks at.
        """
        super().__init__()
        self.compress = nn.Conv3d(volume_channels, compressed_channels, 1)
        self.norm = nn.BatchNorm3d(compressed_channels)
        flows = num_keypoints + 1
        self.hourglass = Hourglass(flows * (compressed_channels + 1), block_expansion, num_blocks, max_features)
        channels = flows * (compressed_channels + 1) + block_expansion
        self.mask = nn.Conv3d(channels, flows, 7, padding=3)
        self.occlusion = nn.Conv2d(channels * volume_depth, 1, 7, padding=3)

    def forward(self, volume: Tensor, driving: Tensor, source: Tensor) -> DenseMotion:
        """Decide where everything comes from.

        Args:
            volume: (B, C, D, H, W) features of the source.
            driving, source: (B, K, 3) keypoints.
        """
        grid = identity_grid(volume)
        flows = sparse_flows(grid, driving, source)
        small = functional.relu(self.norm(self.compress(volume)))
        moved = torch.stack([sample(small, flow) for flow in flows.unbind(1)], dim=1)  # (B, K + 1, C, D, H, W)
        heat = heat_maps(grid, driving) - heat_maps(grid, source)
        heat = functional.pad(heat, (0, 0, 0, 0, 0, 0, 1, 0))  # the background has none
        x = self.hourglass(torch.cat([heat[:, :, None], moved], dim=2).flatten(1, 2))
        mask = self.mask(x).softmax(dim=1)
        deformation = (mask[..., None] * flows).sum(dim=1)
        return DenseMotion(deformation, self.occlusion(x.flatten(1, 2)).sigmoid())


def identity_grid(volume: Tensor) -> Tensor:
    """(D, H, W, 3) places of a volume in the cube, x, y, z, the ends included.

    `sample` takes the ends to be outside by half a cell, as the official network was trained: not quite an identity.
    """
    depth, height, width = (
        torch.linspace(-1, 1, size, dtype=volume.dtype, device=volume.device) for size in volume.shape[2:]
    )
    z, y, x = torch.meshgrid(depth, height, width, indexing="ij")
    return torch.stack([x, y, z], dim=-1)


def sparse_flows(grid: Tensor, driving: Tensor, source: Tensor) -> Tensor:
    """(B, K + 1, D, H, W, 3): where each place comes from if one keypoint moved all; the first: nothing moved."""
    ways = functional.pad(source - driving, (0, 0, 1, 0))
    return grid + ways[:, :, None, None, None]


def heat_maps(grid: Tensor, keypoints: Tensor) -> Tensor:
    """(B, K, D, H, W) nearness to each keypoint, 1 at it."""
    distances = (grid - keypoints[:, :, None, None, None]).square().sum(dim=-1)
    return (-0.5 / KEYPOINT_VARIANCE * distances).exp()


def sample(volume: Tensor, places: Tensor) -> Tensor:
    """(B, C, D, H, W) values of a volume at (B, D, H, W, 3) places, trilinear, 0 outside."""
    return functional.grid_sample(volume, places, mode="bilinear", padding_mode="zeros", align_corners=False)
