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
from src.models.correlation import ClipCorrelation, ClipScore
from src.models.losses import Comparison, MotionLoss
from src.models.network import MotionNetwork

MIN_CORRELATED_FRAMES = 15
"""Shortest clip, in valid frames, that a correlation is taken of: 0.6 s, a word."""


class MotionModule(pl.LightningModule):
    """Minimises weighted losses on windows, validates on whole clips.

    Batches are (features (B, T, F), motion (B, T, C), mask (B, T), speakers (B,)); in those of whole clips, silence
    that is masked follows the shorter ones. Logged: `train/loss` and each term; for `val` and `test`, `val/loss` and
    each term, `val/r_<channel>`, and of `lip_channel` `val/lip_r` and `val/lip_std_ratio`, the deviation of the
    prediction over that of the reference. Several processes log what one would that saw all clips.
    Set the network's statistics before training; they belong to the data.

    Attributes:
        origin: what every checkpoint says it was made from, in plain types. Set it before training; None is not told.
    """

    channel_weights: Tensor
    origin: Mapping[str, Any] | None = None

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
            lip_channel: the channel that opens the mouth.
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
        self.lip_channel = lip_channel
        self._contract = contract
        self._optimizer = optimizer
        self._schedule = schedule
        self._correlation = ClipCorrelation(num_channels=len(names), min_frames=MIN_CORRELATED_FRAMES)
        self._forget()

    def on_fit_start(self) -> None:
        """Remember the seed of the run."""
        self._seed = torch.initial_seed()

    def on_train_batch_start(self, batch: Sequence[Tensor], batch_index: int) -> None:
        """Let dropout follow from seed and step, so that a resumed run draws what an unstopped one would have."""
        torch.manual_seed(self._seed + self.trainer.world_size * self.global_step + self.global_rank)

    def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
        """The weighted sum of the losses on one batch of windows."""
        mask = batch[2]
        terms = self._terms(self._compare(batch, self._predict(batch)))
        loss, num_frames = self._total(terms), max(int(mask.sum()), 1)
        # Means over an epoch are weighted by frames.
        how: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": num_frames, "sync_dist": True}
        self.log("train/loss", loss, prog_bar=True, **how)
        self.log_dict({f"train/{name}": term for name, term in terms.items()}, **how)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the clips of the validation before."""
        self._forget()

    def validation_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        """Losses and correlations of whole clips, each as if it were alone in its batch."""
        self._judge(batch)

    def on_validation_epoch_end(self) -> None:
        """Log what all clips together give."""
        self._log_scores("val")

    def on_test_epoch_start(self) -> None:
        """Forget the clips that were judged before."""
        self._forget()

    def test_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        """As in validation."""
        self._judge(batch)

    def on_test_epoch_end(self) -> None:
        """As in validation."""
        self._log_scores("test")

    @property
    def clip_scores(self) -> list[ClipScore]:
        """Of each clip of the last validation or test in this process, in the order of its loader."""
        return self._correlation.clips

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
        """Put the contract, the network's configuration and where it comes from into the file."""
        checkpoint[SECTION] = describe(self.net, self._contract, self.origin)

    def _predict(self, batch: Sequence[Tensor]) -> Tensor:
        features, _, _, speakers = batch
        prediction: Tensor = self.net(features, speakers)
        return prediction

    def _compare(self, batch: Sequence[Tensor], prediction: Tensor) -> Comparison:
        features, motion, mask, _ = batch
        standardizer, lip = self.net.standardizer, self._channel_names.index(self.lip_channel)
        return Comparison(
            prediction=standardizer.standardised_motion(prediction),
            target=standardizer.standardised_motion(motion),
            mask=mask,
            loudness=((features - standardizer.silence) / standardizer.feature_std).abs().mean(dim=2),
            channel_weights=self.channel_weights,
            lip=lip,
            lip_mean=standardizer.motion_mean[lip],
            lip_std=standardizer.motion_std[lip],
        )

    def _terms(self, comparison: Comparison) -> dict[str, Tensor]:
        return {name: loss(comparison) for name, loss in self.losses.items()}

    def _total(self, terms: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([self._weights[name] * term for name, term in terms.items()]).sum()

    def _forget(self) -> None:
        self._correlation.reset()
        self._term_sums = torch.zeros(len(self.losses) + 1, dtype=torch.float64)

    def _judge(self, batch: Sequence[Tensor]) -> None:
        """Add the clips of a batch to the sums over an epoch, by their frames."""
        _, motion, mask, _ = batch
        prediction = self._predict(batch)
        # Losses that compare frames with each other must not compare those of different clips.
        per_clip = [
            torch.stack([*self._terms(clip).values(), prediction.new_ones(())])
            for clip in self._compare(batch, prediction).clips()
        ]
        self._term_sums += mask.sum(dim=1).cpu().double() @ torch.stack(per_clip).cpu().double()
        self._correlation.update(prediction, motion, mask)

    def _log_scores(self, stage: str) -> None:
        sums = torch.cat([self._term_sums, self._correlation.sums.flatten()])
        if self.trainer.world_size > 1:
            sums = self.trainer.strategy.reduce(sums.to(self.device), reduce_op="sum").cpu()
        *term_sums, frames = sums[: len(self._term_sums)]
        terms = {name: total / frames.clamp(min=1) for name, total in zip(self.losses, term_sums, strict=True)}
        r, std_ratio = self._correlation.means(sums[len(self._term_sums) :].unflatten(0, (3, -1)))
        lip = self._channel_names.index(self.lip_channel)
        # Every process has the same values already; the largest of them says so to Lightning, and rounds nothing.
        how: dict[str, Any] = {"reduce_fx": "max", "sync_dist": True}
        self.log(f"{stage}/loss", self._total(terms).float(), prog_bar=True, **how)
        self.log(f"{stage}/lip_r", r[lip].float(), prog_bar=True, **how)
        self.log(f"{stage}/lip_std_ratio", std_ratio[lip].float(), **how)
        self.log_dict({f"{stage}/{name}": term.float() for name, term in terms.items()}, **how)
        channels = zip(self._channel_names, r, strict=True)
        self.log_dict({f"{stage}/r_{name}": value.float() for name, value in channels}, **how)
