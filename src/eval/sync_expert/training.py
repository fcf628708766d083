"""How the sync expert learns: every window of mouth is told apart from the windows around it and from other clips.

InfoNCE both ways. The hard negatives are the shifted windows of the same clip, so that nothing but timing tells them
apart; other clips of the batch are the easy ones, without which it came out 0.015 less accurate on 38 minutes of real
video. A network without such negatives learns nothing and says so nowhere, so the accuracy on other speakers is
measured after every epoch, the best epoch is kept, and its figures stay with it.
"""

import copy
import math
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.callbacks import Callback, EarlyStopping
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.utils.data import DataLoader

from src.errors import ConfigError, DataError
from src.eval.sync_expert.clips import Pieces, RandomPieces, SyncClip, clip_curve
from src.eval.sync_expert.figures import sync_accuracy
from src.eval.sync_expert.network import SyncNetwork
from src.eval.sync_expert.shift_curve import MAX_SHIFT_FRAMES, ShiftCurve, pooled

_MONITOR = "val/sync_accuracy"
_LEAST_SCALE, _LARGEST_SCALE = 1.0, 50.0
_IMPOSSIBLE = -1e9
_STATISTICS_CLIPS = 2000


class SyncModule(pl.LightningModule):
    """The network in training.

    Attributes:
        best_accuracy: on the validation clips, of all epochs so far.
        best_weights: of that epoch.
        best_curves: of the validation clips in that epoch.
    """

    def __init__(
        self,
        network: SyncNetwork,
        val: Sequence[SyncClip],
        *,
        learning_rate: float,
        weight_decay: float,
        temperature: float,
        near_frames: int,
        noise: float,
        num_steps: int,
    ) -> None:
        """Take the network, the clips to validate with and the settings; see `SyncTraining`."""
        super().__init__()
        self.network, self._val = network, val
        self._learning_rate, self._weight_decay = learning_rate, weight_decay
        self._near_frames, self._noise = near_frames, noise
        self._num_steps = num_steps
        self.log_scale = torch.nn.Parameter(torch.tensor(-math.log(temperature)))
        self.best_accuracy = -1.0
        self.best_weights: dict[str, Tensor] = {}
        self.best_curves: list[ShiftCurve] = []

    def training_step(self, batch: Pieces, batch_index: int) -> Tensor:
        """The loss of a batch."""
        # Labels shake; a network that lives on it finds nothing in motion that doesn't.
        mouth = batch.mouth + self._noise * torch.randn_like(batch.mouth)
        scale = self.log_scale.exp().clamp(_LEAST_SCALE, _LARGEST_SCALE)
        loss = contrastive_loss(
            self.network.embed_mouth(mouth),
            self.network.embed_sound(batch.sound),
            batch.usable,
            scale,
            near_frames=self._near_frames,
        )
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def on_train_epoch_end(self) -> None:
        """Validate, and keep the epoch if it is the best so far."""
        self.network.eval()
        curves = [clip_curve(self.network, clip) for clip in self._val]
        self.network.train()
        accuracy = sync_accuracy(pooled(curves)).value
        assert accuracy is not None, "the same clips had one before training"
        if accuracy > self.best_accuracy:
            self.best_accuracy, self.best_curves = accuracy, curves
            self.best_weights = copy.deepcopy(self.network.state_dict())
        self.log(_MONITOR, accuracy, prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW, the rate up for a tenth of the steps and down for the rest."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=self._learning_rate, weight_decay=self._weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self._learning_rate, total_steps=self._num_steps + 1, pct_start=0.1
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class SyncTraining:
    """Trains the network of a sync expert on the CPU, repeatably."""

    def __init__(
        self,
        *,
        piece_frames: int,
        batch_size: int,
        steps_per_epoch: int,
        max_epochs: int,
        patience: int,
        learning_rate: float,
        weight_decay: float,
        temperature: float,
        near_frames: int,
        noise: float,
    ) -> None:
        """Take the settings.

        Args:
            piece_frames: of the clips in a batch; a shorter clip is taken whole.
            batch_size: pieces in a batch.
            steps_per_epoch: batches between two validations.
            max_epochs: at most so many; the learning rate falls towards them.
            patience: epochs without a better one after which it ends.
            learning_rate: highest.
            weight_decay: of AdamW.
            temperature: of the similarities at the start; it is learned.
            near_frames: shifts up to this are neither right nor wrong.
            noise: standard deviation of what is added to the mouth, whose own is 1.

        Raises:
            ConfigError: a number is outside its range.
        """
        counts = (piece_frames, batch_size, steps_per_epoch, max_epochs, patience)
        if min(counts) < 1 or near_frames < 0 or min(learning_rate, temperature) <= 0 or min(weight_decay, noise) < 0:
            raise ConfigError(
                f"sync expert: {counts} for piece_frames, batch_size, steps_per_epoch, max_epochs and patience, "
                f"near_frames={near_frames}, learning_rate={learning_rate}, temperature={temperature}, "
                f"weight_decay={weight_decay}, noise={noise}; expected 1 or more each, 0 or more, twice above 0, and "
                "twice 0 or more. Correct them."
            )
        self._piece_frames, self._batch_size = piece_frames, batch_size
        self._steps_per_epoch, self._max_epochs, self._patience = steps_per_epoch, max_epochs, patience
        self._losses: dict[str, Any] = {
            "learning_rate": learning_rate, "weight_decay": weight_decay, "temperature": temperature,
            "near_frames": near_frames, "noise": noise,
        }  # fmt: skip

    def fit(
        self,
        network: SyncNetwork,
        train: Sequence[SyncClip],
        val: Sequence[SyncClip],
        *,
        seed: int,
        callbacks: Sequence[Callback],
    ) -> list[ShiftCurve]:
        """Train a network in place; it ends with the weights of its best epoch, ready to be used.

        Args:
            network: made under the same seed, for equal weights of equal runs.
            train, val: clips of different speakers.
            seed: of the pieces, the noise and the dropout. Random numbers outside are left as they were.
            callbacks: such as a progress bar.

        Returns:
            The curves of the validation clips, one each, in that epoch.

        Raises:
            DataError: there is nothing to learn from, or nothing to validate with.
        """
        network.eval()
        untrained = sync_accuracy(pooled([clip_curve(network, clip) for clip in val]))
        if not train or untrained.value is None:
            raise DataError(
                f"sync expert: {len(train)} clips with a moving mouth to train on and {len(val)} to validate with "
                f"({untrained.reason or 'enough'}). Prepare more videos, or longer ones."
            )
        if self._piece_frames <= network.window_frames:
            raise ConfigError(
                f"sync expert: pieces of {self._piece_frames} frames hold one window of {network.window_frames}, and "
                "no other to be told apart. Make piece_frames larger."
            )
        self._set_statistics(network, train)
        pieces = RandomPieces(
            train,
            piece_frames=self._piece_frames,
            window_frames=network.window_frames,
            batch_size=self._batch_size,
            seed=seed,
        )
        network.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = SyncModule(network, val, num_steps=self._steps_per_epoch * self._max_epochs, **self._losses)
            stopping = EarlyStopping(_MONITOR, mode="max", patience=self._patience, check_on_train_epoch_end=True)
            shows = any(isinstance(callback, pl.callbacks.ProgressBar) for callback in callbacks)
            trainer = pl.Trainer(
                accelerator="cpu",
                devices=1,
                max_epochs=self._max_epochs,
                limit_train_batches=self._steps_per_epoch,
                gradient_clip_val=1.0,
                num_sanity_val_steps=0,
                log_every_n_steps=1,
                logger=False,
                enable_checkpointing=False,
                enable_model_summary=False,
                enable_progress_bar=shows,
                callbacks=[stopping, *callbacks],
            )
            trainer.fit(module, DataLoader(pieces, batch_size=None))
        network.load_state_dict(module.best_weights)
        network.eval()
        return module.best_curves

    @staticmethod
    def _set_statistics(network: SyncNetwork, clips: Sequence[SyncClip]) -> None:
        """Mean and deviation of levelled features, over at most some thousand clips evenly taken."""
        chosen = clips[:: -(-len(clips) // _STATISTICS_CLIPS)]
        count = sum(len(clip) for clip in chosen)
        rows = [clip.levelled(0, len(clip)).double() for clip in chosen]
        mean = sum((part.sum(0) for part in rows), torch.zeros(1)) / count
        square = sum(((part - mean).square().sum(0) for part in rows), torch.zeros(1)) / count
        network.feature_mean.copy_(mean)
        network.feature_std.copy_(square.sqrt().clamp(min=1e-3))


def contrastive_loss(mouth: Tensor, sound: Tensor, usable: Tensor, scale: Tensor, *, near_frames: int) -> Tensor:
    """InfoNCE of windows: a mouth has to find its sound, and a sound its mouth.

    Args:
        mouth, sound: (B, N, E) of length 1, of the N windows of B pieces of clips.
        usable: (B, N) windows that take part.
        scale: of the similarities, the inverse of the temperature.
        near_frames: windows of the same piece up to so many frames away are left out, as are those more than
            `MAX_SHIFT_FRAMES` away, which the curve doesn't ask for.

    Returns:
        The mean of both ways; log of the number of candidates where nothing is known.
    """
    piece, place = torch.nonzero(usable, as_tuple=True)
    similarity = scale * mouth[usable] @ sound[usable].T  # (W, W)
    apart = (place[:, None] - place[None]).abs()
    left_out = (piece[:, None] == piece[None]) & (((apart > 0) & (apart <= near_frames)) | (apart > MAX_SHIFT_FRAMES))
    similarity = similarity.masked_fill(left_out, _IMPOSSIBLE)
    own = torch.arange(len(similarity))
    return (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2
