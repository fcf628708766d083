"""Export a checkpoint to ONNX, and compare the files with PyTorch.

python -m scripts.export checkpoint=<best.ckpt> out=<folder>

Writes `<name>.onnx` (a row of features in, motion out), `<name>.pcm.onnx` (sound in, motion out; only where the
features are mel or MFCC), the same for every other variant as `<name>.int8.onnx` and so on, and `parity.json`. Exit
code 2 if a file of full precision differs from PyTorch by more than `tolerance`.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from scripts.best_checkpoint import resolve
from scripts.entry import run
from scripts.speech_like import speech_like
from src.data.audio import load_recording
from src.errors import CheckpointError, ConfigError
from src.eval.provenance import provenance
from src.files import sha256_of, write_json
from src.models.checkpoint import Checkpoint, Contract, load_checkpoint
from src.models.export import FP32, VARIANTS, export_step, export_with_front_end
from src.models.mel_front_end import has_front_end
from src.models.onnx_model import OnnxGraph
from src.models.parity import Parity, measure_parity

logger = logging.getLogger(__name__)

PARITY, SUFFIX, PCM_SUFFIX = "parity.json", ".onnx", ".pcm.onnx"


def main(config: DictConfig) -> None:
    """Write the files and the report."""
    unknown = [variant for variant in config.variants if variant not in VARIANTS]
    if unknown or not config.variants:
        raise ConfigError(f"variants={list(config.variants)}: choose of {', '.join(VARIANTS)}, at least one.")
    torch.set_num_threads(1)
    checkpoint, out = load_checkpoint(resolve(config.checkpoint)), Path(config.out)
    waveform = test_sound(config, checkpoint.contract)
    files: dict[str, dict[str, Any]] = {}
    for path, variant in written(checkpoint, out, config):
        graph = OnnxGraph.load(path)
        files[path.name] = file_record(graph, variant, measure_parity(checkpoint, graph, waveform))
        logger.info(
            "%s: %.2f MB, %.1e from PyTorch over %g s, a step takes %g us",
            path,
            files[path.name]["megabytes"],
            files[path.name]["worst"],
            len(waveform) / checkpoint.contract.sample_rate_hz,
            files[path.name]["step_us"]["p50"],
        )
    write_json(
        out / PARITY,
        {
            "question": "How far is the motion of the exported files from that of PyTorch, over one stream?",
            "tolerance": config.tolerance,
            "reference": "PyTorch, step by step on the features of src.data.features, one thread",
            "sound": "speech_like" if config.audio is None else str(config.audio),
            "files": files,
            "algorithmic_latency_ms": checkpoint.contract.latency_record,
            "checkpoint": {"path": str(config.checkpoint), "sha256": sha256_of(checkpoint.path)},
            "machine": provenance().to_dict(),
            "config": OmegaConf.to_container(config, resolve=True),
        },
    )
    check(files, config.tolerance, out)


def written(checkpoint: Checkpoint, out: Path, config: DictConfig) -> Iterator[tuple[Path, str]]:
    """Export file after file, and give each with its variant."""
    front_end = config.front_end and has_front_end(checkpoint.contract.features)
    if config.front_end and not front_end:
        logger.info(
            "no file that takes sound: %s is an encoder of its own, only mel and MFCC can be part of the graph",
            checkpoint.contract.features["_target_"],
        )
    for variant in config.variants:
        name = config.name if variant == FP32 else f"{config.name}.{variant}"
        export_step(checkpoint, out / f"{name}{SUFFIX}", variant)
        yield out / f"{name}{SUFFIX}", variant
        if front_end:
            export_with_front_end(checkpoint, out / f"{name}{PCM_SUFFIX}", variant)
            yield out / f"{name}{PCM_SUFFIX}", variant


def test_sound(config: DictConfig, contract: Contract) -> NDArray[np.float32]:
    """(S,) samples of the stream that is compared."""
    if config.audio is None:
        return speech_like(config.seconds, contract.sample_rate_hz, config.seed)
    waveform = load_recording(Path(config.audio), contract.sample_rate_hz).waveform
    return waveform[: round(config.seconds * contract.sample_rate_hz)]


def file_record(graph: OnnxGraph, variant: str, parity: Parity) -> dict[str, Any]:
    """What `parity.json` says about a file."""
    front_end = graph.header.front_end
    return {
        "variant": variant,
        "input": {graph.header.input_name: list(graph.header.input_shape)},
        "front_end": None if front_end is None else asdict(front_end),
        "megabytes": round(graph.path.stat().st_size / 1e6, 3),
        "sha256": graph.sha256,
        "worst": parity.worst,
        **asdict(parity),
    }


def check(files: dict[str, dict[str, Any]], tolerance: float, out: Path) -> None:
    """Compare the files of full precision with the tolerance.

    Raises:
        CheckpointError: one of them is too far from PyTorch.
    """
    far = {name: file for name, file in files.items() if file["variant"] == FP32 and not file["worst"] <= tolerance}
    for name, file in far.items():
        channel = max(file["absolute"], key=file["absolute"].get)
        raise CheckpointError(
            f"{out / name}: differs from PyTorch by {file['worst']:.1e} (most in {channel}), more than "
            f"tolerance={tolerance:g}; see {out / PARITY}. Don't use the file. Report it, or give a tolerance that you "
            "can accept."
        )


if __name__ == "__main__":
    run(main, "export")
