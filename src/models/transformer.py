"""A causal transformer over stacked feature frames that attends to the last moments only.

A row attends to itself and a fixed number of rows before it, and knows them by their distance. No position is ever
counted, so a stream may run for hours; its memory is a cache of keys and values of fixed size.

Reference: Vaswani et al.: Attention Is All You Need, 2017; Xiong et al.: On Layer Normalization in the Transformer
Architecture, 2020 (norm first); Raffel et al.: T5, 2020 (learned bias per head and distance); Child et al.: Sparse
Transformers, 2019 (attention to a window).
"""

import torch
from torch import Tensor, nn

from src.errors import ConfigError
from src.models.learned_network import LearnedNetwork
from src.models.network import State

_BLOCK_ROWS = 128
"""Long inputs go through in blocks: attention within a block grows with its square, and the cache carries over."""

_NEVER = -1e4
"""Added to scores of rows that must not be attended to: their weight is exactly 0, also in half precision."""


class CausalTransformer(LearnedNetwork):
    """Layers of windowed attention and a feed-forward part each, at one row per motion frame."""

    def __init__(
        self,
        *,
        in_features: int,
        feature_layers: int,
        out_channels: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        feed_forward_size: int,
        context_frames: int,
        dropout: float,
        attention_dropout: float,
        input_dropout: float,
        lookahead_frames: int,
        warmup_frames: int,
        style_size: int,
        style_dropout: float,
        num_speakers: int = 0,
    ) -> None:
        """Make the layers; `num_speakers` comes from `set_speakers`.

        Args:
            in_features, feature_layers, out_channels: see `MotionNetwork`.
            hidden_size: channels of a row, a multiple of `num_heads`.
            num_layers: layers.
            num_heads: of attention.
            feed_forward_size: channels between the two matrices of the feed-forward part.
            context_frames: rows before its own that a row attends to, in each layer.
            dropout: of what a layer adds, and before the last layer.
            attention_dropout: of attention weights.
            input_dropout: of the features.
            lookahead_frames: rows of delay.
            warmup_frames: see `MotionNetwork`.
            style_size, style_dropout, num_speakers: see `src.models.style`.

        Raises:
            ConfigError: the numbers don't fit together.
        """
        super().__init__()
        if min(lookahead_frames, warmup_frames) < 0 or min(num_layers, num_heads, context_frames) < 1:
            raise ConfigError(
                f"models: lookahead_frames={lookahead_frames}, warmup_frames={warmup_frames}, num_layers={num_layers}, "
                f"num_heads={num_heads}, context_frames={context_frames}; expected lookahead_frames and warmup_frames "
                ">= 0, num_layers, num_heads and context_frames >= 1. Correct them."
            )
        if hidden_size % num_heads:
            raise ConfigError(
                f"models: hidden_size={hidden_size} can't be shared by num_heads={num_heads}. "
                "Set models.net.hidden_size to a multiple of models.net.num_heads."
            )
        self.config = {
            "in_features": in_features,
            "feature_layers": feature_layers,
            "out_channels": out_channels,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "feed_forward_size": feed_forward_size,
            "context_frames": context_frames,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "input_dropout": input_dropout,
            "lookahead_frames": lookahead_frames,
            "warmup_frames": warmup_frames,
            "style_size": style_size,
            "style_dropout": style_dropout,
            "num_speakers": num_speakers,
        }
        self.lookahead_frames = lookahead_frames
        self._warmup_frames = warmup_frames
        self._hidden_size = hidden_size
        self._context_frames = context_frames
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
        self.layers = nn.ModuleList(
            _Layer(
                WindowedAttention(
                    hidden_size=hidden_size,
                    num_heads=num_heads,
                    context_frames=context_frames,
                    dropout=attention_dropout,
                ),
                hidden_size,
                feed_forward_size,
                dropout,
            )
            for _ in range(num_layers)
        )
        self._make_exit(hidden_size=hidden_size, out_channels=out_channels, dropout=dropout)

    @property
    def receptive_field_frames(self) -> int | None:
        """One row and the context of all layers."""
        return 1 + len(self.layers) * self._context_frames

    @property
    def warmup_frames(self) -> int:
        """From the configuration: rows far away are seldom attended to."""
        return self._warmup_frames

    def empty_memory(self, batch: int) -> State:
        """Keys and values (B, W, 2 H) of each layer, and (B, W) which of the last W rows there were: 1, else 0."""
        like = self.standardizer.silence  # shares the weights' device and type
        shape = (batch, self._context_frames, 2 * self._hidden_size)
        return (*(like.new_zeros(shape) for _ in self.layers), like.new_zeros(shape[:2]))

    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """See `MotionNetwork.step`."""
        motion = []
        for rows in features.split(_BLOCK_ROWS, dim=1):
            frames, state = self._advance(rows, state)
            motion.append(frames)
        return torch.cat(motion, dim=1), state

    def _advance(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """`step` of one block."""
        caches, present, style = state[: len(self.layers)], state[len(self.layers)], state[len(self.layers) + 1 :]
        hidden = self._enter(features, style)
        present = torch.cat([present, present.new_ones(features.shape[:2])], dim=1)  # (B, W + t)
        after = []
        for layer, cache in zip(self.layers, caches, strict=True):
            hidden, cache = layer(hidden, cache, present)
            after.append(cache)
        return self._leave(hidden), (*after, present[:, features.shape[1] :], *style)


class _Layer(nn.Module):
    """Attention and feed-forward part, each after a norm and added to its input. (B, t, H) -> (B, t, H)."""

    def __init__(
        self, attention: "WindowedAttention", hidden_size: int, feed_forward_size: int, dropout: float
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(hidden_size)
        self.attention = attention
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(hidden_size),
            nn.Linear(hidden_size, feed_forward_size),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(feed_forward_size, hidden_size),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, cache: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """See `WindowedAttention.forward`."""
        change, cache = self.attention(self.attention_norm(hidden), cache, present)
        hidden = hidden + self.dropout(change)
        return hidden + self.dropout(self.feed_forward(hidden)), cache


class WindowedAttention(nn.Module):
    """Attention of each row to itself and the W rows before it, with a learned bias per head and distance."""

    def __init__(self, *, hidden_size: int, num_heads: int, context_frames: int, dropout: float) -> None:
        """`hidden_size` H is a multiple of `num_heads`; `context_frames` is W."""
        super().__init__()
        self._num_heads = num_heads
        self._context_frames = context_frames
        self.query = nn.Linear(hidden_size, hidden_size)
        self.key_value = nn.Linear(hidden_size, 2 * hidden_size)
        self.bias = nn.Parameter(torch.zeros(num_heads, context_frames + 1))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_size, hidden_size)

    def forward(self, rows: Tensor, cache: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Attend.

        Args:
            rows: (B, t, H).
            cache: (B, W, 2 H) keys and values of the rows before.
            present: (B, W + t), 1 where a row exists, 0 before the start of its stream.

        Returns:
            (B, t, H), and the cache after these rows.
        """
        batch, num_rows, hidden_size = rows.shape
        known = torch.cat([cache, self.key_value(rows)], dim=1)  # (B, W + t, 2 H)
        key, value = (part.unflatten(2, (self._num_heads, -1)).transpose(1, 2) for part in known.chunk(2, dim=2))
        query = self.query(rows).unflatten(2, (self._num_heads, -1)).transpose(1, 2)  # (B, heads, t, H / heads)
        scores = query @ key.transpose(2, 3) * query.shape[3] ** -0.5  # (B, heads, t, W + t)
        scores = scores + self._bias_of_distances(num_rows) + ((1 - present) * _NEVER)[:, None, None]
        weights = self.dropout(scores.softmax(dim=3))
        attended = (weights @ value).transpose(1, 2).reshape(batch, num_rows, hidden_size)
        return self.output(attended), known[:, num_rows:]

    def _bias_of_distances(self, num_rows: int) -> Tensor:
        """(heads, t, W + t): the bias of each row for each known row, and none beyond the window."""
        known = torch.arange(self._context_frames + num_rows, device=self.bias.device)
        distance = known[self._context_frames :, None] - known  # (t, W + t)
        inside = (distance >= 0) & (distance <= self._context_frames)
        bias = self.bias[:, distance.clamp(0, self._context_frames)]
        return bias.masked_fill(~inside, _NEVER)
