"""F, the appearance feature extractor: what a face looks like, as a volume that can be warped.

Runs once per source picture.
"""

import itertools

import torch.nn.functional as functional
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """A convolution and its batch norm."""

    def __init__(self, in_channels: int, out_channels: int, *, dimensions: int = 2) -> None:
        """With a kernel of 3 in 2 or 3 dimensions; height, width and depth stay."""
        super().__init__()
        conv, norm = {2: (nn.Conv2d, nn.BatchNorm2d), 3: (nn.Conv3d, nn.BatchNorm3d)}[dimensions]
        self.conv = conv(in_channels, out_channels, 3, padding=1)
        self.norm = norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Without an activation."""
        normed: Tensor = self.norm(self.conv(x))
        return normed


class DownBlock(ConvNorm):
    """Half the height and width; the depth, if there is one, stays."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ..., H, W) -> (B, C', ..., H / 2, W / 2)."""
        normed = functional.relu(super().forward(x))
        if normed.ndim == 5:
            return functional.avg_pool3d(normed, (1, 2, 2))
        return functional.avg_pool2d(normed, 2)


class ResBlock3d(nn.Module):
    """A residual block whose norms and activations come first."""

    def __init__(self, channels: int) -> None:
        """Of `channels` in and out."""
        super().__init__()
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)
        self.norm1 = nn.BatchNorm3d(channels)
        self.norm2 = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) -> the same shape."""
        y = self.conv1(functional.relu(self.norm1(x)))
        y = self.conv2(functional.relu(self.norm2(y)))
        return x + y


class AppearanceExtractor(nn.Module):
    """Source picture -> feature volume."""

    def __init__(
        self,
        *,
        block_expansion: int,
        num_down_blocks: int,
        max_features: int,
        reshape_channels: int,
        reshape_depth: int,
        num_resblocks: int,
    ) -> None:
        """Build the network.

        Args:
            block_expansion: channels after the first convolution; every down block doubles them.
            num_down_blocks: each halves height and width.
            max_features: upper bound of the channels.
            reshape_channels, reshape_depth: channels and depth of the volume.
            num_resblocks: on the volume.
        """
        super().__init__()
        widths = [min(max_features, block_expansion * 2**i) for i in range(num_down_blocks + 1)]
        self.reshape_channels, self.reshape_depth = reshape_channels, reshape_depth
        self.first = ConvNorm(3, widths[0])
        self.down_blocks = nn.ModuleList(DownBlock(before, after) for before, after in itertools.pairwise(widths))
        self.second = nn.Conv2d(widths[-1], reshape_channels * reshape_depth, 1)
        self.resblocks_3d = nn.Sequential()
        for i in range(num_resblocks):
            self.resblocks_3d.add_module(f"3dr{i}", ResBlock3d(reshape_channels))

    def forward(self, image: Tensor) -> Tensor:
        """Features of a picture.

        Args:
            image: (B, 3, 256, 256) RGB in 0..1.

        Returns:
            (B, 32, 16, 64, 64) with the official sizes: channels, depth, height, width.
        """
        x = functional.relu(self.first(image))
        for block in self.down_blocks:
            x = block(x)
        x = self.second(x)
        volume: Tensor = self.resblocks_3d(x.unflatten(1, (self.reshape_channels, self.reshape_depth)))
        return volume
