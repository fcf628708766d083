"""What every motion network promises, so that training, streaming and export treat them alike."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from src.models.standardize import Standardizer
from src.models.style import Style

State = tuple[Tensor, ...]
"""A stream's memory: tensors of fixed shapes, so that it crosses ONNX and C unchanged."""


class MotionNetwork(nn.Module, ABC):
    """Features (B, T, F) -> motion (B, T, C); raw features in, units of the motion spec out.

    A network is causal in rows; a look-ahead is a delay. What it says at row n is about frame
    n - lookahead_frames. `forward` is the stream of a whole recording and `step` the same stream in
    pieces, so offline and live results agree.

    Constructors take `in_features`, `feature_layers` and `out_channels` from the features and the spec of a run, and
    their own settings. Where features hold several layers of an encoder, standardised rows go through
    `src.models.layer_mix` first. Who speaks is an id: 1 .. N for the speakers of the training, 0 for anybody else.

    Attributes:
        config: arguments of the constructor in plain types, enough to build the network again.
        lookahead_frames: frame i depends on feature rows up to i + lookahead_frames.
        streams: whether there is a `step`; a network that hears whole recordings only has none.
        standardizer: statistics of features and motion, set before training, saved with the weights.
        style: what it knows of speakers; of size 0 in networks that treat them all alike.
    """

    config: dict[str, Any]
    lookahead_frames: int
    streams: bool = True
    standardizer: Standardizer
    style: Style

    @property
    @abstractmethod
    def receptive_field_frames(self) -> int | None:
        """R, look-ahead included: frame i depends on rows i + lookahead_frames - R + 1 .. i + lookahead_frames.

        None where the past has no end.
        """

    @property
    @abstractmethod
    def warmup_frames(self) -> int:
        """Rows of past that a training window gives a frame before the frame counts."""

    @abstractmethod
    def empty_memory(self, batch: int) -> State:
        """What `batch` streams remember that have heard nothing yet, without their styles."""

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

    def init_state(self, batch: int, speakers: Tensor | None = None) -> State:
        """The state of new streams: an empty memory and, where there are styles, the (B, E) styles as its last tensor.

        Styles pass through `step` unchanged, so who speaks is said once per stream.

        Args:
            batch: B, the number of streams.
            speakers: (B,) int64 ids; None: all unknown.

        Raises:
            ConfigError: `streams` is False, or the ids don't fit.
        """
        return (*self.empty_memory(batch), *self.style.state(batch, speakers))

    def forward(self, features: Tensor, speakers: Tensor | None = None) -> Tensor:
        """Motion of whole recordings.

        Args:
            features: (B, T, F) stacked hops, T >= 1. Nothing precedes row 0; silence follows the last row.
            speakers: see `init_state`.

        Returns:
            (B, T, C), frame i at the time of row i.
        """
        silence = self.standardizer.silence.expand(len(features), self.lookahead_frames, -1)
        motion, _ = self.step(torch.cat([features, silence], dim=1), self.init_state(len(features), speakers))
        return motion[:, self.lookahead_frames :]

    def set_speakers(self, num_speakers: int) -> None:
        """Make room for the styles of so many known speakers, before training; `config` remembers it.

        A network without styles stays as it is.
        """
        self.style.set_speakers(num_speakers)
        if self.style.style_size:
            self.config["num_speakers"] = num_speakers
