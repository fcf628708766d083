"""A run that was killed and resumed ends, bit for bit, like one that was not."""

import csv
import json
import math
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from scripts import train
from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from tests.script_process import run_script
from tests.tiny_store import write_tiny_store

REPOSITORY = Path(__file__).resolve().parents[2]
STEPS = 5
"""Of an epoch."""

SMALL = [
    "models.net.hidden_size=8",
    "models.net.dilations=[1,2]",
    "data.window_frames=24",
    "data.batch_size=4",
    f"data.windows_per_epoch={4 * STEPS}",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=3",
    "callbacks=quiet",
    "callbacks.weight_average.decay=0.5",
    "callbacks.resume_point.every_n_steps=2",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_tiny_store(folder, {"ann": [70, 45], "bob": [60], "cid": [80]})
    return folder


def config(store: Path, out: Path, *overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return compose("train", overrides=[f"data.store={store}", f"out={out}", *SMALL, *overrides])


@pytest.fixture(scope="module")
def whole(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train.main(config(store, out))
    return out


def results(out: Path) -> dict[str, Any]:
    """Metrics, curves and what is in the checkpoints of a run: weights, averages, optimizer, schedule, patience."""
    metrics = json.loads((out / "metrics.json").read_text())
    for name in ("seconds", "commit", "config_sha256", "checkpoint_sha256"):  # when, and where the folder of the run is
        del metrics[name]
    checkpoints = [torch.load(out / name, weights_only=False) for name in ("best.ckpt", "last.ckpt")]
    for checkpoint in checkpoints:
        del checkpoint["audio2motion"]["origin"]["commit"], checkpoint["audio2motion"]["origin"]["config_sha256"]
        for state in checkpoint["callbacks"].values():
            for name in [name for name in state if name.endswith(("path", "models")) or name == "dirpath"]:
                del state[name]  # where the folder of the run is
    with open(out / "metrics.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["val/loss"]]
    # Means over the training steps of an epoch are of those that the process saw.
    curves = [{name: value for name, value in row.items() if not name.startswith("train/")} for row in rows]
    return {"metrics": metrics, "checkpoints": checkpoints, "curves": curves}


def assert_same(first: Any, second: Any, where: str = "") -> None:
    """Equal to the last bit, through dictionaries and sequences."""
    if isinstance(first, dict):
        assert set(first) == set(second), where
        for name in first:
            assert_same(first[name], second[name], f"{where}.{name}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), where
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_same(one, other, f"{where}[{index}]")
    elif isinstance(first, torch.Tensor):
        assert torch.equal(first, second), where
    else:
        assert first == second, where


class Gone(BaseException):
    """Nothing in Lightning catches it, as nothing catches a kill."""


class Vanish(pl.Callback):
    """Leaves a run at one of its hooks, without another word."""

    def __init__(self, hook: str, when: Callable[[pl.Trainer], bool]) -> None:
        def leave(trainer: pl.Trainer, *_: Any) -> None:
            if when(trainer):
                raise Gone

        setattr(self, hook, leave)


def vanish(
    settings: DictConfig, monkeypatch: pytest.MonkeyPatch, hook: str, when: Callable[[pl.Trainer], bool]
) -> None:
    def build_trainer(settings: DictConfig) -> pl.Trainer:
        trainer = original(settings)
        trainer.callbacks.append(Vanish(hook, when))
        return trainer

    original = train.build_trainer
    with monkeypatch.context() as patch:
        patch.setattr(train, "build_trainer", build_trainer)
        with pytest.raises(Gone):
            train.main(settings)


MOMENTS = {
    **{
        f"before step {step}": ("on_train_batch_start", lambda trainer, step=step: trainer.global_step == step)
        for step in range(3, 3 * STEPS)
    },
    "after the last step of an epoch": ("on_train_batch_end", lambda trainer: trainer.global_step == STEPS),
    "in the validation": ("on_validation_batch_start", lambda trainer: trainer.current_epoch == 1),
    "after the validation": ("on_validation_end", lambda trainer: trainer.current_epoch == 1),
    "when an epoch was kept": ("on_train_epoch_end", lambda trainer: trainer.current_epoch == 1),
    "in the last validation": ("on_validation_batch_start", lambda trainer: trainer.current_epoch == 2),
    "when the last epoch was kept": ("on_train_epoch_end", lambda trainer: trainer.current_epoch == 2),
    "at the end": ("on_train_end", lambda trainer: True),
}


EVERYDAY = ("before step 8", "in the validation")


@pytest.mark.parametrize(
    "moment", [pytest.param(moment, marks=[] if moment in EVERYDAY else pytest.mark.slow) for moment in MOMENTS]
)
def test_a_run_that_ends_at_any_moment_resumes_to_the_same_result(
    moment: str, store: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    vanish(config(store, out), monkeypatch, *MOMENTS[moment])
    assert not (out / "metrics.json").exists()
    train.main(config(store, out, "resume=true"))
    assert_same(results(out), results(whole))


def test_a_run_that_had_stopped_early_stays_stopped(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = ["callbacks.early_stopping.patience=1", "+callbacks.early_stopping.min_delta=9"]
    whole, out = tmp_path / "whole", tmp_path / "run"
    train.main(config(store, whole, *impatient))
    assert results(whole)["metrics"]["epochs"] == 2
    vanish(config(store, out, *impatient), monkeypatch, "on_train_end", lambda trainer: True)
    train.main(config(store, out, *impatient, "resume=true"))
    assert_same(results(out), results(whole))


def command(store: Path, out: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return run_script("train", f"data.store={store}", f"out={out}", *SMALL, *overrides)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kill", "kept"),
    [("killers.KillAtStep +callbacks.kill.step=8", 6), ("killers.KillInValidation +callbacks.kill.epoch=1", 9)],
    ids=["within an epoch", "in a validation"],
)
def test_kill_9_costs_nothing_but_the_steps_since_the_last_checkpoint(
    kill: str, kept: int, store: Path, whole: Path, tmp_path: Path
) -> None:
    out, killer = tmp_path / "run", f"+callbacks.kill._target_=tests.scripts.{kill}".split()
    killed = command(store, out, *killer, "callbacks.resume_point.every_n_steps=3")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert torch.load(out / "last.ckpt", weights_only=False)["global_step"] == kept
    train.main(config(store, out, "resume=true"))
    assert_same(results(out), results(whole))


def test_the_same_seed_gives_the_same_run_to_the_last_bit(store: Path, whole: Path, tmp_path: Path) -> None:
    train.main(config(store, tmp_path / "run"))
    assert_same(results(tmp_path / "run"), results(whole))


def test_half_precision_trains_and_validates(store: Path, tmp_path: Path) -> None:
    train.main(config(store, tmp_path / "run", "trainer.precision=bf16-mixed", "trainer.max_epochs=2"))
    found = results(tmp_path / "run")
    assert all(math.isfinite(value) for name, value in found["metrics"].items() if name.startswith("val/"))
    weights = found["checkpoints"][0]["state_dict"]
    assert all(weight.dtype == torch.float32 and weight.isfinite().all() for weight in weights.values())
