"""Measure LivePortrait's two large networks: plain against folded, and what each exact rewrite is worth.

python -m scripts.benchmark_liveportrait out=<record.json>
python -m scripts.benchmark_liveportrait out=<record.json> device=cuda dtype=float16 batches=[1,4,8]

W and G are measured from their inputs to their outputs, each in variants: plain as the official program computes them,
with one more rewrite each, and folded as they are used. All variants take turns, so that other work on the machine hits
all of them alike. Figures are medians; what a rewrite is worth is told by the time of the processor on a CPU, by the
clock on a GPU, and operations are counted. Nothing is compared before all variants have given the same in float32.
"""

import gc
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from scripts.entry import run
from scripts.liveportrait_rewrites import (
    GENERATOR_REWRITES,
    WARPING_REWRITES,
    SteppedGenerator,
    SteppedWarping,
)
from scripts.render_speed import load_average
from src.errors import RenderError
from src.eval.provenance import provenance
from src.files import write_json
from src.parity_run import fill_with_seed
from src.render.liveportrait.engine import TF32, checked_device, checked_dtype
from src.render.liveportrait.folded_generator import FoldedGenerator
from src.render.liveportrait.folded_warping import FoldedWarping
from src.render.liveportrait.parity_networks import warping_inputs
from src.render.liveportrait.parity_seeds import WEIGHTS
from src.render.liveportrait.weights import load_weights

logger = logging.getLogger(__name__)

PLAIN, FOLDED = "plain", "folded"
WARPING, GENERATOR = "warping_module", "spade_generator"

Variants = Mapping[str, Callable[[], Tensor]]
"""What computes the output of a network, by name; the first is plain, the last folded."""


def main(config: DictConfig) -> None:
    """Check, measure, write the record and show it."""
    record = measured(config)
    write_json(Path(config.out), record)
    show(record)


@torch.inference_mode()
def measured(config: DictConfig) -> dict[str, Any]:
    """The record.

    Raises:
        RenderError: variants differ in what they give.
        ConfigError: no such device or dtype.
        CheckpointError: the weights can't be loaded.
    """
    device, dtype = checked_device(config.device), checked_dtype(config.dtype)
    torch.set_num_threads(config.num_threads)
    networks = built(config, device)
    batches = {str(size): of_batch(networks, size, device, dtype, config) for size in config.batches}
    return {
        "question": "How long do W and G take for a frame, plain and folded, and what is each rewrite worth?",
        "clock_includes": "keypoints to features (W), features to picture (G), on the device; no pasting, no transfer",
        "weights": "seeded" if config.weights is None else "official",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else provenance().cpu,
        "dtype": config.dtype,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "warm_up": config.warm_up,
        "repetitions": config.repetitions,
        "batches": batches,
        "load_average_1_min": load_average(),
        "machine": provenance().to_dict(),
        "config": OmegaConf.to_container(config, resolve=True),
    }


def built(config: DictConfig, device: torch.device) -> dict[str, nn.Module]:
    """W and G."""
    networks: dict[str, nn.Module] = {
        name: instantiate(config.networks[name], _convert_="all") for name in (WARPING, GENERATOR)
    }
    if config.weights is None:
        for name, network in networks.items():
            fill_with_seed(network, name, config.seed, exceptions=WEIGHTS)
    else:
        load_weights(networks, Path(config.weights))
    return {name: network.eval().requires_grad_(False).to(device) for name, network in networks.items()}


def of_batch(
    networks: Mapping[str, nn.Module], size: int, device: torch.device, dtype: torch.dtype, config: DictConfig
) -> dict[str, Any]:
    """Figures of pictures that are drawn together."""
    volume, driving, source = (
        tensor.expand(size, *tensor.shape[1:]).contiguous().to(device) for tensor in inputs(config)
    )
    features = networks[WARPING](volume, driving, source).features
    figures: dict[str, Any] = {}
    for name, make in (
        (WARPING, lambda: warping_variants(networks[WARPING], volume, driving, source, config.steps)),
        (GENERATOR, lambda: generator_variants(networks[GENERATOR], features, config.steps)),
    ):
        variants = make()
        differences = compared(name, variants, config.tolerance)
        operations = {variant: counted(compute) / size for variant, compute in variants.items()}
        precision = torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=config.dtype == TF32)
        with precision, torch.autocast(device.type, dtype, enabled=dtype is not torch.float32):
            times = timed(f"{name}, batch {size}", variants, device, config.warm_up, config.repetitions)
        figures[name] = summary(times, differences, operations, size, device)
        del variants
        gc.collect()
    both = {
        which: sum(figures[name]["variants"][which]["ms_per_frame"] for name in (WARPING, GENERATOR))
        for which in (PLAIN, FOLDED)
    }
    ratio = both[FOLDED] / both[PLAIN]
    return {**figures, "both": {**{f"{which}_ms_per_frame": round(ms, 2) for which, ms in both.items()},
                                "folded_over_plain": round(ratio, 3)}}  # fmt: skip


