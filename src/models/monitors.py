"""What is watched while a network trains, besides its losses: gradients and speed.

Lightning's own `ThroughputMonitor` waits for the GPU at every step, takes one batch size for granted and knows no
motion; here an epoch is measured once, from its first batch to its last, without validation.
"""

import time
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from src.motion import FRAMES_PER_SECOND


class GradientNorm(pl.Callback):
    """Logs `train/gradient_norm`, the 2-norm of all gradients of a step together, before they are clipped.

    As often as the trainer logs steps (`trainer.log_every_n_steps`). In mixed precision it is that of the unscaled
    gradients.
    """

    def on_before_optimizer_step(self, trainer: pl.Trainer, module: pl.LightningModule, optimizer: Optimizer) -> None:
        """Gradients are complete, and summed over processes; clipping comes next."""
        gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
        module.log("train/gradient_norm", get_total_norm(gradients), on_step=True, on_epoch=False)


class Throughput(pl.Callback):
    """Logs how fast windows are trained on, once an epoch and over all processes.

    * `train/windows_per_s`;
    * `train/frames_per_s`: motion frames per second of wall clock, those included that only give context;
    * `train/audio_hours_per_hour`: the same as hours of sound in an hour.

    The clock includes loading and augmentation; it stands still during validation and while a checkpoint is written
    after it.
    """

    def __init__(self) -> None:
        self._windows = self._frames = 0
        self._seconds = 0.0
        self._since_s: float | None = None

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """A run that resumes within an epoch starts here; Lightning calls no `on_train_epoch_start` for it."""
        self._restart()

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start the clock."""
        self._restart()

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Sequence[Tensor], batch_index: int
    ) -> None:
        """Let the clock run on after a validation within the epoch."""
        if self._since_s is None:
            self._since_s = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Sequence[Tensor], batch_index: int
    ) -> None:
        """Count (B, T, F) features."""
        windows, frames = batch[0].shape[:2]
        self._windows += windows
        self._frames += windows * frames

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop the clock."""
        self._stop(module)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Log the sums over all processes."""
        self._stop(module)
        seconds = max(self._seconds, 1e-9)
        rates = {
            "train/windows_per_s": self._windows / seconds,
            "train/frames_per_s": self._frames / seconds,
            "train/audio_hours_per_hour": self._frames / FRAMES_PER_SECOND / seconds,
        }
        module.log_dict(rates, sync_dist=True, reduce_fx="sum")

    def _restart(self) -> None:
        self._windows = self._frames = 0
        self._seconds, self._since_s = 0.0, time.perf_counter()

    def _stop(self, module: pl.LightningModule) -> None:
        """Stop the clock if it runs, once the last step has really been done."""
        if self._since_s is None:
            return
        if module.device.type == "cuda":
            torch.cuda.synchronize(module.device)
        self._seconds += time.perf_counter() - self._since_s
        self._since_s = None
