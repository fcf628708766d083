"""How a motion network is trained and validated, whatever the network is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from src.errors import ConfigError
from src.models.checkpoint import SECTION, Contract, describe
from src.models.correlation import ClipCorrelation
from src.models.losses import MotionLoss
from src.models.network import MotionNetwork

MIN_CORRELATED_FRAMES = 15
"""Shortest clip, in valid frames, that a correlation is taken of: 0.6 s, a word."""


class MotionModule(pl.LightningModule):
    """Minimises weighted losses on windows, validates on whole clips.

    Batches are (features (B, T, F), motion (B, T, C), mask (B, T)); in those of whole clips, silence that is masked
    follows the shorter ones. Logged: `train/loss` and each term, `val/loss` and each term, `val/r_<channel>`, and
    `val/lip_r`, which is that of `lip_channel`.
    Set the network's statistics before training; they belong to the data.
    """

    def __init__(
        self,
        *,
        net: MotionNetwork,
        losses: Mapping[str, MotionLoss | None],
        channel_weights: Mapping[str, float],
        lip_channel: str,
        contract: Contract,
        optimizer: Callable[..., Optimizer],
        schedule: Callable[..., LRScheduler],
    ) -> None:
        """Join a network with what it is trained for.

        Args:
            net: the network.
            losses: terms by name; null ones are skipped.
            channel_weights: how much each of them counts in the losses.
            lip_channel: the channel of `val/lip_r`.
            contract: names the channels; saved in every checkpoint.
            optimizer: called with groups of parameters.
            schedule: called with the optimizer and `total_steps`.

        Raises:
            ConfigError: channel names or losses don't fit together.
        """
        super().__init__()
        names = contract.channels
        if set(channel_weights) != set(names) or lip_channel not in names or min(channel_weights.values()) < 0:
            raise ConfigError(
                f"models.channel_weights names {', '.join(channel_weights)} and models.lip_channel {lip_channel}; the "
                f"motion has {', '.join(names)}. Give each of these channels one weight of 0 or more."
            )
        self.net = net
        self.losses = nn.ModuleDict({name: loss for name, loss in losses.items() if loss is not None})
        if not len(self.losses) or not any(channel_weights.values()):
            raise ConfigError("models.losses or models.channel_weights leave nothing to learn. Give one above 0.")
        self.register_buffer(
            "channel_weights", torch.tensor([float(channel_weights[name]) for name in names]), persistent=False
        )
        self._weights = {name: loss.weight for name, loss in losses.items() if loss is not None}
        self._seed = 0
        self._channel_names = names
        self._lip_channel = lip_channel
        self._contract = contract
        self._optimizer = optimizer
        self._schedule = schedule
        self._correlation = ClipCorrelation(num_channels=len(names), min_frames=MIN_CORRELATED_FRAMES)

    def on_fit_start(self) -> None:
        """Remember the seed of the run."""
        self._seed = torch.initial_seed()

    def on_train_batch_start(self, batch: Sequence[Tensor], batch_index: int) -> None:
        """Let dropout follow from seed and step, so that a resumed run draws what an unstopped one would have."""
        torch.manual_seed(self._seed + self.trainer.world_size * self.global_step + self.global_rank)

    def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
        """The weighted sum of the losses on one batch of windows."""
        features, motion, mask = batch
        terms = self._terms(self.net(features), motion, mask)
        loss = self._total(terms)
        self._log_terms("train", loss, terms, int(mask.sum()))
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the clips of the validation before."""
        self._correlation.reset()

    def validation_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        """Losses and correlations of whole clips, each as if it were alone in its batch."""
        features, motion, mask = batch
        prediction = self.net(features)
        # Losses that compare frames with each other must not compare those of different clips.
        frames = mask.sum(dim=1).clamp(min=1)
        clips = zip(prediction.split(1), motion.split(1), mask.split(1), strict=True)
        per_clip = [self._terms(*clip) for clip in clips]
        terms = {
            name: (torch.stack([clip[name] for clip in per_clip]) * frames).sum() / frames.sum() for name in self.losses
        }
        self._log_terms("val", self._total(terms), terms, int(frames.sum()))
        self._correlation.update(prediction, motion, mask)

    def on_validation_epoch_end(self) -> None:
        """Log the correlations over all clips."""
        for name, r in zip(self._channel_names, self._correlation.compute().tolist(), strict=True):
            self.log(f"val/r_{name}", r)
            if name == self._lip_channel:
                self.log("val/lip_r", r, prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Weight decay on matrices and kernels only; gains and biases are free."""
        decayed = [parameter for parameter in self.net.parameters() if parameter.ndim > 1]
        free = [parameter for parameter in self.net.parameters() if parameter.ndim <= 1]
        optimizer = self._optimizer([{"params": decayed}, {"params": free, "weight_decay": 0.0}])
        total_steps = self.trainer.estimated_stepping_batches
        if total_steps == float("inf"):
            raise ConfigError("the learning rate needs the run's length: set trainer.max_epochs or trainer.max_steps.")
        schedule = self._schedule(optimizer, total_steps=int(total_steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the contract and the network's configuration into the file."""
        checkpoint[SECTION] = describe(self.net, self._contract)

    def _terms(self, prediction: Tensor, motion: Tensor, mask: Tensor) -> dict[str, Tensor]:
        standardised = self.net.standardizer.standardised_motion
        predicted, wanted = standardised(prediction), standardised(motion)
        return {name: loss(predicted, wanted, mask, self.channel_weights) for name, loss in self.losses.items()}

    def _total(self, terms: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([self._weights[name] * term for name, term in terms.items()]).sum()

    def _log_terms(self, stage: str, loss: Tensor, terms: Mapping[str, Tensor], num_frames: int) -> None:
        """Means over an epoch are weighted by frames, so a short clip counts as little as it is."""
        self.log(f"{stage}/loss", loss, prog_bar=True, on_step=False, on_epoch=True, batch_size=max(num_frames, 1))
        for name, term in terms.items():
            self.log(f"{stage}/{name}", term, on_step=False, on_epoch=True, batch_size=max(num_frames, 1))
