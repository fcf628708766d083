"""LivePortrait's networks into ONNX: standard operators only, each file compared with PyTorch before it is kept.

Volumes are sampled slice by slice (`src.render.liveportrait.slices`): engines for ONNX know sampling in 2-D only.

Needs the packages onnx and onnxscript (`pip install "audio2motion[export]"`); running exported files needs neither.
"""

import importlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from src.errors import CheckpointError, ConfigError
from src.files import replacing_folder, sha256_of, write_json
from src.render.liveportrait.folded_generator import FoldedGenerator
from src.render.liveportrait.folded_warping import FoldedWarping, WarpedSource
from src.render.liveportrait.frame import FrameNetwork
from src.render.liveportrait.keypoints import RawMotion, motion_of
from src.render.liveportrait.onnx_files import GRAPHS, MANIFEST, RGB, GraphRecord, Manifest
from src.render.liveportrait.slices import sample_slices

logger = logging.getLogger(__name__)

FIRST_OPSET, LAST_OPSET = 18, 20
"""Below 18 PyTorch's exporter would have to rewrite; above 20 ONNX Runtime 1.20 and TensorRT 10 need not follow."""

_SIDE = 256
_STRAY = 0.05
"""How far keypoints of the test go from the source's, in the cube."""


class _SourceGraph(nn.Module):
    """What W makes of a source beforehand, without what it was given."""

    def __init__(self, warping: FoldedWarping) -> None:
        super().__init__()
        self.warping = warping

    def forward(self, volume: Tensor, keypoints: Tensor) -> tuple[Tensor, ...]:
        source = self.warping.prepare(volume, keypoints)
        return source.compressed, source.unmoved, source.heat


class _Task(NamedTuple):
    """A graph: what is exported, example inputs, and what it must give for them."""

    network: nn.Module
    inputs: tuple[Tensor, ...]
    expected: tuple[Tensor, ...]


def export_networks(
    networks: Mapping[str, nn.Module],
    folder: Path,
    *,
    weights: dict[str, dict[str, str]] | None,
    opset: int,
    batch: int,
    tolerance: float,
    seed: int,
) -> Manifest:
    """Write the folder; all of it or nothing.

    Args:
        networks: the seven of `conf/render/networks/liveportrait.yaml`, in `eval()` mode, on the CPU, float32.
        folder: new, empty, or one of ours, which is replaced.
        weights: for the manifest.
        opset: of ONNX.
        batch: pictures that are drawn at once.
        tolerance: largest difference from PyTorch.
        seed: of the pictures and keypoints that are compared.

    Raises:
        ConfigError: no such opset or batch, the folder holds something else, or packages for exporting are missing.
        CheckpointError: a file differs from PyTorch by more.
    """
    onnx = _checked(folder, opset, batch)
    records = {}
    with replacing_folder(folder) as unfinished:
        for name, task in _tasks(networks, batch, seed):
            path = unfinished / f"{name}.onnx"
            operators = _write(onnx, name, task, path, opset)
            records[name] = _compared(name, task, path, operators, tolerance)
            logger.info(
                "%s: %.1f MB, %.1e from PyTorch", path.name, path.stat().st_size / 1e6, records[name].max_difference
            )
        made_with = {package: metadata.version(package) for package in ("torch", "onnx", "onnxscript", "onnxruntime")}
        manifest = Manifest(opset, batch, weights, records, made_with)
        write_json(unfinished / MANIFEST, manifest.to_json())
    return manifest


def _checked(folder: Path, opset: int, batch: int) -> Any:
    """The package onnx, if all that `export_networks` was given is right."""
    if not FIRST_OPSET <= opset <= LAST_OPSET:
        raise ConfigError(f"opset={opset}: expected {FIRST_OPSET} .. {LAST_OPSET}")
    if batch < 1:
        raise ConfigError(f"batch={batch}: expected the number of pictures that are drawn at once, 1 or more")
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or (folder / MANIFEST).is_file())):
        raise ConfigError(f"out={folder}: holds something else, and would be replaced. Give a new folder.")
    try:
        importlib.import_module("onnxscript")
        return importlib.import_module("onnx")
    except ImportError as error:
        raise ConfigError(
            f"exporting needs the package {error.name}, which is not installed. "
            'Install it with `pip install "audio2motion[export]"`.'
        ) from error


