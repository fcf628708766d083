"""G, the SPADE generator: warped features -> picture.

Every layer is conditioned by the features: their own small network scales and shifts what an instance norm has
levelled. `src/render/liveportrait/folded.py` computes the same faster.

Reference:
    Park et al.: Semantic Image Synthesis with Spatially-Adaptive Normalization, CVPR 2019.
    Miyato et al.: Spectral Normalization for Generative Adversarial Networks, ICLR 2018.
"""

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.nn.parameter import Parameter

LEAKY_SLOPE = 0.2
POWER_ITERATIONS = 3
"""Of a new kernel; a trained one brings its vectors."""


class SpectralConv2d(nn.Module):
    """A convolution whose kernel is divided by its stored spectral norm, u . (W v).

    u and v are taken as they are stored: no power iteration, no normalising.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, bias: bool) -> None:
        """With a kernel of `kernel` pixels; height and width stay."""
        super().__init__()
        like = nn.Conv2d(in_channels, out_channels, kernel)
        self.weight_orig = Parameter(like.weight.detach())
        self.bias = Parameter(like.bias.detach()) if bias and like.bias is not None else None
        matrix = self.weight_orig.detach().flatten(1)
        left = functional.normalize(torch.randn(out_channels), dim=0)
        for _ in range(POWER_ITERATIONS):
            right = functional.normalize(matrix.T @ left, dim=0)
            left = functional.normalize(matrix @ right, dim=0)
        self.register_buffer("weight_u", left)
        self.register_buffer("weight_v", right)

    @property
    def sigma(self) -> Tensor:
        """The spectral norm."""
        return torch.dot(self.weight_u, self.weight_orig.flatten(1) @ self.weight_v)  # type: ignore[arg-type, operator]

    @property
    def weight(self) -> Tensor:
        """The kernel that is used."""
        return self.weight_orig / self.sigma

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W)."""
        return functional.conv2d(x, self.weight, self.bias, padding=self.weight_orig.shape[-1] // 2)


class Spade(nn.Module):
    """An instance norm, scaled and shifted at each pixel by the features."""

    def __init__(self, channels: int, feature_channels: int, hidden_channels: int) -> None:
        """Level `channels`; `feature_channels` condition them through `hidden_channels`."""
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(feature_channels, hidden_channels, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden_channels, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden_channels, channels, 3, padding=1)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(B, C, H, W) and features of any size -> (B, C, H, W)."""
        levelled = functional.instance_norm(x)
        hidden = self.mlp_shared(functional.interpolate(features, size=x.shape[2:], mode="nearest"))
        scaled: Tensor = levelled * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden)
        return scaled


class SpadeBlock(nn.Module):
    """A residual block of two convolutions after SPADE norms; with another width, the way past them has one too."""

    def __init__(self, in_channels: int, out_channels: int, feature_channels: int, hidden_channels: int) -> None:
        """From `in_channels` to `out_channels`."""
        super().__init__()
        middle = min(in_channels, out_channels)
        self.conv_0 = SpectralConv2d(in_channels, middle, 3, bias=True)
        self.conv_1 = SpectralConv2d(middle, out_channels, 3, bias=True)
        self.norm_0 = Spade(in_channels, feature_channels, hidden_channels)
        self.norm_1 = Spade(middle, feature_channels, hidden_channels)
        if in_channels != out_channels:
            self.conv_s = SpectralConv2d(in_channels, out_channels, 1, bias=False)
            self.norm_s = Spade(in_channels, feature_channels, hidden_channels)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W)."""
        past = self.conv_s(self.norm_s(x, features)) if hasattr(self, "conv_s") else x
        y = self.conv_0(functional.leaky_relu(self.norm_0(x, features), LEAKY_SLOPE))
        y = self.conv_1(functional.leaky_relu(self.norm_1(y, features), LEAKY_SLOPE))
        whole: Tensor = past + y
        return whole


class SpadeGenerator(nn.Module):
    """Warped features -> picture of eight times their size."""

    def __init__(
        self, *, feature_channels: int, width: int, num_middle_blocks: int, out_width: int, hidden_channels: int
    ) -> None:
        """Build the network.

        Args:
            feature_channels: of what W gives.
            width: channels of the middle blocks; the first block after them has half, the last `out_width`.
            num_middle_blocks: at the size of the features.
            out_width: channels before the last convolution.
            hidden_channels: of the networks that condition the norms.
        """
        super().__init__()
        self.num_middle_blocks = num_middle_blocks
        self.fc = nn.Conv2d(feature_channels, width, 3, padding=1)
        for i in range(num_middle_blocks):
            self.add_module(f"G_middle_{i}", SpadeBlock(width, width, feature_channels, hidden_channels))
        self.up_0 = SpadeBlock(width, width // 2, feature_channels, hidden_channels)
        self.up_1 = SpadeBlock(width // 2, out_width, feature_channels, hidden_channels)
        self.up = nn.Upsample(scale_factor=2)
        self.conv_img = nn.Sequential(nn.Conv2d(out_width, 3 * 2 * 2, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, features: Tensor) -> Tensor:
        """Draw.

        Args:
            features: (B, 256, 64, 64) with the official sizes.

        Returns:
            (B, 3, 512, 512) RGB in 0..1.
        """
        x = self.fc(features)
        for i in range(self.num_middle_blocks):
            x = self.get_submodule(f"G_middle_{i}")(x, features)
        x = self.up_0(self.up(x), features)
        x = self.up_1(self.up(x), features)
        drawn: Tensor = self.conv_img(functional.leaky_relu(x, LEAKY_SLOPE))
        return drawn.sigmoid()
