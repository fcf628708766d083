"""A callback that writes down what each process of a distributed run knows."""

import json
from pathlib import Path

import pytorch_lightning as pl


class Witness(pl.Callback):
    """One file per process in `folder`: its metrics after each validation, and how many clips it judged itself."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._seen: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        metrics = {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        clips = sum(score.frames > 0 for score in module.clip_scores)
        self._seen.append({**metrics, "clips": clips})
        self._folder.mkdir(exist_ok=True)
        (self._folder / f"{trainer.global_rank}.json").write_text(json.dumps(self._seen))
