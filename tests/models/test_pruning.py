import json
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from src.errors import ConfigError
from src.models.resuming import ResumePoint

optuna = pytest.importorskip("optuna", reason="Optuna is not installed: pip install -e '.[sweep]'")
from src.models.pruning import PruneTrial, read_study  # noqa: E402

EARLIER = [("done", [0.2, 0.4, 0.6, 0.8]), ("done", [0.3, 0.5, 0.6, 0.7]), ("failed", []), ("pruned", [0.1, 0.1])]
"""Medians of those that are done, by epoch: 0.25, 0.45, 0.6, 0.75."""


class Scripted(pl.LightningModule):
    """Logs a curve that was written before."""

    def __init__(self, curve: list[float]) -> None:
        super().__init__()
        self.curve = curve
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        return (self.weight * batch).sum()

    def validation_step(self, batch: Tensor, index: int) -> None:
        self.log("val/lip_r", self.curve[self.current_epoch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def history(folder: Path, mode: str = "max") -> Path:
    trials = [{"state": s, "value": c[-1] if s == "done" else None, "curve": c} for s, c in EARLIER]
    sign = 1 if mode == "max" else -1
    for trial in trials:
        trial["curve"] = [sign * value for value in trial["curve"]]
        trial["value"] = None if trial["value"] is None else sign * trial["value"]
    path = folder / "history.json"
    path.write_text(json.dumps({"mode": mode, "trials": trials}))
    return path


def train(folder: Path, curve: list[float], *more: pl.Callback, mode: str = "max", **changed: Any) -> pl.Trainer:
    pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1)
    said = {"history": str(history(folder, mode)), "record": str(folder / "pruned.json"), "monitor": "val/lip_r"}
    trainer = pl.Trainer(
        max_epochs=4, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[PruneTrial(pruner=pruner, **{**said, **changed}), *more], enable_checkpointing=bool(more),
        num_sanity_val_steps=0,
    )  # fmt: skip
    batches = DataLoader(torch.ones(2, 1))
    last = folder / "last.ckpt"
    trainer.fit(Scripted(curve), batches, batches, ckpt_path=last if last.is_file() else None, weights_only=False)
    return trainer


@pytest.mark.parametrize(
    ("curve", "mode", "epochs"),
    [
        ([0.1, 0.5, 0.7, 0.9], "max", 4),  # below the median in the warm-up alone
        ([0.3, 0.35, 0.9, 0.9], "max", 2),
        ([0.3, 0.47, 0.5, 0.9], "max", 3),
        ([0.3, 0.5, 0.7, 0.1], "max", 4),  # the last epoch is never pruned, and the best so far counts
        ([-0.3, -0.35, -0.9, -0.9], "min", 2),
    ],
)
def test_a_run_below_the_median_of_the_earlier_ones_stops(
    curve: list[float], mode: str, epochs: int, tmp_path: Path
) -> None:
    assert train(tmp_path, curve, mode=mode).current_epoch == epochs
    record = tmp_path / "pruned.json"
    assert record.is_file() == (epochs < 4)
    assert epochs == 4 or json.loads(record.read_text()) == {"epochs": epochs}


def test_a_run_that_was_stopped_stays_stopped(tmp_path: Path) -> None:
    resume_point = ResumePoint(path=str(tmp_path / "last.ckpt"), every_n_steps=0)
    assert train(tmp_path, [0.3, 0.35, 0.9, 0.9], resume_point).current_epoch == 2
    assert train(tmp_path, [0.3, 0.35, 0.9, 0.9], resume_point).current_epoch == 2


def test_a_resumed_run_is_judged_by_its_whole_curve(tmp_path: Path) -> None:
    class Gone(BaseException): ...

    class Vanish(pl.Callback):
        def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            if trainer.current_epoch == 2:
                raise Gone

    resume_point = ResumePoint(path=str(tmp_path / "last.ckpt"), every_n_steps=0)
    # The pruner looks at the best epoch so far: without the second one the third would be stopped after.
    with pytest.raises(Gone):
        train(tmp_path, [0.3, 0.7, 0.1, 0.9], resume_point, Vanish())
    assert train(tmp_path, [0.3, 0.7, 0.1, 0.9], resume_point).current_epoch == 4
    assert not (tmp_path / "pruned.json").exists()


def test_the_study_has_the_earlier_runs_in_their_order(tmp_path: Path) -> None:
    study = read_study(history(tmp_path), optuna.pruners.NopPruner())
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "FAIL", "PRUNED"]
    assert study.trials[1].intermediate_values == {0: 0.3, 1: 0.5, 2: 0.6, 3: 0.7}
    assert study.best_value == 0.8


def test_a_metric_that_is_not_logged_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no metric 'val/beauty' was logged. There are val/lip_r"):
        train(tmp_path, [0.1] * 4, monitor="val/beauty")
