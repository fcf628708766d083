"""What every motion network promises, so that training, streaming and export treat them alike."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from src.models.standardize import Standardizer

State = tuple[Tensor, ...]
"""A stream's memory: tensors of fixed shapes, so that it crosses ONNX and C unchanged."""


class MotionNetwork(nn.Module, ABC):
    """Features (B, T, F) -> motion (B, T, C); raw features in, units of the motion spec out.

    A network is causal in rows; a look-ahead is a delay. What it says at row n is about frame
    n - lookahead_frames. `forward` is the stream of a whole recording and `step` the same stream in
    pieces, so offline and live results agree.

    Constructors take `in_features`, `feature_layers` and `out_channels` from the features and the spec of a run, and
    their own settings. Where features hold several layers of an encoder, standardised rows go through
    `src.models.layer_mix` first.

    Attributes:
        config: arguments of the constructor in plain types, enough to build the network again.
        lookahead_frames: frame i depends on feature rows up to i + lookahead_frames.
        standardizer: statistics of features and motion, set before training, saved with the weights.
    """

    config: dict[str, Any]
    lookahead_frames: int
    standardizer: Standardizer

    @property
    @abstractmethod
    def receptive_field_frames(self) -> int:
        """R, look-ahead included: frame i depends on rows i + lookahead_frames - R + 1 .. i + lookahead_frames."""

    @abstractmethod
    def init_state(self, batch: int) -> State:
        """The memory of `batch` streams that have heard nothing yet."""

    @abstractmethod
    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """Continue streams by a piece of any length.

        Args:
            features: (B, t, F) next rows, t >= 1.
            state: from `init_state` or the step before; not changed.

        Returns:
            (B, t, C) frames, late by `lookahead_frames`: the first ones of a stream precede its time 0
            and are to be dropped; its last ones come out when as many rows of silence are pushed. And
            the state after this piece.
        """

    def forward(self, features: Tensor) -> Tensor:
        """Motion of whole recordings.

        Args:
            features: (B, T, F) stacked hops, T >= 1. Nothing precedes row 0; silence follows the last row.

        Returns:
            (B, T, C), frame i at the time of row i.
        """
        silence = self.standardizer.silence.expand(len(features), self.lookahead_frames, -1)
        motion, _ = self.step(torch.cat([features, silence], dim=1), self.init_state(len(features)))
        return motion[:, self.lookahead_frames :]
