"""Gradient norms and throughput of a small training."""

from collections.abc import Iterator, Sequence

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from src.models import monitors
from src.models.monitors import GradientNorm, Throughput

WINDOWS, FRAMES = 4, 10
STEP_S, PAUSE_S = 0.5, 1000.0


class Sum(pl.LightningModule):
    """Its loss is linear, so its gradient is known: 3 and 4 times the batch's mean."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))
        self.seen: list[float] = []

    def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
        return (3 * self.first + 4 * self.second) * batch[0].mean()

    def validation_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Journal(Logger):
    """Keeps what is logged."""

    name, version = "journal", 0

    def __init__(self) -> None:
        super().__init__()
        self.curves: dict[str, list[float]] = {}

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        for name, value in metrics.items():
            self.curves.setdefault(name, []).append(value)

    def log_hyperparams(self, *args: object, **kwargs: object) -> None:
        pass


class Clock(pl.Callback):
    """Time goes on in training steps and, much more, in validation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(monitors.time, "perf_counter", lambda: self.now)

    def on_train_batch_start(self, *args: object) -> None:
        self.now += STEP_S

    def on_validation_batch_end(self, *args: object) -> None:
        self.now += PAUSE_S


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    batches = DataLoader([(torch.full((WINDOWS, FRAMES, 1), float(n)),) for n in (1, 2, 3)], batch_size=None)
    journal = Journal()
    trainer = pl.Trainer(
        default_root_dir=tmp_path_factory.mktemp("run"),
        accelerator="cpu",
        max_epochs=2,
        log_every_n_steps=1,
        gradient_clip_val=1.0,
        num_sanity_val_steps=0,
        val_check_interval=2,  # within the epoch
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=journal,
        callbacks=[GradientNorm(), Throughput(), Clock(monkeypatch)],
    )
    trainer.fit(Sum(), batches, batches)
    return journal


def test_the_gradient_norm_is_that_of_all_parameters_before_clipping(journal: Journal) -> None:
    assert journal.curves["train/gradient_norm"] == pytest.approx([5.0, 10.0, 15.0] * 2)


def test_throughput_counts_windows_and_frames_and_no_validation(journal: Journal) -> None:
    windows_per_s = 3 * WINDOWS / (3 * STEP_S)
    assert journal.curves["train/windows_per_s"] == pytest.approx([windows_per_s] * 2)
    assert journal.curves["train/frames_per_s"] == pytest.approx([windows_per_s * FRAMES] * 2)
    assert journal.curves["train/audio_hours_per_hour"] == pytest.approx([windows_per_s * FRAMES / 25] * 2)
