"""A learned mix of the layers of a speech encoder.

Reference: Peters et al.: Deep contextualized word representations, 2018; Yang et al.: SUPERB, 2021, where weights over
the layers of a frozen encoder are learned with the task.
"""

import torch
from torch import Tensor, nn

from src.errors import ConfigError


class LayerMix(nn.Module):
    """Weights over layers that sum to 1, the same for every channel and hop. Starts as the mean.

    It follows the standardisation, so layers of large numbers do not outweigh the others.
    """

    def __init__(self, *, num_layers: int) -> None:
        """`num_layers`: L, 2 or more."""
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(num_layers))

    def forward(self, features: Tensor) -> Tensor:
        """(..., F L) -> (..., F); the L values of one channel follow each other."""
        by_layer = features.unflatten(-1, (-1, len(self.logits)))
        return (by_layer * self.logits.softmax(0)).sum(-1)


def layer_mix(in_features: int, feature_layers: int) -> nn.Module:
    """What stands between the standardiser of a network and its first layer: nothing if there is one layer only.

    Args:
        in_features: numbers in a row, of all layers.
        feature_layers: L.

    Raises:
        ConfigError: rows do not consist of that many layers.
    """
    if feature_layers < 1 or in_features % feature_layers:
        raise ConfigError(
            f"models: in_features={in_features} are not rows of feature_layers={feature_layers} layers. "
            "Set both to what the feature extractor states: row_size and num_layers."
        )
    return nn.Identity() if feature_layers == 1 else LayerMix(num_layers=feature_layers)