@torch.no_grad()
def _tasks(networks: Mapping[str, nn.Module], batch: int, seed: int) -> Iterator[tuple[str, _Task]]:
    """One graph after the other; the reference is computed by the plain networks."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 3, _SIDE, _SIDE, generator=generator)
    appearance, motion = networks["appearance_feature_extractor"], networks["motion_extractor"]
    volume, raw = appearance(image), motion(image)
    yield "appearance", _Task(appearance, (image,), (volume,))
    yield "motion", _Task(motion, (image,), tuple(raw))
    keypoints = motion_of(RawMotion(*raw)).keypoints
    warping = FoldedWarping(networks["warping_module"], sample_slices).eval()  # type: ignore[arg-type]
    source = warping.prepare(volume, keypoints)
    yield "source", _Task(_SourceGraph(warping), (volume, keypoints), tuple(source)[2:])
    driving = keypoints + _STRAY * (2 * torch.rand(batch, *keypoints.shape[1:], generator=generator) - 1)
    many = WarpedSource(*(part.expand(batch, *part.shape[1:]).contiguous() for part in source))
    warped = networks["warping_module"](many.volume, driving, many.keypoints).features
    frame = FrameNetwork(warping, FoldedGenerator(networks["spade_generator"]).eval())  # type: ignore[arg-type]
    drawn = networks["spade_generator"](warped)
    yield "frame", _Task(frame, (driving, *many), (drawn,))
    ratios = torch.rand(1, 3, generator=generator)
    both = torch.cat([keypoints.flatten(1), driving[:1].flatten(1)], dim=1)
    for name, x in (
        ("stitching", both),
        ("eye", torch.cat([keypoints.flatten(1), ratios], dim=1)),
        ("lip", torch.cat([keypoints.flatten(1), ratios[:, :2]], dim=1)),
    ):
        yield name, _Task(networks[name], (x,), (networks[name](x),))


def _write(onnx: Any, name: str, task: _Task, path: Path, opset: int) -> list[str]:
    """Write one file; gives the types of its operators."""
    inputs, outputs = GRAPHS[name]
    with _quiet():
        program = torch.onnx.export(
            task.network.eval(),
            task.inputs,
            dynamo=True,
            opset_version=opset,
            input_names=inputs,
            output_names=outputs,
            verbose=False,
        )
    assert program is not None  # what `dynamo=True` gives
    model = program.model_proto
    for node in model.graph.node:
        node.ClearField("metadata_props")  # they tell about our source files
        node.ClearField("doc_string")
    onnx.checker.check_model(model)
    strange = sorted({f"{node.domain}::{node.op_type}" for node in model.graph.node if node.domain} | _functions(model))
    if strange:
        raise CheckpointError(f"{path.name}: holds operators outside of the standard: {', '.join(strange)}")
    path.write_bytes(model.SerializeToString())
    return sorted({node.op_type for node in model.graph.node})


def _functions(model: Any) -> set[str]:
    return {f"{function.domain}::{function.name}" for function in model.functions}


def _compared(name: str, task: _Task, path: Path, operators: list[str], tolerance: float) -> GraphRecord:
    """Run a file by ONNX Runtime on the CPU and compare it with what is expected."""
    inputs, outputs = GRAPHS[name]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = {key: np.ascontiguousarray(value.numpy()) for key, value in zip(inputs, task.inputs, strict=True)}
    got = dict(zip(outputs, session.run(list(outputs), given), strict=True))
    numbers = [got[key] for key in outputs if key != RGB]
    # A NaN on either side makes the difference NaN, which is not within any tolerance.
    difference = float(
        np.max([np.abs(ours - theirs.numpy()).max() for ours, theirs in zip(numbers, task.expected, strict=True)])
    )
    if not difference <= tolerance:
        raise CheckpointError(
            f"{path.name}: differs from PyTorch by {difference:.1e}, more than tolerance={tolerance:g}. Nothing was "
            "written. Report it, or give a tolerance that you can accept."
        )
    return GraphRecord(path.name, sha256_of(path), _shapes(given), _shapes(got), operators, difference)


def _shapes(arrays: Mapping[str, Any]) -> dict[str, list[int]]:
    return {name: list(array.shape) for name, array in arrays.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what exporters tell about themselves; their errors are raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
