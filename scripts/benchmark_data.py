"""Measure data: how fast videos are prepared, and how fast the loader feeds windows, in how much memory.

python -m scripts.benchmark_data out=<record.json> models.face_landmarker=<face_landmarker.task>

The film is made on the spot (`preparation.film=<video>` takes another). For the loader everything is made up: a
manifest of clips that are nowhere, and a bank of random frames, in a temporary folder.
"""

import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader, Dataset

from scripts.entry import run
from scripts.preparation_speed import measure_preparation
from src.data.clip_info import ClipInfo
from src.data.datamodule import MotionDataModule
from src.data.features import FeatureExtractor
from src.data.features.base import hash_of
from src.data.frame_bank import FrameBank, bank_identity
from src.data.store import write_manifest
from src.data.window_loader import WindowLoader
from src.eval.provenance import provenance
from src.files import write_json
from src.motion import MotionSpec, spec_named


def main(config: DictConfig) -> None:
    """Measure, print, write."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        record = {
            "question": "How many times faster than real time are videos prepared, and where does the time go? How "
            "many windows does the loader feed, in how much memory, and how soon does it start?",
            "preparation": measure_preparation(config, Path(folder)),
            "loader": measure_loader(config, Path(folder)),
            "machine": machine(),
            "config": OmegaConf.to_container(config, resolve=True),
        }
    write_json(Path(config.out), record)
    show(record)


def measure_loader(config: DictConfig, folder: Path) -> dict[str, Any]:
    """The record's part about the loader.

    Args:
        config: of the script.
        folder: for made-up stores; nobody cleans it.
    """
    features, spec, settings = instantiate(config.features), spec_named(config.spec.name), config.loader
    small, large = folder / "small", folder / "large"
    write_random_store(small, features, spec, [settings.clip_frames] * settings.clips, config.seed)
    generator = np.random.default_rng(config.seed)
    write_random_store(
        large, features, spec, generator.integers(25, 2 * settings.clip_frames, settings.manifest_clips), None
    )

    def module(store: Path, augment: bool, num_workers: int) -> MotionDataModule:
        return data_module(config, store, features, spec, augment=augment, num_workers=num_workers)

    plain = {
        f"{workers}_workers": epochs(module(small, False, workers), settings.repetitions)
        for workers in settings.workers
    }
    (bank_folder,) = (small / "features").glob("bank-*")
    bank = FrameBank.read(bank_folder)
    return {
        "clock_includes": "an epoch from the request of its first batch to the arrival of its last; for a worker "
        "process, the way of the batches to the main process",
        "plain": plain,
        "augmented": {"0_workers": epochs(module(small, True, 0), settings.repetitions)},
        "one_by_one": {f"{workers}_workers": baseline(bank, settings, workers) for workers in settings.workers},
        "start_s": starts(lambda: module(large, False, 0), settings.repetitions),
    }


def data_module(
    config: DictConfig, store: Path, features: FeatureExtractor, spec: MotionSpec, *, augment: bool, num_workers: int
) -> MotionDataModule:
    """The data module of a run with short windows, with the augmentations of the configuration or without."""
    settings = config.loader
    changes: dict[str, Any] = {} if augment else {"augmentations": {}, "silences": None}
    module: MotionDataModule = instantiate(config.data, _partial_=True, _convert_="all")(
        features=features,
        spec=spec,
        store=str(store),
        context_frames=settings.context_frames,
        lookahead_frames=settings.lookahead_frames,
        window_frames=settings.window_frames,
        batch_size=settings.batch_size,
        windows_per_epoch=settings.windows_per_epoch,
        num_workers=num_workers,
        **changes,
    )
    return module


def epochs(module: MotionDataModule, repetitions: int) -> dict[str, Any]:
    """Windows per second of each epoch after a first one, and the memory of all processes within the last."""
    module.setup()
    loader = module.train_dataloader()
    rates: list[float] = []
    memory: dict[str, dict[str, float]] = {}
    for epoch in range(repetitions + 1):
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        gc.collect()
        started, windows = time.perf_counter(), 0
        for number, batch in enumerate(loader):
            windows += len(batch.mask)
            if number in (1, len(loader) - 1):
                memory["start" if number == 1 else "end"] = memory_mb(loader)
        rates.append(windows / (time.perf_counter() - started))
    return {**rate_record(rates[1:]), "memory_mb": memory}


class OneByOne(Dataset[tuple[torch.Tensor, ...]]):
    """The plain way: a slice for each window, put together by PyTorch; without masks."""

    def __init__(self, bank: FrameBank, starts: Sequence[int], window_frames: int) -> None:
        self._bank, self._starts, self._window_frames = bank, starts, window_frames

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        rows = slice(self._starts[index], self._starts[index] + self._window_frames)
        parts = (self._bank.features[rows], self._bank.motion[rows], self._bank.valid[rows])
        return tuple(torch.from_numpy(part.copy()) for part in parts)


def baseline(bank: FrameBank, settings: DictConfig, num_workers: int) -> dict[str, Any]:
    """As many windows of the same length, one by one."""
    generator, last = np.random.default_rng(0), len(bank.features) - settings.window_frames
    windows = OneByOne(bank, generator.integers(0, last, settings.windows_per_epoch).tolist(), settings.window_frames)
    loader = DataLoader(
        windows, batch_size=settings.batch_size, num_workers=num_workers, persistent_workers=num_workers > 0
    )
    rates = []
    for _ in range(settings.repetitions + 1):
        started = time.perf_counter()
        count = sum(len(valid) for _, _, valid in loader)
        rates.append(count / (time.perf_counter() - started))
    return rate_record(rates[1:])


def starts(make: Callable[[], MotionDataModule], repetitions: int) -> dict[str, float]:
    """Seconds from nothing to the first batch, standardisation included, over a manifest of many clips."""
    if hasattr(os, "sync"):
        os.sync()  # what was just written must not be in the way of what is read
    seconds = []
    for _ in range(repetitions):
        started = time.perf_counter()
        module = make()
        module.setup()
        module.statistics()
        next(iter(module.train_dataloader()))
        seconds.append(time.perf_counter() - started)
    return {"median": round(float(np.median(seconds)), 2), "first": round(seconds[0], 2)}


def write_random_store(
    folder: Path, features: FeatureExtractor, spec: MotionSpec, lengths: Sequence[int] | np.ndarray, seed: int | None
) -> None:
    """A manifest of clips that are nowhere, and a bank of their frames: random, or holes in a file without a seed."""
    folder.mkdir()
    count = len(lengths)
    nothing = {field.name: field.type() for field in fields(ClipInfo)}  # type: ignore[operator]
    rows = []
    for number, length in enumerate(lengths):
        person = number // 20
        facts = {
            "clip_id": f"clip{number:07d}",
            "speaker": f"id{person:05d}",
            "language": "en",
            "split": "val" if person % 10 == 0 else "train",
            "frames": int(length),
            "clip_sha256": f"{number:064x}",
        }
        rows.append(ClipInfo(**{**nothing, **facts}))
    store = write_manifest(folder, rows)
    identity = bank_identity(store, features, spec, {})
    bank = folder / "features" / f"bank-{hash_of(identity)}"
    bank.mkdir(parents=True)
    frames = int(np.sum(lengths))
    np.save(bank / "offsets.npy", np.concatenate([[0], np.cumsum(lengths)]))
    np.save(bank / "valid_frames.npy", np.asarray(lengths))
    np.save(bank / "motion_sums.npy", np.zeros((count, 2, spec.size)))
    np.save(bank / f"sums-{features.config_hash}.npy", np.zeros((count, 2, features.size)))
    sizes = {"features.f32": 4 * features.row_size, "motion.f32": 4 * spec.size, "valid.u8": 1}
    for name, size in sizes.items():
        with open(bank / name, "wb") as file:
            if seed is None:
                file.truncate(frames * size)
            else:
                generator = np.random.default_rng(seed)
                for length in lengths:
                    file.write((generator.random(length * size // 4 + 1, np.float32) - 8).tobytes()[: length * size])
    write_json(bank / "bank.json", {**identity, "frames": frames, "row_size": features.row_size, "channels": spec.size})


def memory_mb(loader: WindowLoader) -> dict[str, float]:
    """Memory of this process and the loader's in MB: their own, and with the pages of mapped files that all share.

    Empty where the system does not tell.
    """
    workers: Iterable[Any] = getattr(loader._iterator, "_workers", ())
    kinds = {"private": ("RssAnon", "RssShmem"), "with_mapped_files": ("VmRSS",)}
    totals: dict[str, float] = {}
    for pid in [os.getpid(), *(worker.pid for worker in workers)]:
        status = Path(f"/proc/{pid}/status")
        if status.is_file():
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            for kind, keys in kinds.items():
                kilobytes = sum(int(lines[key].split()[0]) for key in keys if key in lines)
                totals[kind] = round(totals.get(kind, 0.0) + kilobytes / 1024, 1)
    return totals


def rate_record(rates: Sequence[float]) -> dict[str, Any]:
    """Windows per second over the repetitions."""
    return {
        "windows_per_s": {
            "median": round(float(np.median(rates))),
            "min": round(min(rates)),
            "max": round(max(rates)),
        }
    }


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        **provenance().to_dict(),
        # Other work on the machine makes every figure of the clock worse.
        "load_average_1_min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "torch_threads": torch.get_num_threads(),
    }


def show(record: dict[str, Any]) -> None:
    """Print the figures."""
    console, loader, preparation = Console(), record["loader"], record["preparation"]
    film = preparation["film"]
    title = f"Preparation of {film['seconds']:g} s at {film['width']}x{film['height']}"
    pace = Table("labels", "x real time", "range", "x plain loop", "ms per second of film", title=title)
    for name, factor in preparation["realtime_factor"].items():
        times = preparation["times_as_fast_as_plain_loop"].get(name, 1.0)
        parts = preparation["ms_per_second_of_film"].get(name, {})
        stages = ", ".join(f"{stage} {ms:.1f}" for stage, ms in sorted(parts.items(), key=lambda part: -part[1]))
        pace.add_row(
            name, f"{factor['median']:.1f}", f"{factor['min']:.1f} - {factor['max']:.1f}", f"{times:.2f}", stages
        )
    console.print(pace)
    speed = Table("loader", "workers", "windows/s", "range", "own MB at start", "at end", title="Windows")
    for name in ("plain", "augmented", "one_by_one"):
        for workers, row in loader[name].items():
            rate, memory = row["windows_per_s"], row.get("memory_mb", {})
            own = [str(memory.get(when, {}).get("private", "-")) for when in ("start", "end")]
            speed.add_row(name, workers.split("_")[0], str(rate["median"]), f"{rate['min']} - {rate['max']}", *own)
    console.print(speed)
    clips, start_s = record["config"]["loader"]["manifest_clips"], loader["start_s"]
    console.print(f"start with {clips} clips: {start_s['median']} s, the first time {start_s['first']} s")


if __name__ == "__main__":
    run(main, "benchmark_data")
