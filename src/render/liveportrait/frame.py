"""W, G and the levels as one network: keypoints in, pictures out. What is compiled, captured and exported.

In half precision (autocast) the convolutions of W and G run in it, with weights that lie in it. These places stay in
float32, `single_precision` or by what PyTorch does itself:

* everything about keypoints: their ways, the matrices that move volumes, heat maps;
* the softmax over flows, the flows, and the places where volumes are sampled, with the volume itself;
* means and variances of instance norms: maps in half precision are summed up in float32;
* S, R_eye and R_lip, which run outside of autocast.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from src.render.liveportrait.folded_generator import FoldedGenerator
from src.render.liveportrait.folded_warping import FoldedWarping, WarpedSource
from src.render.liveportrait.pictures import levels_of


class FrameNetwork(nn.Module):
    """Driving keypoints -> pictures of one source, or of one source each."""

    def __init__(self, warping: FoldedWarping, generator: FoldedGenerator) -> None:
        super().__init__()
        self.warping, self.generator = warping, generator

    def forward(self, driving: Tensor, *source: Tensor) -> tuple[Tensor, Tensor]:
        """Draw.

        Args:
            driving: (B, 21, 3) keypoints.
            source: the parts of a `WarpedSource`, of B or of 1.

        Returns:
            (B, 3, 512, 512) around 0..1, and (B, 512, 512, 3) uint8 RGB, truncated.
        """
        many = WarpedSource(*(part.expand(len(driving), *part.shape[1:]) for part in source))
        drawn: Tensor = self.generator(self.warping(many, driving).features)
        return drawn, levels_of(drawn)

    def store_as(self, dtype: torch.dtype) -> None:
        """Keep weights in the precision in which autocast computes: it would convert them for every frame.

        What the source alone goes through stays as it is.
        """
        warping = self.warping
        for part in (warping.hourglass, warping.mask, warping.occlusion, warping.third, warping.fourth, self.generator):
            part.to(dtype)

    def order_for_gpu(self) -> None:
        """Channels last also where maps are volumes, as tensor cores want them."""
        self.warping.hourglass.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.warping.mask.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        for part in (self.warping.third, self.warping.fourth):
            part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def autocast_to(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Convolutions and products of matrices in `dtype`; float32: as they are."""
    return nullcontext() if dtype is torch.float32 else torch.autocast(device.type, dtype)
