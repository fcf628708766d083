"""S, R_eye and R_lip: small networks that correct keypoints.

S makes shoulders and neck meet the picture around the crop (stitching); R_eye and R_lip open and close eyes and lips.
"""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Corrector = Callable[[Tensor], Tensor]
"""S, R_eye or R_lip, however it is computed: (B, inputs) -> (B, outputs)."""


class KeypointMLP(nn.Module):
    """A plain multi-layer perceptron, with ReLU between its layers."""

    def __init__(self, *, sizes: Sequence[int]) -> None:
        """Build the network.

        Args:
            sizes: of input, hidden layers and output.
        """
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.mlp = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(B, first size) -> (B, last size)."""
        corrections: Tensor = self.mlp(x)
        return corrections


def stitched(network: Corrector, source: Tensor, driving: Tensor) -> Tensor:
    """Driving keypoints that fit the picture around the crop.

    Args:
        network: S.
        source: (B, 21, 3) full keypoints of the source.
        driving: (B, 21, 3) full keypoints.
    """
    correction = network(torch.cat([source.flatten(1), driving.flatten(1)], dim=1))
    moves = correction[:, :-2].reshape(driving.shape)
    shift = torch.cat([correction[:, None, -2:], torch.zeros_like(correction[:, None, :1])], dim=2)
    return driving + moves + shift


def retargeted(network: Corrector, source: Tensor, ratios: Tensor) -> Tensor:
    """(B, 21, 3) moves of keypoints that open or close eyes or lips.

    Args:
        network: R_eye or R_lip.
        source: (B, 21, 3) full keypoints of the source.
        ratios: (B, 3) left eye, right eye and wanted, or (B, 2) lips and wanted; openings over widths.
    """
    return network(torch.cat([source.flatten(1), ratios], dim=1)).reshape(source.shape)