def inputs(config: DictConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Seeded volume, driving and source keypoints of the sizes of the networks."""
    network = config.networks[WARPING]
    volume, driving, source = warping_inputs("", config.seed)
    keypoints = network.dense_motion_network.num_keypoints
    return volume[:, : network.volume_channels, : network.volume_depth], driving[:, :keypoints], source[:, :keypoints]


def warping_variants(warping: Any, volume: Tensor, driving: Tensor, source: Tensor, steps: bool) -> Variants:
    """W plain, step by step if asked for, and folded."""
    variants: dict[str, Callable[[], Tensor]] = {PLAIN: lambda: warping(volume, driving, source).features}
    for names in growing(WARPING_REWRITES) if steps else ():
        stepped = SteppedWarping(warping, names, volume, source)
        variants[names[-1]] = lambda stepped=stepped: stepped(driving)[0]  # type: ignore[misc]
    folded = FoldedWarping(warping).to(volume.device)
    prepared = folded.prepare(volume, source)
    return {**variants, FOLDED: lambda: folded(prepared, driving).features}


def generator_variants(generator: Any, features: Tensor, steps: bool) -> Variants:
    """G plain, step by step if asked for, and folded."""
    variants: dict[str, Callable[[], Tensor]] = {PLAIN: lambda: generator(features)}
    for names in growing(GENERATOR_REWRITES) if steps else ():
        stepped = SteppedGenerator.of(generator, names)
        variants[names[-1]] = lambda stepped=stepped: stepped(features)  # type: ignore[misc]
    folded = FoldedGenerator(generator).to(features.device)
    return {**variants, FOLDED: lambda: folded(features)}


def growing(names: Sequence[str]) -> list[Sequence[str]]:
    """The first, the first two, and so on."""
    return [names[: i + 1] for i in range(len(names))]


def compared(network: str, variants: Variants, tolerance: float) -> dict[str, float]:
    """Largest difference of each variant from the plain one, over the largest value.

    Raises:
        RenderError: one is above `tolerance`.
    """
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # products of matrices use none by themselves
        expected = variants[PLAIN]()
        differences = {
            name: float((compute() - expected).abs().max() / expected.abs().max()) for name, compute in variants.items()
        }
    for name, difference in differences.items():
        if not difference <= tolerance:
            raise RenderError(
                f"{network}: {name!r} differs from the plain network by {difference:.1e} of the largest value, allowed "
                f"are {tolerance:.0e}. Their times are not compared: what is faster computes something else."
            )
    return differences


def timed(
    what: str, variants: Variants, device: torch.device, warm_up: int, repetitions: int
) -> dict[str, list[tuple[float, float, float]]]:
    """Seconds by the clock, seconds of the processor, and megabytes of GPU memory of each call, all in turns."""
    times: dict[str, list[tuple[float, float, float]]] = {name: [] for name in variants}
    rounds = range(-warm_up, repetitions)
    for count in track(rounds, description=what, console=Console(stderr=True), transient=True):
        for name, compute in variants.items():
            if device.type == "cuda":
                torch.cuda.synchronize(device)
                torch.cuda.reset_peak_memory_stats(device)
            wall, cpu = time.perf_counter(), time.process_time()
            compute()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            spent = time.perf_counter() - wall, time.process_time() - cpu
            if count >= 0:
                megabytes = torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else 0.0
                times[name].append((*spent, megabytes))
    return times


def counted(call: Callable[[], Tensor]) -> float:
    """Thousand millions of floating-point operations, those of convolutions and products of matrices."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / 1e9


def summary(
    times: Mapping[str, Sequence[tuple[float, float, float]]],
    differences: Mapping[str, float],
    operations: Mapping[str, float],
    size: int,
    device: torch.device,
) -> dict[str, Any]:
    """Medians per frame, and of what all rewrites save the share of each."""
    medians = {name: np.median(np.array(rows), axis=0) for name, rows in times.items()}
    decides = 0 if device.type == "cuda" else 1  # the clock of a GPU's work; on a CPU other work is left out
    values = {name: float(median[decides]) for name, median in medians.items()}
    saved = values[PLAIN] - values[FOLDED]
    variants: dict[str, Any] = {}
    before = values[PLAIN]
    for name, (wall, cpu, megabytes) in medians.items():
        variants[name] = {
            "ms_per_frame": round(float(wall) * 1000 / size, 2),
            "cpu_ms_per_frame": round(float(cpu) * 1000 / size, 2),
            "gflop_per_frame": round(operations[name], 3),
            "over_plain": round(values[name] / values[PLAIN], 3),
            "share_of_saving": None if name == PLAIN or saved <= 0 else round((before - values[name]) / saved, 3),
            "difference": float(f"{differences[name]:.1e}"),
            **({"memory_mb": round(float(megabytes))} if device.type == "cuda" else {}),
        }
        before = values[name]
    return {"decided_by": "wall clock" if decides == 0 else "processor time", "variants": variants}


def show(record: Mapping[str, Any]) -> None:
    """Print the figures."""
    console = Console()
    console.print(
        f"{record['device']}, {record['dtype']}, torch {record['torch']}, {record['threads']} threads; warm-up "
        f"{record['warm_up']}, medians of {record['repetitions']}; load {record['load_average_1_min']}"
    )
    for size, figures in record["batches"].items():
        for network in (WARPING, GENERATOR):
            rows = figures[network]["variants"]
            largest = max(row["difference"] for row in rows.values())
            table = Table(title=f"{network}, batch {size}: all rewrites so far; differences up to {largest:.0e}")
            table.title_justify, table.padding = "left", (0, 0)
            table.add_column("variant", no_wrap=True)
            for column in ("ms", "CPU ms", "GFLOP", "of plain", "share", "MB"):
                table.add_column(column, justify="right")
            for name, row in rows.items():
                share = row["share_of_saving"]
                table.add_row(
                    name,
                    f"{row['ms_per_frame']:.2f}",
                    f"{row['cpu_ms_per_frame']:.2f}",
                    f"{row['gflop_per_frame']:.1f}",
                    f"{row['over_plain']:.3f}",
                    "" if share is None else f"{share:.0%}",
                    str(row.get("memory_mb", "")),
                )
            console.print(table)
        both = figures["both"]
        console.print(
            f"W + G, batch {size}: {both['plain_ms_per_frame']} ms plain, {both['folded_ms_per_frame']} ms folded, "
            f"ratio {both['folded_over_plain']} by the clock"
        )


if __name__ == "__main__":
    run(main, "benchmark_liveportrait")
