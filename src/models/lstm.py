"""Long short-term memories over stacked feature frames, with a look-ahead of a few frames.

Reference: Hochreiter, Schmidhuber: Long Short-Term Memory, 1997; Graves, Schmidhuber: Framewise Phoneme Classification
with Bidirectional LSTM, 2005 (the future as a delay of the targets, or as a second direction).
"""

from torch import Tensor, nn

from src.errors import ConfigError
from src.models.learned_network import LearnedNetwork
from src.models.network import State


class MotionLSTM(LearnedNetwork):
    """Residual blocks of one LSTM each, at one row per motion frame. Its past has no end.

    With two directions it hears whole recordings: `forward` works, a stream is refused. The silence that pads a short
    recording in a batch is then part of what its frames hear.
    """

    def __init__(
        self,
        *,
        in_features: int,
        feature_layers: int,
        out_channels: int,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        dropout: float,
        input_dropout: float,
        lookahead_frames: int,
        warmup_frames: int,
        style_size: int,
        style_dropout: float,
        num_speakers: int = 0,
    ) -> None:
        """Make the blocks; `num_speakers` comes from `set_speakers`.

        Args:
            in_features, feature_layers, out_channels: see `MotionNetwork`.
            hidden_size: channels of a block; each of two directions has half of them.
            num_layers: blocks.
            bidirectional: for whole recordings only, without look-ahead.
            dropout: in the blocks and before the last layer.
            input_dropout: of the features.
            lookahead_frames: rows of delay.
            warmup_frames: see `MotionNetwork`.
            style_size, style_dropout, num_speakers: see `src.models.style`.

        Raises:
            ConfigError: the numbers don't fit together.
        """
        super().__init__()
        if min(lookahead_frames, warmup_frames) < 0 or num_layers < 1:
            raise ConfigError(
                f"models: lookahead_frames={lookahead_frames}, warmup_frames={warmup_frames}, num_layers={num_layers}; "
                "expected lookahead_frames >= 0, warmup_frames >= 0 and num_layers >= 1. Correct them."
            )
        if bidirectional and (lookahead_frames or hidden_size % 2):
            raise ConfigError(
                f"models: bidirectional=true with lookahead_frames={lookahead_frames} and hidden_size={hidden_size}: "
                "two directions hear the whole recording and halve the channels. "
                "Set models.net.lookahead_frames=0 and an even models.net.hidden_size."
            )
        self.config = {
            "in_features": in_features,
            "feature_layers": feature_layers,
            "out_channels": out_channels,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "bidirectional": bidirectional,
            "dropout": dropout,
            "input_dropout": input_dropout,
            "lookahead_frames": lookahead_frames,
            "warmup_frames": warmup_frames,
            "style_size": style_size,
            "style_dropout": style_dropout,
            "num_speakers": num_speakers,
        }
        self.lookahead_frames = lookahead_frames
        self.streams = not bidirectional
        self._warmup_frames = warmup_frames
        self._hidden_size = hidden_size
        self._make_entry(
            in_features=in_features,
            feature_layers=feature_layers,
            out_channels=out_channels,
            hidden_size=hidden_size,
            input_dropout=input_dropout,
            style_size=style_size,
            style_dropout=style_dropout,
            num_speakers=num_speakers,
        )
        self.blocks = nn.ModuleList(_ResidualBlock(hidden_size, bidirectional, dropout) for _ in range(num_layers))
        self._make_exit(hidden_size=hidden_size, out_channels=out_channels, dropout=dropout)

    @property
    def receptive_field_frames(self) -> int | None:
        """None: a recurrent memory forgets by and by only."""
        return None

    @property
    def warmup_frames(self) -> int:
        """From the configuration."""
        return self._warmup_frames

    def empty_memory(self, batch: int) -> State:
        """Output and cell, (B, H) each, of one block after the other."""
        self._check_streams()
        like = self.standardizer.silence  # shares the weights' device and type
        return tuple(like.new_zeros((batch, self._hidden_size)) for _ in range(2 * len(self.blocks)))

    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """See `MotionNetwork.step`."""
        self._check_streams()
        hidden = self._enter(features, state)
        num_memories = 2 * len(self.blocks)
        after: list[Tensor] = []
        for block, output, cell in zip(self.blocks, state[0:num_memories:2], state[1:num_memories:2], strict=True):
            hidden, memory = block(hidden, (output[None], cell[None]))
            after.extend(tensor[0] for tensor in memory)
        return self._leave(hidden), (*after, *state[num_memories:])

    def forward(self, features: Tensor, speakers: Tensor | None = None) -> Tensor:
        """See `MotionNetwork.forward`."""
        if self.streams:
            return super().forward(features, speakers)
        hidden = self._enter(features, self.style.state(len(features), speakers))
        for block in self.blocks:
            hidden, _ = block(hidden, None)
        return self._leave(hidden)

    def _check_streams(self) -> None:
        if not self.streams:
            raise ConfigError(
                "models: an LSTM with bidirectional=true hears whole recordings and can't stream. Predict files with "
                "it, or train one with models.net.bidirectional=false."
            )


class _ResidualBlock(nn.Module):
    """Norm and LSTM; added to its input. (B, t, H) -> (B, t, H)."""

    def __init__(self, hidden_size: int, bidirectional: bool, dropout: float) -> None:
        super().__init__()
        per_direction = hidden_size // 2 if bidirectional else hidden_size
        self.norm = nn.LayerNorm(hidden_size)
        self.lstm = nn.LSTM(hidden_size, per_direction, batch_first=True, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, memory: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Hidden (B, t, H) and the last output and cell, (1, B, H) each -> new hidden and memory."""
        change, memory = self.lstm(self.norm(hidden), memory)
        return hidden + self.dropout(change), memory
