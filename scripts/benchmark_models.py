"""Measure models: a block of sound in, motion out, on one core; memory over an hour; seconds per epoch of training.

python -m scripts.benchmark_models out=<record.json>

The networks have the sizes of `conf/models` and seeded weights: speed does not depend on what they learned. The clock
of a block includes everything from 640 samples to the motion frame; features by NumPy and the network by ONNX Runtime,
or both in one graph.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from scripts.benchmark_data import write_random_store
from scripts.entry import run
from scripts.model_speed import measure_live
from scripts.train import build, quiet_lightning
from src.eval.provenance import provenance
from src.files import write_json
from src.models.checkpoint import SECTION, Contract, describe
from src.motion import FRAMES_PER_SECOND, spec_named

BUDGET_MS = 1000 / FRAMES_PER_SECOND


def main(config: DictConfig) -> None:
    """Measure, print, write."""
    quiet_lightning()
    networks = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        lengths = [config.epoch.clip_frames] * config.epoch.clips
        write_random_store(store, instantiate(config.features), spec_named(config.spec.name), lengths, config.seed)
        for name in config.networks:
            torch.set_num_threads(1)
            path = write_untrained(config, name, Path(folder))
            networks[name] = {
                **measure_live(path, config.live, config.seed),
                "epoch": {
                    f"{threads}_threads": epoch(config, name, store, threads) for threads in config.epoch.threads
                },
            }
    record = {
        "question": "How long does a model take from 640 new samples to their motion frame, on one core with ONNX "
        "Runtime? Does its memory grow over an hour? How long is an epoch of training over an hour of features?",
        "clock_includes": "block: features, network and, for the road by NumPy, clipping; step: a row of features to "
        "motion; wall: as time passes, cpu: while this thread had the processor. Epoch: windows, augmentation, "
        "forward, losses, backward, optimizer; no validation, no checkpoints",
        "budget_ms": BUDGET_MS,
        "networks": networks,
        "machine": {
            **provenance().to_dict(),
            # Other work on the machine makes every figure of the clock worse.
            "load_average_1_min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            "onnxruntime_threads": 1,
        },
        "config": OmegaConf.to_container(config, resolve=True),
    }
    write_json(Path(config.out), record)
    show(record)


def write_untrained(config: DictConfig, name: str, folder: Path) -> Path:
    """A checkpoint of a network of seeded weights, whose features look standardised to it."""
    torch.manual_seed(config.seed)
    features, spec = instantiate(config.features), spec_named(config.spec.name)
    net = instantiate(
        config.networks[name].net,
        in_features=features.row_size,
        feature_layers=features.num_layers,
        out_channels=spec.size,
    )
    silence = torch.from_numpy(features.silence_frame)
    net.standardizer.set_statistics(
        feature_mean=silence + 4.0,
        feature_std=torch.full_like(silence, 3.0),
        silence=silence,
        motion_mean=torch.from_numpy(spec.neutral),
        motion_std=torch.from_numpy((spec.maximum - spec.minimum) / 6),
    )
    contract = Contract.of(spec=spec, features=features, net=net, speakers=())
    weights = {f"net.{key}": tensor for key, tensor in net.state_dict().items()}
    path = folder / f"{name}.ckpt"
    torch.save({"state_dict": weights, "epoch": 0, SECTION: describe(net, contract)}, path)
    return path


def epoch(config: DictConfig, name: str, store: Path, threads: int) -> dict[str, Any]:
    """Seconds of epochs over the made-up store."""
    torch.set_num_threads(threads)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    content: Any = OmegaConf.to_container(config)
    run_config = OmegaConf.create({**content, "models": content["networks"][name]})
    run_config.data.store, run_config.data.windows_per_epoch = str(store), config.epoch.windows
    data, module, _ = build(run_config)
    clock = EpochClock()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1 + config.epoch.repetitions,
        limit_val_batches=0,
        gradient_clip_val=1.0,
        logger=False,
        callbacks=[clock],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, data)
    seconds = clock.seconds[1:]
    return {
        "seconds": {
            "median": round(float(np.median(seconds)), 2),
            "min": round(min(seconds), 2),
            "max": round(max(seconds), 2),
        },
        "steps": trainer.num_training_batches,
        "hours_of_features": round(int(data.split.train.lengths.sum()) / FRAMES_PER_SECOND / 3600, 3),
    }


class EpochClock(pl.Callback):
    """Seconds of every epoch of training."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._started = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop it."""
        self.seconds.append(time.perf_counter() - self._started)


def show(record: dict[str, Any]) -> None:
    """Print the figures."""
    console = Console()
    speed = Table("network", "what", "clock", "p50 us", "p95 us", "p99 us", "max us", title="One motion frame")
    size = Table("network", "parameters", "step MB", "pcm MB", "latency ms", "RSS MB, start", "after", title="Size")
    training = Table("network", "threads", "seconds per epoch", "steps", "hours of features", title="Training")
    for name, row in record["networks"].items():
        for what, figures in {**row["block_us"], **{f"step, {key}": us for key, us in row["step_us"].items()}}.items():
            for clock, values in figures.items():
                speed.add_row(name, what, clock, *(f"{value:g}" for value in values.values()))
        size.add_row(
            name,
            f"{row['parameters']:,}",
            *(f"{value:g}" for value in row["file_mb"].values()),
            f"{row['algorithmic_latency_ms']['total']:g}",
            f"{row['hour']['rss_mb_at_start']}",
            f"{row['hour']['rss_mb'][-1]}",
        )
        for threads, figures in row["epoch"].items():
            training.add_row(
                name,
                threads.split("_")[0],
                f"{figures['seconds']['median']:g}",
                str(figures["steps"]),
                f"{figures['hours_of_features']:g}",
            )
    for table in (speed, size, training):
        console.print(table)


if __name__ == "__main__":
    run(main, "benchmark_models")
