"""What lets a run go on after it was killed, at any moment, as if nothing had happened.

A `ResumePoint` writes all that the rest of the run follows from, every few steps; `AtomicCheckpoints` makes
sure that the file under a name is always a whole one; `PatientStopping` remembers that a run was over.
"""

import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint, EarlyStopping


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside the one it replaces, which stays until the new one is on the disk.

    Lightning's own way writes into the folder for temporary files and moves the result: between two file systems that
    is a copy, and a process that is killed within it leaves neither the old checkpoint nor the new one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Replace `path` in one step. What a kill leaves behind is overwritten by the next checkpoint of that name."""
        whole = Path(path)
        whole.parent.mkdir(parents=True, exist_ok=True)
        unfinished = whole.with_name(f".{whole.name}")
        with open(unfinished, "wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave a name without its content
        os.replace(unfinished, whole)


class ResumePoint(Checkpoint):
    """Keeps the checkpoint that a run is resumed from: every few steps, and at the end of every epoch.

    It belongs behind the other checkpoints of a run, so that it knows what they kept. Not a
    `pytorch_lightning.callbacks.ModelCheckpoint`, which writes at steps or epochs but not at both, and whose
    `save_last` writes only when another checkpoint is written too.
    """

    def __init__(self, *, path: str, every_n_steps: int) -> None:
        """Write to `path` after every `every_n_steps` steps of the optimizer; 0 for the ends of epochs alone."""
        self._path = path
        self._every_n_steps = every_n_steps
        self._step = 0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Begin to count where a resumed run does."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_index: int
    ) -> None:
        """Write within an epoch. The end of one comes after its validation."""
        is_due = self._every_n_steps > 0 and trainer.global_step % self._every_n_steps == 0
        if is_due and not trainer.is_last_batch and trainer.global_step != self._step:
            self._write(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Write when the epoch was validated and its best checkpoint kept."""
        self._write(trainer)

    def _write(self, trainer: pl.Trainer) -> None:
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]
            trainer.save_checkpoint(self._path)
        self._step = trainer.global_step


class PatientStopping(EarlyStopping):
    """Early stopping that a resumed run doesn't forget: one that was over stays over.

    Lightning counts on in such a run, trains another epoch, and may find that one better.
    """

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop at once if the run that is resumed had stopped."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience
