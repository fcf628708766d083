"""Causal dilated convolutions over stacked feature frames, with a look-ahead of a few frames.

Reference: Bai, Kolter, Koltun: An Empirical Evaluation of Generic Convolutional and Recurrent Networks
for Sequence Modeling, 2018 (residual blocks with growing dilation).
"""

import torch
from torch import Tensor, nn

from src.errors import ConfigError
from src.models.learned_network import LearnedNetwork
from src.models.network import State


class CausalTCN(LearnedNetwork):
    """Residual blocks of a dilated causal convolution each, at one row per motion frame."""

    def __init__(
        self,
        *,
        in_features: int,
        feature_layers: int,
        out_channels: int,
        hidden_size: int,
        kernel_size: int,
        dilations: list[int],
        dropout: float,
        input_dropout: float,
        lookahead_frames: int,
        style_size: int,
        style_dropout: float,
        num_speakers: int = 0,
    ) -> None:
        """`dilations`, in rows, has one entry per block; `num_speakers` comes from `set_speakers`."""
        super().__init__()
        if lookahead_frames < 0 or kernel_size < 2 or not dilations or min(dilations) < 1:
            raise ConfigError(
                f"models: lookahead_frames={lookahead_frames}, kernel_size={kernel_size}, dilations={list(dilations)}; "
                "expected lookahead_frames >= 0, kernel_size >= 2 and one dilation >= 1 per block. Correct them."
            )
        self.config = {
            "in_features": in_features,
            "feature_layers": feature_layers,
            "out_channels": out_channels,
            "hidden_size": hidden_size,
            "kernel_size": kernel_size,
            "dilations": list(dilations),
            "dropout": dropout,
            "input_dropout": input_dropout,
            "lookahead_frames": lookahead_frames,
            "style_size": style_size,
            "style_dropout": style_dropout,
            "num_speakers": num_speakers,
        }
        self.lookahead_frames = lookahead_frames
        self._hidden_size = hidden_size
        self._memory_frames = [(kernel_size - 1) * dilation for dilation in dilations]
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
        self.blocks = nn.ModuleList(
            _ResidualBlock(hidden_size, kernel_size, dilation, dropout) for dilation in dilations
        )
        self._make_exit(hidden_size=hidden_size, out_channels=out_channels, dropout=dropout)

    @property
    def receptive_field_frames(self) -> int:
        """One row and the memories of all blocks."""
        return 1 + sum(self._memory_frames)

    @property
    def warmup_frames(self) -> int:
        """All of the receptive field that is past."""
        return max(self.receptive_field_frames - 1 - self.lookahead_frames, 0)

    def empty_memory(self, batch: int) -> State:
        """One (B, H, M) tensor per block, zero like the padding of a convolution."""
        like = self.standardizer.silence  # shares the weights' device and type
        return tuple(like.new_zeros((batch, self._hidden_size, frames)) for frames in self._memory_frames)

    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """See `MotionNetwork.step`."""
        hidden = self._enter(features, state).transpose(1, 2)  # (B, H, t)
        memories, style = state[: len(self.blocks)], state[len(self.blocks) :]
        after = []
        for block, memory in zip(self.blocks, memories, strict=True):
            hidden, memory = block(hidden, memory)
            after.append(memory)
        return self._leave(hidden.transpose(1, 2)), (*after, *style)


class _ResidualBlock(nn.Module):
    """Norm, dilated causal convolution, activation, mixing; added to its input. (B, H, t) -> (B, H, t)."""

    def __init__(self, hidden_size: int, kernel_size: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.memory_frames = (kernel_size - 1) * dilation
        self.norm = nn.LayerNorm(hidden_size)
        self.convolution = nn.Conv1d(hidden_size, hidden_size, kernel_size, dilation=dilation)
        self.activation = nn.SiLU()
        self.dropout = nn.Dropout(dropout)
        self.mix = nn.Conv1d(hidden_size, hidden_size, 1)

    def forward(self, hidden: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden (B, H, t) and the last normalised inputs (B, H, M) -> new hidden and memory."""
        normalised = self.norm(hidden.transpose(1, 2)).transpose(1, 2)
        known = torch.cat([memory, normalised], dim=2)
        change = self.mix(self.dropout(self.activation(self.convolution(known))))
        return hidden + self.dropout(change), known[:, :, known.shape[2] - self.memory_frames :]
