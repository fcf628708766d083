"""A learned style per speaker, so that voices share a network and each keeps its way of moving.

Row 0 of the table is nobody's: the style of speakers that training did not know. Training drops ids to 0 now and then,
so that row learns what is common to all.

Reference: Fan et al.: UniTalker, ECCV 2024 (dropped identities); Perez et al.: FiLM, AAAI 2018 (scales and shifts).
"""

import torch
from torch import Tensor, nn

from src.errors import ConfigError

_SPREAD = 0.1
"""Deviation of the styles at the start: near each other, yet not the same."""


class Style(nn.Module):
    """Style vectors of speakers, and what they do to hidden rows: one scale and shift per channel.

    At the start it changes nothing. With `style_size` 0 there is no table, and no style in any state.

    Attributes:
        style_size: E, numbers in a style.
        num_speakers: N, known speakers.
    """

    def __init__(self, *, style_size: int, style_dropout: float, num_speakers: int, hidden_size: int) -> None:
        """Make a table of N + 1 styles.

        Args:
            style_size: E, 0 or more; 0 for one style that all share.
            style_dropout: share of ids that training takes for unknown, 0 .. 1.
            num_speakers: N, 0 or more.
            hidden_size: channels of the rows that a style changes.

        Raises:
            ConfigError: a number is outside its range.
        """
        super().__init__()
        if style_size < 0 or not 0 <= style_dropout <= 1 or num_speakers < 0:
            raise ConfigError(
                f"models: style_size={style_size}, style_dropout={style_dropout}, num_speakers={num_speakers}; "
                "expected style_size >= 0, style_dropout from 0 to 1 and num_speakers >= 0. Correct them."
            )
        self.style_size = style_size
        self.num_speakers = num_speakers if style_size else 0
        self._dropout = style_dropout
        if style_size:
            self.table = nn.Parameter(_new_table(num_speakers, style_size))
            self.modulation = nn.Linear(style_size, 2 * hidden_size)
            nn.init.zeros_(self.modulation.weight)
            nn.init.zeros_(self.modulation.bias)

    def set_speakers(self, num_speakers: int) -> None:
        """Start a new table of so many known speakers, untrained."""
        if self.style_size:
            self.num_speakers = num_speakers
            self.table = nn.Parameter(_new_table(num_speakers, self.style_size).to(self.table))

    def state(self, batch: int, speakers: Tensor | None) -> tuple[Tensor, ...]:
        """The styles of a batch of streams.

        Args:
            batch: B.
            speakers: (B,) int64, 0 for unknown, 1 .. N for the known; None: all unknown.

        Returns:
            One (B, E) tensor, none if `style_size` is 0. In training some ids count as unknown.

        Raises:
            ConfigError: not one id per stream, or ids that the table lacks.
        """
        if not self.style_size:
            return ()
        ids = torch.zeros(batch, dtype=torch.int64, device=self.table.device) if speakers is None else speakers
        if ids.shape != (batch,) or bool(((ids < 0) | (ids > self.num_speakers)).any()):
            raise ConfigError(
                f"models: speakers {ids.tolist()} for {batch} streams of a network that knows {self.num_speakers}. "
                f"Give one id per stream, 0 (unknown) to {self.num_speakers}."
            )
        if self.training:
            ids = ids * (torch.rand(batch, device=ids.device) >= self._dropout)
        return (self.table[ids],)

    def forward(self, hidden: Tensor, state: tuple[Tensor, ...]) -> Tensor:
        """Hidden rows (B, t, H) in the style of each stream. `state` may be that of a whole network: its end counts."""
        if not self.style_size:
            return hidden
        scale, shift = self.modulation(state[-1])[:, None].chunk(2, dim=-1)
        return hidden * (1 + scale) + shift


def _new_table(num_speakers: int, style_size: int) -> Tensor:
    """(N + 1, E): the unknown speaker in the middle of the others."""
    table = _SPREAD * torch.randn(num_speakers + 1, style_size)
    table[0] = 0.0
    return table
