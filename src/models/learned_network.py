"""What networks with weights have in common: how rows become hidden ones, and how these become motion."""

from torch import Tensor, nn

from src.models.layer_mix import layer_mix
from src.models.network import MotionNetwork, State
from src.models.standardize import Standardizer
from src.models.style import Style


class LearnedNetwork(MotionNetwork):
    """A linear layer, the style of the speaker, blocks of the network's own, and a linear layer.

    A constructor calls `_make_entry`, makes its blocks, and calls `_make_exit`.
    """

    def _make_entry(
        self,
        *,
        in_features: int,
        feature_layers: int,
        out_channels: int,
        hidden_size: int,
        input_dropout: float,
        style_size: int,
        style_dropout: float,
        num_speakers: int,
    ) -> None:
        """What rows go through before the blocks.

        Raises:
            ConfigError: the sizes don't fit together.
        """
        self.standardizer = Standardizer(in_features=in_features, out_channels=out_channels)
        self.mix = layer_mix(in_features, feature_layers)
        self.input = nn.Sequential(nn.Dropout(input_dropout), nn.Linear(in_features // feature_layers, hidden_size))
        self.style = Style(
            style_size=style_size, style_dropout=style_dropout, num_speakers=num_speakers, hidden_size=hidden_size
        )

    def _make_exit(self, *, hidden_size: int, out_channels: int, dropout: float) -> None:
        """What hidden rows go through after the blocks."""
        self.output = nn.Sequential(
            nn.LayerNorm(hidden_size), nn.Dropout(dropout), nn.Linear(hidden_size, out_channels)
        )

    def _enter(self, features: Tensor, state: State) -> Tensor:
        """Raw rows (B, t, F) -> hidden (B, t, H) in the style at the end of `state`."""
        hidden: Tensor = self.style(self.input(self.mix(self.standardizer.features(features))), state)
        return hidden

    def _leave(self, hidden: Tensor) -> Tensor:
        """Hidden (B, t, H) -> motion (B, t, C) in units of the spec."""
        return self.standardizer.motion(self.output(hidden))
